import Foundation
import Mynah
import Testing

@Suite struct ReadmeTests {
    // snippet
    func sayGoodMorning(to output: URL) async throws {
        let model = try await ModelLibrary().synthesizer()

        // The whole, as a file.
        try await model.speak("Good morning.", options: .init(seed: 7)).write(to: output)

        // The same, heard while it is made; leaving the loop stops the model.
        let line = Utterance("Rain again.", voice: .preset("vivian"), language: .english)
        for try await chunk in model.stream(line) {
            print(chunk.audio.duration, "seconds more")
        }
    }
    // end of snippet

    @Test func `the README's snippet is the one compiled here`() throws {
        let here = URL(fileURLWithPath: #filePath)
        let lines = try String(contentsOf: here, encoding: .utf8).components(separatedBy: "\n")
        let first = try #require(lines.firstIndex(of: "    // snippet"))
        let last = try #require(lines.firstIndex(of: "    // end of snippet"))
        let snippet = lines[(first + 2)..<(last - 1)].map { String($0.dropFirst(8)) }.joined(separator: "\n")
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        #expect(readme.contains(snippet))
    }

    @Test func `what the README plays while it is made is rounded so far that it keeps up`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let played = readme.components(separatedBy: "\n").filter {
            $0.contains("./mynah speak") && $0.contains("--play")
        }
        #expect(!played.isEmpty && played.allSatisfy { $0.contains("--quantize q4_0") })
    }

    @Test func `the README's snippet runs with the bundled voice`() async throws {
        let output = FileManager.default.temporaryDirectory.appendingPathComponent(
            "readme-\(UUID().uuidString).wav")
        defer { try? FileManager.default.removeItem(at: output) }
        try await sayGoodMorning(to: output)
        #expect(try AudioBuffer(contentsOf: output).duration > 0)
    }
}
