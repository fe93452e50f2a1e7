import Checkpoints
import Foundation
import SpeechCore
import TensorGraph
import VibeVoice

/// The tiny checkpoint, and the values the authors' code computes with it.
enum Fixture {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("Fixtures/vibevoice").path
    static let model = folder + "/realtime-tiny"

    static func files() throws -> ModelFiles { try ModelFiles(path: model) }
    static func golden() throws -> CheckpointFile { try CheckpointFile(path: model + "/golden.safetensors") }
    static func preset(_ name: String) -> String { "\(folder)/presets/\(name).pt" }

    static func load(
        _ type: ElementType? = .f32, sessions: Int = 1, threads: Int = 2, kernels: Bool = true
    ) throws -> any SpeechCore.Synthesizer {
        try VibeVoiceRealtimeFamily.load(
            files(),
            LoadSettings(
                precision: Precision(type), device: .cpu, threads: threads, sessions: sessions,
                kernels: kernels))
    }
}

extension SynthesisOptions {
    /// At most so many rows of text and speech.
    static func rows(_ count: Int? = nil, seed: UInt64 = 1, chunk: Int = 4) -> SynthesisOptions {
        SynthesisOptions(seed: seed, maximumTokens: count, framesPerChunk: chunk)
    }
}
