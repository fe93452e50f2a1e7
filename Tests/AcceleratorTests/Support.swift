import Checkpoints
import Foundation
import Qwen3TTS
import SpeechCore
import TensorGraph
import Testing
import VibeVoice

/// A tiny checkpoint with its authors' values, of any family.
struct Fixture: Sendable, CustomTestStringConvertible {
    let model: String, golden: String
    let parity: @Sendable (ModelFiles, CheckpointFile, Precision, Device) throws -> ParityReport
    /// A stage that a run must have compared, near the end of the way.
    let last: String

    var testDescription: String { model }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures").path

    static func path(_ name: String) -> String { "\(folder)/\(name)" }

    static let base = qwen("base", last: "icl_long/wav")
    static let customVoice = qwen("custom_voice", last: "speaker_instruct/wav")
    static let all = [
        base, customVoice, qwen("voice_design", last: "design_plain/wav"),
        vibeVoice("realtime-tiny", last: "a_audio_chunks", VibeVoiceRealtimeFamily.parity),
        vibeVoice("1.5b-tiny", last: "a_semantic_embed", VibeVoiceLongFamily.parity),
        vibeVoice("asr-tiny", last: "logits", ASRFamily.parity),
    ]

    private static func qwen(_ variant: String, last: String) -> Fixture {
        Fixture(
            model: "qwen3-tts/tiny-\(variant)", golden: "qwen3-tts/tiny-\(variant).golden.safetensors",
            parity: Qwen3TTSFamily.parity, last: last)
    }

    private static func vibeVoice(
        _ name: String, last: String,
        _ parity: @escaping @Sendable (ModelFiles, CheckpointFile, Precision, Device) throws -> ParityReport
    ) -> Fixture {
        Fixture(
            model: "vibevoice/\(name)", golden: "vibevoice/\(name)/golden.safetensors", parity: parity,
            last: last)
    }

    func files() throws -> ModelFiles { try ModelFiles(path: Self.path(model)) }

    func report(_ precision: Precision, on device: Device) throws -> ParityReport {
        try parity(files(), CheckpointFile(path: Self.path(golden)), precision, device)
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips, and says why, where ggml offers nothing but the processor.
    static var needsAccelerator: Self {
        .enabled(if: Device.absence == nil, "no accelerator here: \(Device.absence ?? "")")
    }
}
