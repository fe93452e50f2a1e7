import Checkpoints
import Foundation
import Qwen3TTS
import SpeechCore
import TensorGraph

/// The tiny checkpoints, and the values the authors' code computes with them.
enum Fixture: String, CaseIterable, Sendable {
    case base, customVoice = "custom_voice", voiceDesign = "voice_design"

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("Fixtures/qwen3-tts").path

    var path: String { "\(Self.folder)/tiny-\(rawValue)" }

    func files() throws -> ModelFiles { try ModelFiles(path: path) }
    func golden() throws -> CheckpointFile { try CheckpointFile(path: "\(path).golden.safetensors") }

    func load(
        _ type: ElementType? = .f32, sessions: Int = 1, threads: Int = 1, kernels: Bool = true
    ) throws -> any SpeechCore.Synthesizer {
        try load(files(), type, sessions: sessions, threads: threads, kernels: kernels)
    }

    func load(
        _ files: ModelFiles, _ type: ElementType?, sessions: Int = 1, threads: Int = 1, kernels: Bool = true
    ) throws -> any SpeechCore.Synthesizer {
        try Qwen3TTSFamily.load(
            files,
            LoadSettings(
                precision: Precision(type), device: .cpu, threads: threads, sessions: sessions,
                kernels: kernels))
    }
}

extension SynthesisOptions {
    /// So many frames, drawn at random.
    static func frames(_ count: Int, seed: UInt64, chunk: Int = 4) -> SynthesisOptions {
        SynthesisOptions(
            seed: seed, maximumTokens: count + 1, minimumTokens: count + 1, framesPerChunk: chunk)
    }
}

/// Largest difference over the largest value of `right`; infinite where one is not finite or counts differ.
func difference(_ left: [Float], _ right: [Float]) -> Double {
    guard left.count == right.count, !left.isEmpty, left.allSatisfy(\.isFinite) else { return .infinity }
    let largest = zip(left, right).map { abs(Double($0) - Double($1)) }.max() ?? .infinity
    return largest / max(right.map { abs(Double($0)) }.max() ?? 0, 1e-12)
}
