import Checkpoints
import Foundation
import SpeechCore
import TensorGraph
import VibeVoice

/// The tiny checkpoints in both layouts, and the values the authors' code computes with them.
enum ASRFixture: String, CaseIterable, Sendable {
    case authors = "asr-tiny", transformers = "asr-tiny-hf"

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("Fixtures/vibevoice").path

    var path: String { "\(Self.folder)/\(rawValue)" }

    func files() throws -> ModelFiles { try ModelFiles(path: path) }

    /// Both layouts hold the same weights, so the same values hold for them.
    static func golden() throws -> CheckpointFile {
        try CheckpointFile(path: "\(folder)/asr-tiny/golden.safetensors")
    }

    /// The recording of the golden file.
    static func recording() throws -> AudioBuffer {
        let tensor = try golden()["audio_raw"]
        return AudioBuffer(samples: tensor.map(Conversion.floats) ?? [], sampleRate: 24_000)
    }

    static func json(_ name: String) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
    }

    func load(_ type: ElementType? = .f32) throws -> any Transcriber {
        try Self.load(files(), type)
    }

    static func load(_ files: ModelFiles, _ type: ElementType? = .f32) throws -> any Transcriber {
        try ASRFamily.load(files, LoadSettings(precision: Precision(type), device: .cpu, threads: 2))
    }
}

/// A copy of a checkpoint that a test may change; gone when the test is.
final class ASRScratch {
    let path = NSTemporaryDirectory() + "mynah-asr-\(UInt64.random(in: 0 ... .max))"

    init(_ fixture: ASRFixture) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for name in try FileManager.default.contentsOfDirectory(atPath: fixture.path) {
            try Data(contentsOf: URL(fileURLWithPath: "\(fixture.path)/\(name)"))
                .write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }

    /// Changes a JSON file.
    func change(_ name: String, _ body: (inout [String: Any]) -> Void) throws {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        var object = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any] ?? [:]
        body(&object)
        try JSONSerialization.data(withJSONObject: object).write(to: url)
    }

    /// Replaces tensors' values, given by name and row-major index.
    func rewrite(_ value: (_ name: String, _ index: Int) -> Float?) throws {
        let file = "\(path)/model.safetensors"
        let sources = try CheckpointFile(path: file).tensors.map { tensor in
            guard value(tensor.name, 0) != nil else {
                return TensorSource(
                    tensor.name, tensor.type, tensor.shape, bytes: tensor.withBytes { Array($0) })
            }
            let bytes = (0..<tensor.shape.reduce(1, *)).flatMap { index in
                withUnsafeBytes(of: (value(tensor.name, index) ?? 0).bitPattern.littleEndian) { Array($0) }
            }
            return TensorSource(tensor.name, .f32, tensor.shape, bytes: bytes)
        }
        try FileManager.default.removeItem(atPath: file)
        try SafetensorsWriter.write(sources, to: file)
    }
}

extension Transcriber {
    /// Every event of a recording's transcription, at most `limit` of them.
    func events(
        _ audio: AudioBuffer, _ options: TranscriptionOptions = TranscriptionOptions(), limit: Int = 100_000
    ) throws -> [TranscriptionEvent] {
        let work = try begin(audio, options)
        var events: [TranscriptionEvent] = []
        while events.count < limit {
            events += try work.step()
            if case .finished? = events.last { break }
        }
        return events
    }

    func transcribe(
        _ audio: AudioBuffer, _ options: TranscriptionOptions = TranscriptionOptions()
    ) throws -> Transcript? {
        guard case .finished(let transcript)? = try events(audio, options).last else { return nil }
        return transcript
    }
}
