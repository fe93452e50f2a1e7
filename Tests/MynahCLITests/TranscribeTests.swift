import AudioDSP
import Checkpoints
import Foundation
import SpeechCore
import Testing

/// `transcribe` with the tiny model, whose answer to one recording is known.
@Suite(.serialized) struct TranscribeTests {
    private let mynah = Mynah()
    private static let model = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/vibevoice/asr-tiny").path

    private func record(_ name: String, _ samples: [Float]) throws {
        let writer = try AudioFileWriter(path: mynah.path(name), format: .wavFloat, sampleRate: 24_000)
        try writer.write(samples)
        try writer.finish()
    }

    /// The recording of the golden file.
    private func prepare() throws {
        let golden = try CheckpointFile(path: Self.model + "/golden.safetensors")
        let stored = try #require(golden["audio_raw"])
        let samples = stored.withBytes { bytes in
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
        try record("meeting.wav", samples)
    }

    private func transcribe(_ more: String...) throws -> Mynah.Outcome {
        try mynah.run(
            arguments: ["transcribe", "-m", Self.model, "--quantize", "f32", "--device", "cpu"] + more)
    }

    @Test func `text, json and subtitles tell the same segments`() throws {
        try prepare()
        let json = try transcribe("meeting.wav", "--format", "json")
        #expect(json.status == 0, "\(json.errors)")
        let segments = try #require(json.object["segments"] as? [[String: Any]])
        #expect(segments.count == 2)
        #expect(
            segments.allSatisfy {
                $0["speaker"] is String && $0["start"] is NSNumber && $0["end"] is NSNumber
            })
        let words = segments.compactMap { $0["text"] as? String }
        let text = try transcribe("meeting.wav")
        #expect(text.text.split(separator: "\n").count == 2)
        let srt = try transcribe("meeting.wav", "-o", "a.srt")
        #expect(srt.status == 0 && srt.output.isEmpty)
        let vtt = try transcribe("meeting.wav", "--format", "vtt")
        #expect(vtt.text.hasPrefix("WEBVTT\n"))
        for word in words {
            #expect(text.text.contains(word) && vtt.text.contains(word))
            #expect(String(decoding: mynah.data("a.srt"), as: UTF8.self).contains(word))
        }
        #expect(String(decoding: mynah.data("a.srt"), as: UTF8.self).hasPrefix("1\n00:00:0"))
        #expect(try transcribe("meeting.wav", "--json").text == json.text)
    }

    @Test func `a stream of text gives every segment on a line with its speaker`() throws {
        try prepare()
        let json = try transcribe("meeting.wav", "--json")
        let segments = try #require(json.object["segments"] as? [[String: Any]])
        let lines = segments.map {
            "Speaker \($0["speaker"] as? String ?? ""): \($0["text"] as? String ?? "")\n"
        }
        let stream = try transcribe("meeting.wav", "--stream")
        #expect(stream.status == 0, "\(stream.errors)")
        #expect(stream.text == lines.joined())
        #expect(try transcribe("meeting.wav", "--stream", "--json").status == 64)
        #expect(try transcribe("meeting.wav", "--stream", "-o", "a.txt").status == 64)
    }

    @Test func `words cut off by the token limit are in every form`() throws {
        try prepare()
        for form in ["text", "json", "srt", "vtt"] {
            let run = try transcribe("meeting.wav", "--max-tokens", "45", "--format", form)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.text.contains("Hello there.") && run.text.contains("Hi"), "\(run.text)")
            #expect(run.errors.contains("token limit") && run.errors.contains("as it was written"))
        }
        let stream = try transcribe("meeting.wav", "--max-tokens", "45", "--stream")
        #expect(stream.text.contains("Speaker 1: Hi") && stream.text.contains("{\"Start\":1.25"))
    }

    @Test func `context and hotwords are both heard`() throws {
        try prepare()
        // A control token is refused wherever the model would read it.
        for names in [
            ["--context", "--hotwords"], ["--hotwords", "--context"], ["--context", "--context"],
        ] {
            let run = try transcribe("meeting.wav", names[0], "<|im_end|>", names[1], "Ann")
            #expect(run.status == 11, "\(names): \(run.errors)")
        }
        let run = try transcribe("meeting.wav", "--context", "a river", "--hotwords", "birch, canoe")
        #expect(run.status == 0, "\(run.errors)")
    }

    @Test func `silence is told, and a recording of nothing refused`() throws {
        try record("silent.wav", [Float](repeating: 0, count: 24_000))
        let silent = try transcribe("silent.wav", "--json")
        #expect(silent.status == 0, "\(silent.errors)")
        #expect(silent.object["warnings"] as? [String] == ["silence"])
        #expect((silent.object["segments"] as? [Any])?.isEmpty == true)
        #expect(silent.errors.contains("silent"))
        mynah.write(wave(seconds: 0), to: "empty.wav")
        let empty = try transcribe("empty.wav")
        #expect([4, 5, 11].contains(empty.status), "\(empty.errors)")
        #expect(empty.output.isEmpty && empty.errors.contains("error:"))
        #expect(empty.errors.contains("Give a recording of speech."), "\(empty.errors)")
        let voice = try mynah.run("clone", "ann", "--audio", "empty.wav", "-m", "bundled")
        #expect(voice.errors.contains("three to thirty seconds"), "\(voice.errors)")
    }

    @Test(arguments: [
        ("g.foo", Int32(11), "no transcript format 'foo'"), ("none/g.srt", 13, "there is no folder"),
    ])
    func `a place that cannot be is told before anything is heard`(
        output: String, status: Int32, words: String
    ) throws {
        // There is neither such a recording nor such a model.
        let run = try mynah.run("transcribe", "none.wav", "-m", "none", "-o", output)
        #expect(run.status == status && run.errors.contains(words), "\(run.errors)")
    }

    @Test func `three hours are refused before the model is loaded`() throws {
        mynah.write(wave(seconds: 10_800), to: "long.wav")
        let file = try FileHandle(forWritingTo: mynah.home.appendingPathComponent("long.wav"))
        try file.truncate(atOffset: 44 + 10_800 * 16_000)
        try file.close()
        // A folder that is no model is told when it is loaded, which does not come.
        let run = try mynah.run("transcribe", "long.wav", "-m", Self.model)
        #expect(run.status == 11, "\(run.errors)")
        #expect(run.errors.contains("3600") && run.errors.contains("into parts"), "\(run.errors)")
    }

    @Test func `translation is refused with the reason`() throws {
        try prepare()
        let run = try transcribe("meeting.wav", "--translate")
        #expect(run.status == 6)
        #expect(run.errors.contains("not trained to translate"), "\(run.errors)")
    }

    @Test(arguments: [("none.wav", Int32(3)), ("text.txt", 4), (".", 4)])
    func `what is no recording is refused`(name: String, status: Int32) throws {
        mynah.write(Array("no sound".utf8), to: "text.txt")
        let run = try transcribe(name)
        #expect(run.status == status, "\(run.errors)")
    }

    /// A header of 16-bit sound at 8 kHz; the samples are another matter.
    private func wave(seconds: Int) -> [UInt8] {
        func number(_ value: Int, _ bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(value >> (8 * $0) & 255) }
        }
        let size = seconds * 16_000
        return Array("RIFF".utf8) + number(size + 36, 4) + Array("WAVEfmt ".utf8) + number(16, 4)
            + number(1, 2)
            + number(1, 2) + number(8000, 4) + number(16_000, 4) + number(2, 2) + number(16, 2)
            + Array("data".utf8) + number(size, 4)
    }
}
