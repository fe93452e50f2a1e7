import Checkpoints
import Foundation
import Qwen3TTS
import SpeechCore
import TensorGraph
import VibeVoice

/// A kind of model: its name in `config.json`, and the doors to the code that runs it.
struct Family: Sendable {
    /// The `model_type` of its configuration.
    let modelType: String
    /// Loads a checkpoint.
    let load: @Sendable (ModelFiles, LoadSettings) throws -> any Synthesizer
    /// What a checkpoint can do; nothing is made resident.
    let card: @Sendable (ModelFiles) throws -> ModelCard
    /// Bytes that a checkpoint would take in memory.
    let footprint: @Sendable (ModelFiles, LoadSettings) throws -> Int
    /// What each tensor of a checkpoint is for.
    let roles: @Sendable (ModelFiles) throws -> [String: WeightRole]
    /// Compares a checkpoint with the authors' own values.
    let parity: @Sendable (ModelFiles, CheckpointFile, Precision, Device) throws -> ParityReport
    /// What voices a checkpoint has, from its configuration alone.
    let voices: @Sendable (ModelFiles) throws -> VoiceGifts

    /// Every family, a line each.
    static let all = [
        Family(
            modelType: Qwen3TTSFamily.modelType, load: Qwen3TTSFamily.load, card: Qwen3TTSFamily.card,
            footprint: Qwen3TTSFamily.footprint, roles: Qwen3TTSFamily.roles,
            parity: Qwen3TTSFamily.parity, voices: Qwen3TTSFamily.voices),
        Family(
            modelType: VibeVoiceRealtimeFamily.modelType, load: VibeVoiceRealtimeFamily.load,
            card: VibeVoiceRealtimeFamily.card,
            footprint: VibeVoiceRealtimeFamily.footprint, roles: VibeVoiceRealtimeFamily.roles,
            parity: VibeVoiceRealtimeFamily.parity, voices: VibeVoiceRealtimeFamily.voices),
        Family(
            modelType: VibeVoiceLongFamily.modelType, load: VibeVoiceLongFamily.load,
            card: VibeVoiceLongFamily.card,
            footprint: VibeVoiceLongFamily.footprint, roles: VibeVoiceLongFamily.roles,
            parity: VibeVoiceLongFamily.parity, voices: VibeVoiceLongFamily.voices),
    ]

    /// The family of a checkpoint.
    ///
    /// - Throws: `SpeechError` of code `unsupported`, naming what it is and what is known.
    static func of(_ files: ModelFiles) throws -> Family {
        if TranscriberFamily.of(files) != nil {
            throw SpeechError(
                .unsupported, "'\(files.path)' is a model that listens; it does not speak.",
                remedy: "Use it with 'mynah transcribe'.")
        }
        struct Kind: Decodable { let modelType: String? }
        let kind: Kind
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            kind = try decoder.decode(Kind.self, from: files.data("config.json"))
        } catch let error as CheckpointError {
            throw SpeechError(describing: error)
        } catch {
            throw SpeechError(
                .wrongFormat, "'\(files.path)/config.json' is not a model's configuration.",
                remedy: "Fetch the model again.", underlying: error)
        }
        let known = all.map(\.modelType).joined(separator: ", ")
        guard let type = kind.modelType else {
            throw SpeechError(
                .unsupported, "The configuration of '\(files.path)' does not say what kind of model it is.",
                remedy: "A 'model_type' of one of these can be run: \(known).")
        }
        guard let family = all.first(where: { $0.modelType == type }) else {
            throw SpeechError(
                .unsupported,
                "'\(files.path)' is a model of kind '\(type)', which this program does not run.",
                remedy: "Kinds that it runs: \(known).")
        }
        return family
    }
}
