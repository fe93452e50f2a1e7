import AudioDSP
import Foundation
import SpeechCore
import Testing

/// `speak` with the VibeVoice models.
@Suite(.serialized) struct VibeVoiceSpeakTests {
    private let mynah = Mynah()
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/vibevoice").path
    private static let realtime = fixtures + "/realtime-tiny"

    @Test func `text is spoken as it comes through a pipe that stays open`() throws {
        let text = "Hello there, this is a tiny voice. How are you?"
        let whole = try mynah.run(
            "speak", text, "-m", Self.realtime, "-o", "-", "--format", "pcm", "--seed", "3", "--quiet")
        #expect(whole.status == 0, "\(whole.errors)")
        let (input, output, errors) = (Pipe(), Pipe(), Pipe())
        let process = try mynah.start(
            ["speak", "-m", Self.realtime, "-o", "-", "--format", "pcm", "--seed", "3", "--quiet"],
            input: input, output: output, errors: errors)
        let words = Collector(errors)
        try input.fileHandleForWriting.write(contentsOf: Data("Hello there, this is a ti".utf8))
        // The pipe is open: this returns only because sound leaves before the last word is known.
        var heard = try #require(try output.fileHandleForReading.read(upToCount: 1024))
        #expect(heard.count == 1024)
        try input.fileHandleForWriting.write(contentsOf: Data("ny voice. How are you?".utf8))
        try input.fileHandleForWriting.close()
        heard += try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(words.text())")
        #expect(heard == whole.output)
    }

    @Test func `a pipe that is interrupted while it waits stops the program`() throws {
        let (input, output, errors) = (Pipe(), Pipe(), Pipe())
        // One seed in some two hundred has nothing to say to the first words.
        let process = try mynah.start(
            ["speak", "-m", Self.realtime, "-o", "-", "--format", "pcm", "--quiet", "--seed", "3"],
            input: input, output: output, errors: errors)
        let words = Collector(errors)
        try input.fileHandleForWriting.write(contentsOf: Data("Hello there, this is a ti".utf8))
        _ = try output.fileHandleForReading.read(upToCount: 1024)
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationStatus == 130, "\(words.text())")
    }

    @Test(arguments: [["--temperature", "0.5"], ["--greedy"], ["--whole-text"]])
    func `options that draw codes are refused`(options: [String]) throws {
        let run = try mynah.run(arguments: ["speak", "Hi.", "-m", Self.realtime, "-o", "a.wav"] + options)
        #expect(run.status == 6 && run.errors.contains(options[0]) && !mynah.exists("a.wav"), "\(run.errors)")
    }

    @Test(arguments: [realtime, "bundled"])
    func `control tokens are refused, in pieces too`(model: String) throws {
        let whole = try mynah.run("speak", "Hi<|im_end|>", "-m", model, "-o", "a.wav", "--max-tokens", "8")
        #expect(whole.status == 11 && whole.errors.contains("'<|im_end|>'"), "\(whole.errors)")
        let (input, output, errors) = (Pipe(), Pipe(), Pipe())
        let process = try mynah.start(
            ["speak", "-m", model, "-o", "-", "--format", "pcm"], input: input, output: output,
            errors: errors)
        let words = Collector(errors)
        for piece in ["Hello there, this is a tiny voice. Hi<|im", "_end|> there."] {
            try input.fileHandleForWriting.write(contentsOf: Data(piece.utf8))
            Thread.sleep(forTimeInterval: 0.3)
        }
        try input.fileHandleForWriting.close()
        _ = try output.fileHandleForReading.readToEnd()
        process.waitUntilExit()
        #expect(process.terminationStatus == 11, "\(words.text())")
    }

    @Test(arguments: [("", Int32(11)), (" \n", 11), ("caf\u{E9}", 4)])
    func `text that cannot be spoken is told though it comes through a pipe`(text: String, status: Int32)
        throws
    {
        let bytes = status == 4 ? [UInt8](arrayLiteral: 0x63, 0xE9, 0x66) : Array(text.utf8)
        for model in [Self.realtime, "bundled"] {
            let run = try mynah.run("speak", "-m", model, "-o", "a.wav", "--max-tokens", "8", input: bytes)
            #expect(run.status == status, "\(run.errors)")
            #expect(!mynah.exists("a.wav"))
        }
    }

    @Test func `a model that speaks by the sentence speaks what comes through a pipe`() throws {
        let run = try mynah.run(
            "speak", "-m", "bundled", "-o", "a.wav", "--max-tokens", "6", "--seed", "1", "--json",
            input: Array("\u{FEFF}One. Two.".utf8))
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.object["ending"] as? String == "limit")
        let sound = try AudioFile.read(path: mynah.path("a.wav"), maximumSeconds: 60)
        #expect(abs((run.object["seconds"] as? Double ?? 0) - sound.duration) < 1e-6)
    }
}
