import Checkpoints
import Foundation
import SpeechCore
import TensorGraph
import VibeVoice

/// A kind of model that listens, as `Family` is one that speaks. It is told by the whole configuration, since its
/// `model_type` may be that of a model that speaks.
struct TranscriberFamily: Sendable {
    let name: String
    /// Whether it writes English for what is said in another language.
    let translates: Bool
    /// Whether a `config.json` is of this kind.
    let claims: @Sendable (Data) -> Bool
    /// Loads a checkpoint.
    let load: @Sendable (ModelFiles, LoadSettings) throws -> any Transcriber
    /// What a checkpoint can do; nothing is made resident.
    let card: @Sendable (ModelFiles) throws -> TranscriberCard
    /// Bytes that a checkpoint would take in memory.
    let footprint: @Sendable (ModelFiles, LoadSettings) throws -> Int
    /// What each tensor is for.
    let roles: @Sendable (ModelFiles) throws -> [String: WeightRole]
    /// Compares a checkpoint with the authors' own values.
    let parity: @Sendable (ModelFiles, CheckpointFile, Precision, Device) throws -> ParityReport

    /// Every family, a line each.
    static let all = [
        TranscriberFamily(
            name: ASRFamily.name, translates: false, claims: ASRFamily.claims, load: ASRFamily.load,
            card: ASRFamily.card, footprint: ASRFamily.footprint,
            roles: ASRFamily.roles, parity: ASRFamily.parity)
    ]

    /// The family of a checkpoint; nil when it does not listen, or cannot be told.
    static func of(_ files: ModelFiles) -> TranscriberFamily? {
        guard let config = try? files.data("config.json") else { return nil }
        return all.first { $0.claims(config) }
    }
}
