import AudioDSP
import Foundation
import SpeechCore
import Testing

/// Scripts through `speak`.
@Suite(.serialized) struct DialogueTests {
    private let mynah = Mynah()
    private static let model = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/vibevoice/1.5b-tiny").path

    private func record(_ name: String, hertz: Double) throws {
        let writer = try AudioFileWriter(path: mynah.path(name), format: .wav, sampleRate: 24_000)
        try writer.write((0..<24_000).map { Float(0.3 * sin(2 * Double.pi * hertz * Double($0) / 24_000)) })
        try writer.finish()
    }

    private func prepare() throws {
        try record("ann.wav", hertz: 220)
        try record("bob.wav", hertz: 330)
        mynah.write(
            Array("Ann: Hello there.\n\nBob: Hi, how are you?\nAnn: I'm fine.\n".utf8), to: "scene.txt")
        mynah.write(
            Array(
                #"[{"speaker":"Ann","text":"Hello there."},{"speaker":"Bob","text":"Hi, how are you?"},{"speaker":"Ann","text":"I'm fine."}]"#
                    .utf8), to: "scene.json")
    }

    private func speak(_ more: [String], input: [UInt8]? = nil) throws -> Mynah.Outcome {
        try mynah.run(
            arguments: ["speak", "-m", Self.model, "--seed", "1", "--steps", "2", "--json"] + more,
            input: input)
    }

    private static let voices = ["--speaker", "ann=ann.wav", "--speaker", "Bob=bob.wav"]

    @Test func `a script from a file, as JSON or from a pipe is the same dialogue`() throws {
        try prepare()
        let text = try speak(["-f", "scene.txt", "-o", "a.wav", "--max-tokens", "6"] + Self.voices)
        #expect(text.status == 0, "\(text.errors)")
        let json = try speak(["-f", "scene.json", "-o", "b.wav", "--max-tokens", "6"] + Self.voices)
        #expect(json.status == 0, "\(json.errors)")
        let pipe = try speak(
            ["-o", "c.wav", "--max-tokens", "6"] + Self.voices, input: [UInt8](mynah.data("scene.txt")))
        #expect(pipe.status == 0, "\(pipe.errors)")
        #expect(mynah.data("a.wav").count > 6400)
        #expect(mynah.data("a.wav") == mynah.data("b.wav") && mynah.data("a.wav") == mynah.data("c.wav"))
    }

    @Test func `what is cut says where, in words and as JSON`() throws {
        try prepare()
        let run = try speak(["-f", "scene.txt", "-o", "a.wav", "--max-tokens", "3"] + Self.voices)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("cut in turn 1 of 3 (Ann, line 1)"), "\(run.errors)")
        let object = run.object
        #expect(object["turn"] as? Int == 1 && object["turns"] as? Int == 3)
        #expect(object["speaker"] as? String == "Ann" && object["line"] as? Int == 1)
        #expect(object["ending"] as? String == "limit")
    }

    /// Speaks a script that takes long, stops it when `isTime`, and gives what it told and printed.
    private func interrupt(
        _ more: [String], isTime: () -> Bool
    ) throws -> (told: String, object: [String: Any]) {
        let line = String(repeating: "The birch canoe slid on the smooth planks. ", count: 500)
        mynah.write(Array("Ann: \(line)\nBob: \(line)".utf8), to: "scene.txt")
        let (output, errors) = (Pipe(), Pipe())
        let process = try mynah.start(
            ["speak", "--script", "-f", "scene.txt", "-o", "a.wav", "--json"] + more, output: output,
            errors: errors)
        let words = Collector(errors)
        for _ in 0..<200 where !isTime() && process.isRunning { Thread.sleep(forTimeInterval: 0.05) }
        process.interrupt()
        let printed = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        let object = try JSONSerialization.jsonObject(with: printed) as? [String: Any] ?? [:]
        #expect((object["error"] as? [String: Any])?["code"] as? String == "cancelled")
        return (words.text(), object["speech"] as? [String: Any] ?? [:])
    }

    @Test(arguments: [["--stream"], []])
    func `a dialogue that is interrupted says where and keeps its sound, whoever speaks it`(
        options: [String]
    ) throws {
        let (told, speech) = try interrupt(["-m", "bundled"] + options) { soundSoFar ?? 0 > 4096 }
        #expect(told.contains("stopped in turn 1 of 2 (Ann, line 1), after "), "\(told)")
        #expect(told.contains("a.wav' holds the sound made so far"), "\(told)")
        #expect(speech["turn"] as? Int == 1 && speech["turns"] as? Int == 2)
        #expect(speech["output"] as? String == "a.wav")
        let seconds = try #require(speech["seconds"] as? Double)
        let kept = try AudioFile.read(path: mynah.path("a.wav"), maximumSeconds: 600).audio
        #expect(seconds > 0 && abs(kept.duration - seconds) < 0.01)
    }

    @Test func `a dialogue that is interrupted before its first sound says where, and leaves no file`() throws
    {
        // Some 40,000 tokens of prompt are read before the first sound.
        let (told, speech) = try interrupt(["-m", Self.model, "--quantize", "f32"]) { soundSoFar == 0 }
        #expect(told.contains("stopped in turn 1 of 2 (Ann, line 1), before its first sound"), "\(told)")
        #expect(speech["turn"] as? Int == 1 && speech["output"] == nil)
        #expect(!mynah.exists("a.wav"))
    }

    /// Bytes of the file that is being written, under whatever name; nil when there is none yet.
    private var soundSoFar: Int? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: mynah.home.path)) ?? []
        return names.first { $0 == "a.wav" || $0.hasSuffix(".part") }.map { mynah.data($0).count }
    }

    @Test(arguments: [
        (Int32(9), "Ann: Hi.\nEve: Ho."), (11, "Ann: Hi.\nBob:"), (11, "Ann: Hi.\nno speaker"),
        (11, "Ann: Hi."),
        (11, "[{\"speaker\": 1}]"), (11, " "),
    ])
    func `a script that cannot be spoken is refused before any sound`(status: Int32, script: String) throws {
        try prepare()
        mynah.write(Array(script.utf8), to: "bad.txt")
        let run = try speak(["-f", "bad.txt", "-o", "a.wav"] + Self.voices)
        #expect(run.status == status, "\(run.errors)")
        #expect(!mynah.exists("a.wav"))
    }

    @Test func `five speakers are refused, and voices are given in one way`() throws {
        try prepare()
        mynah.write(Array((1...5).map { "Speaker \($0): Hi.\n" }.joined().utf8), to: "five.txt")
        #expect(try speak(["-f", "five.txt", "-o", "a.wav", "--script"]).status == 6)
        #expect(try speak(["-f", "scene.txt", "-o", "a.wav", "--script", "-v", "ann.wav"]).status == 64)
        #expect(try speak(["-f", "scene.txt", "-o", "a.wav", "--speaker", "Ann"]).status == 64)
        #expect(try speak(["-f", "scene.txt", "-o", "a.wav", "--speaker", "Ann=none.wav"]).status == 3)
        #expect(!mynah.exists("a.wav"))
    }
}
