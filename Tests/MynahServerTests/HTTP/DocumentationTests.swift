import Foundation
import MynahServer
import Testing

@Suite(.serialized) struct DocumentationTests {
    /// The blocks of shell in a page.
    private func examples(_ page: String) throws -> [String] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../docs/\(page)").standardizedFileURL
        let text = try String(contentsOf: file, encoding: .utf8)
        return text.components(separatedBy: "```sh\n").dropFirst().compactMap {
            $0.components(separatedBy: "\n```").first
        }
    }

    @Test func `every example of the API's page does what it says`() async throws {
        let examples = try examples("http-api.md")
        #expect(examples.count > 6)
        try await TestServer.run { server in
            let folder = server.home.appendingPathComponent("examples")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(try recordedTone(seconds: 4)).write(to: folder.appendingPathComponent("ann.wav"))
            let script = examples.joined(separator: "\n\n")
                .replacing("http://127.0.0.1:8080", with: "http://127.0.0.1:\(server.port)")
            let prelude =
                "set -euo pipefail\ncurl() { command curl -sS --fail-with-body --max-time 60 \"$@\"; }\n"
            let (status, output) = try await run(prelude + script, in: folder)
            #expect(status == 0, "\(output)")
            for name in ["morning.wav", "rain.pcm", "events.txt", "dialogue.mp3", "ann.srt", "ann-says.mp3"] {
                let bytes = try Data(contentsOf: folder.appendingPathComponent(name))
                #expect(!bytes.isEmpty, "\(name)")
            }
            let srt = try String(contentsOf: folder.appendingPathComponent("ann.srt"), encoding: .utf8)
            #expect(srt.contains(" --> "))
        }
    }

    private func run(_ script: String, in folder: URL) async throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", script]
        process.currentDirectoryURL = folder
        let output = folder.appendingPathComponent("output.txt")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        let handle = try FileHandle(forWritingTo: output)
        process.standardOutput = handle
        process.standardError = handle
        let (ends, ended) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { ended.yield($0.terminationStatus) }
        try process.run()
        var iterator = ends.makeAsyncIterator()
        let status = await iterator.next() ?? -1
        return (status, try String(contentsOf: output, encoding: .utf8))
    }
}
