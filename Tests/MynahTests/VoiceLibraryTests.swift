import Checkpoints
import Foundation
import Mynah
import SpeechCore
import Testing

struct VoiceLibraryTests {
    private let folder = Folder()
    private var library: VoiceLibrary { VoiceLibrary(at: folder.url) }

    static func voice(_ name: String, transcript: String? = "Words \"and\" more\nof them.") -> StoredVoice {
        let audio = AudioBuffer(samples: (0..<4800).map { sin(Float($0) / 20) / 2 }, sampleRate: 24_000)
        let profile = VoiceProfile(
            name: name, family: "qwen3_tts", speakerVector: [0.5, -1, 2],
            codes: transcript == nil ? [] : [Array(0..<16), Array(2032..<2048)], transcript: transcript)
        return StoredVoice(
            profile, model: "tiny", recording: audio, fileName: "ann.wav", consent: "Ann, 3 May")
    }

    private func code(_ body: () throws -> Void) -> SpeechError.Code? {
        do {
            try body()
            return nil
        } catch { return (error as? SpeechError)?.code }
    }

    @Test(arguments: ["with words", nil])
    func `a voice comes back as it was kept`(transcript: String?) throws {
        let voice = Self.voice("ann", transcript: transcript)
        try library.add(voice)
        #expect(try library.voice(named: "ann") == voice)
        #expect(try library.names() == ["ann"])
    }

    @Test func `a recording of another rate is kept at 24 kHz and its source is not rewritten`() throws {
        let audio = AudioBuffer(samples: [Float](repeating: 0.25, count: 16_000), sampleRate: 16_000)
        let profile = VoiceProfile(name: "low", family: "qwen3_tts", speakerVector: [1])
        try library.add(StoredVoice(profile, model: "tiny", recording: audio, fileName: "low.wav"))
        let read = try library.voice(named: "low")
        #expect(read.audio.sampleRate == 24_000)
        #expect(read.audio.samples.count == 24_000)
        #expect(read.source.sampleRate == 16_000)
        #expect(read.source.duration == 1)
    }

    @Test(arguments: [
        "", "a b", "../ann", "ann/bob", "ann.x", "änn", String(repeating: "a", count: 65), "a\0b",
    ])
    func `a name that will not do is refused before any file is touched`(name: String) throws {
        #expect(code { try library.add(Self.voice(name)) } == .invalidInput)
        #expect(code { _ = try library.voice(named: name) } == .invalidInput)
        #expect(code { try library.remove(name) } == .invalidInput)
        #expect(try library.names().isEmpty)
    }

    @Test func `a name that is taken is kept unless it is to be replaced`() throws {
        try library.add(Self.voice("ann"))
        #expect(code { try library.add(Self.voice("ann", transcript: nil)) } == .invalidInput)
        #expect(try library.voice(named: "ann").profile.transcript != nil)
        try library.add(Self.voice("ann", transcript: nil), replacing: true)
        #expect(try library.voice(named: "ann").profile.transcript == nil)
    }

    @Test func `an unknown voice is told with those there are`() throws {
        try library.add(Self.voice("ann"))
        do {
            _ = try library.voice(named: "bob", besides: ["vivian"])
            Issue.record("there is no bob")
        } catch let error as SpeechError {
            #expect(error.code == .unknownVoice)
            #expect(error.remedy.contains("ann") && error.remedy.contains("vivian"))
        }
        #expect(code { try library.remove("bob") } == .unknownVoice)
        try library.remove("ann")
        #expect(try library.names().isEmpty)
    }

    @Test func `a voice goes out and comes in under another name`() throws {
        try library.add(Self.voice("ann"))
        let file = folder.url.appendingPathComponent("carried")
        try library.export("ann", to: file)
        #expect(code { try library.import(from: file) } == .invalidInput)
        #expect(try library.import(from: file, as: "anna") == "anna")
        #expect(try library.voice(named: "anna").profile.codes == Self.voice("ann").profile.codes)
    }

    // MARK: hostile files

    private func write(
        _ change: (inout [String: String], inout [String: TensorSource]) -> Void
    ) throws -> URL {
        var metadata = [
            "format": "mynah.voice", "version": "1", "name": "ann", "family": "qwen3_tts", "model": "tiny",
            "created": "2026-05-03T10:00:00Z", "source_file": "a.wav", "source_duration": "1.5",
            "source_sample_rate": "24000", "source_sha256": "00", "transcript": "words",
        ]
        var tensors = [
            "speaker_vector": TensorSource(
                "speaker_vector", .f32, [2], bytes: [UInt8](repeating: 0, count: 8)),
            "codes": TensorSource("codes", .i32, [1, 16], bytes: [UInt8](repeating: 0, count: 64)),
            "audio": TensorSource("audio", .f32, [2], bytes: [UInt8](repeating: 0, count: 8)),
        ]
        change(&metadata, &tensors)
        let file = folder.url.appendingPathComponent("hostile")
        try SafetensorsWriter.write(
            tensors.keys.sorted().compactMap { tensors[$0] }, metadata: metadata, to: file.path)
        return file
    }

    private func codeOfReading(
        _ change: (inout [String: String], inout [String: TensorSource]) -> Void
    ) throws -> SpeechError.Code? {
        let file = try write(change)
        return code { try library.import(from: file, replacing: true) }
    }

    @Test func `the file that the hostile ones are made from is good`() throws {
        #expect(try codeOfReading { _, _ in } == nil)
    }

    @Test func `a later version is unsupported and a foreign file is of the wrong format`() throws {
        #expect(try codeOfReading { metadata, _ in metadata["version"] = "2" } == .unsupported)
        #expect(try codeOfReading { metadata, _ in metadata["format"] = nil } == .wrongFormat)
        #expect(try codeOfReading { metadata, _ in metadata["format"] = "other" } == .wrongFormat)
    }

    @Test(arguments: [
        "version", "name", "family", "model", "created", "source_duration", "source_sha256", "transcript",
    ])
    func `a field that is missing is damage`(key: String) throws {
        #expect(try codeOfReading { metadata, _ in metadata[key] = nil } == .corruptData)
    }

    @Test(arguments: [
        ("created", "yesterday"), ("source_duration", "-1"), ("source_sample_rate", "nan"), ("name", "../x"),
    ])
    func `a field that makes no sense is damage`(key: String, value: String) throws {
        #expect(try codeOfReading { metadata, _ in metadata[key] = value } == .corruptData)
    }

    @Test(arguments: ["speaker_vector", "codes", "audio"])
    func `a tensor that is missing or of the wrong type or rank is damage`(name: String) throws {
        #expect(try codeOfReading { _, tensors in tensors[name] = nil } == .corruptData)
        #expect(
            try codeOfReading { _, tensors in
                tensors[name] = TensorSource(name, .f64, [1], bytes: [UInt8](repeating: 0, count: 8))
            } == .corruptData)
        #expect(
            try codeOfReading { _, tensors in
                tensors[name] = TensorSource(name, .f32, [1, 1, 1], bytes: [UInt8](repeating: 0, count: 4))
            } == .corruptData)
    }

    @Test(arguments: [Int32(-1), 65_536, .max])
    func `a code out of range is damage`(bad: Int32) throws {
        let bytes = withUnsafeBytes(of: bad.littleEndian) { Array($0) } + [UInt8](repeating: 0, count: 60)
        #expect(
            try codeOfReading { _, tensors in
                tensors["codes"] = TensorSource("codes", .i32, [1, 16], bytes: bytes)
            } == .corruptData)
    }

    @Test func `numbers that are none are damage`() throws {
        let bytes = withUnsafeBytes(of: Float.nan.bitPattern) { Array($0) }
        for name in ["speaker_vector", "audio"] {
            #expect(
                try codeOfReading { _, tensors in tensors[name] = TensorSource(name, .f32, [1], bytes: bytes)
                }
                    == .corruptData)
        }
    }

    @Test func `a file cut anywhere is refused and never crashes`() throws {
        try library.add(Self.voice("ann"))
        let whole = try Data(contentsOf: folder.url.appendingPathComponent("ann.mynah-voice"))
        let file = folder.url.appendingPathComponent("cut")
        for length in stride(from: 0, to: whole.count, by: 97) {
            try whole.prefix(length).write(to: file)
            let found = code { try library.import(from: file, as: "cut") }
            #expect(found == .corruptData || found == .wrongFormat, "\(length) bytes")
        }
    }

    @Test func `a recording given as a voice is of the wrong format`() throws {
        let file = folder.url.appendingPathComponent("a.wav")
        try AudioBuffer(samples: [Float](repeating: 0, count: 100), sampleRate: 24_000).write(to: file)
        #expect(code { try library.import(from: file) } == .wrongFormat)
        #expect(code { try library.import(from: folder.url) } == .wrongFormat)
        #expect(code { try library.import(from: folder.url.appendingPathComponent("none")) } == .missingFile)
    }
}

/// A folder that goes with whoever made it.
final class Folder: Sendable {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("mynah-\(UUID().uuidString)")
    init() { try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: url) }
}
