import AudioDSP
import Foundation
import SpeechCore
import SpeechTesting
import Testing

/// What becomes of the program when its standard streams do not work, and which of them bears what.
@Suite(.serialized) struct StreamTests {
    private let mynah = Mynah()

    /// A command line, its words apart by spaces.
    private static let printing = [
        "models", "models --json", "models show bundled --json", "models path bundled", "inspect MODEL",
        "inspect MODEL --json", "doctor", "doctor --json", "voices --json",
        "convert MODEL --quantize q8_0 -o a.gguf",
        "convert MODEL --quantize q8_0 -o b.gguf --json", "speak Hi. -o a.wav --json --max-tokens 6 -m MODEL",
        "speak Hi. --max-tokens 6 -m MODEL -o -", "parity MODEL GOLDEN", "--help", "--version",
    ]

    private func arguments(_ line: String) -> [String] {
        line.split(separator: " ").map {
            String($0).replacing("MODEL", with: Mynah.customVoice)
                .replacing("GOLDEN", with: Mynah.customVoice + ".golden.safetensors")
        }
    }

    @Test(arguments: printing, [">&-", ">/dev/full"])
    func `output that gets nowhere is an error and no crash`(line: String, redirection: String) throws {
        guard redirection == ">&-" || FileManager.default.fileExists(atPath: "/dev/full") else {
            Issue.record("there is no /dev/full")
            return
        }
        let run = try mynah.run(arguments: arguments(line), redirection: redirection)
        #expect(run.status == 13, "\(run.errors)")
        #expect(run.errors.contains("standard output"), "\(run.errors)")
    }

    @Test(arguments: ["2>&-", "2>/dev/full", "2>&- <&-", "<&- >&- 2>&-"])
    func `words that nobody gets stop nothing, and stand in no file`(redirection: String) throws {
        let run = try mynah.run(
            arguments: arguments("speak Hi. -o a.wav --max-tokens 6 -m MODEL"), redirection: redirection)
        #expect(run.status == 0)
        #expect(try AudioFile.read(path: mynah.path("a.wav"), maximumSeconds: 60).duration > 0.1)
        #expect(String(decoding: mynah.data("a.wav"), as: UTF8.self).contains("seed") == false)
        let failed = try mynah.run(arguments: ["speak", "", "-o", "b.wav"], redirection: redirection)
        #expect(failed.status == 11)
    }

    @Test func `a reader of stderr that leaves stops nothing`() throws {
        let (output, errors) = (Pipe(), Pipe())
        try errors.fileHandleForReading.close()
        let process = try mynah.start(["voices"], output: output, errors: errors)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    }

    // MARK: objects

    @Test func `where sound has stdout a failure's object is on stderr`() throws {
        let run = try mynah.run(
            arguments: arguments("speak Hi. -v nobody --json -o - -m MODEL"))
        #expect(run.status == 9 && run.output.isEmpty)
        #expect(run.errors.contains(#"{"error":{"code":"unknown_voice""#), "\(run.errors)")
    }

    @Test func `a signal's object is on stderr too, and the sound whole before it`() throws {
        mynah.write(Array(String(repeating: "The birch canoe slid. ", count: 500).utf8), to: "big.txt")
        let (output, errors) = (Pipe(), Pipe())
        let process = try mynah.start(
            ["speak", "-f", "big.txt", "--json", "-o", "-"], output: output, errors: errors)
        let words = Collector(errors)
        let first = output.fileHandleForReading.availableData
        process.interrupt()
        let sound = first + ((try output.fileHandleForReading.readToEnd()) ?? Data())
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(sound.starts(with: Array("RIFF".utf8)) && sound.range(of: Data("{\"error".utf8)) == nil)
        #expect(words.text().contains(#"{"error":{"code":"cancelled""#))
    }

    @Test(arguments: ["-o a.wav", "--play", "-o -", "--output=-", ""])
    func `a command line that is not understood is an object too`(output: String) throws {
        let run = try mynah.run(arguments: arguments("speak Hi. --json --top-p 2 \(output)"))
        #expect(run.status == 64)
        let isSound = !["-o a.wav", "--play"].contains(output)
        let text = isSound ? run.errors : run.text
        #expect(run.output.isEmpty == isSound)
        #expect(text.contains(#"{"error":{"code":"usage","message":"--top-p takes"#), "\(text)")
        #expect(run.errors.contains("Usage: mynah speak"))
    }

    @Test func `what follows two dashes is text, and asks for no object`() throws {
        let run = try mynah.run("speak", "-o", "a.wav", "-v", "nobody", "--", "--json")
        #expect(run.status == 9 && run.output.isEmpty)
    }
}
