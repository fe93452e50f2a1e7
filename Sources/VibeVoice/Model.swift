import Checkpoints
import Foundation
import NeuralLayers
import SpeechCore
import TensorGraph
import TextProcessing

/// A checkpoint's weights and tables: what the model is and what it knows. Shared and immutable.
struct Model: Sendable {
    let config: RealtimeConfiguration
    let prompts: PromptBuilder
    let language: SpeechLanguageModel
    let head: DiffusionHead
    let decoder: AcousticDecoder
    /// Between the head's domain and the decoder's: u = z / scale - bias.
    let scale: Float, bias: Float
    /// Where the model lies, and its voices in `voices` beside it.
    let folder: String

    /// Samples per second. The configuration does not say; every release is made for it.
    static let sampleRate = 24_000

    /// Binds every tensor of the checkpoint; nothing is resident until the loader finishes.
    init(_ files: ModelFiles, _ root: Weights) throws {
        config = try RealtimeConfiguration.decoded(files.data("config.json"), file: "config.json")
        try config.validate()
        let tokenizer = try SpeechError.translating { try Self.tokenizer(files) }
        guard tokenizer.idLimit <= config.decoderConfig.vocabSize else {
            throw ConfigurationError.wrongValue(
                file: "config.json", key: "decoder_config.vocab_size",
                why: "is \(config.decoderConfig.vocabSize), fewer than the tokenizer's \(tokenizer.idLimit)")
        }
        prompts = PromptBuilder(tokenizer)
        language = try SpeechLanguageModel(root, config)
        let weights = root["model"]
        head = try DiffusionHead(weights["prediction_head"], config.diffusionHeadConfig)
        decoder = try AcousticDecoder(
            weights["acoustic_tokenizer"]["decoder"], config.acousticTokenizerConfig)
        scale = try weights.values("speech_scaling_factor", [])[0]
        bias = try weights.values("speech_bias_factor", [])[0]
        guard scale.isFinite, bias.isFinite, scale != 0 else {
            throw SpeechError(
                .corruptData,
                "The model's speech_scaling_factor is \(scale), its speech_bias_factor \(bias).",
                remedy: "Fetch the model again.")
        }
        folder = files.folder
    }

    /// The authors' repository has no tokenizer; its files lie beside the weights once they were fetched.
    private static func tokenizer(_ files: ModelFiles) throws -> BytePairTokenizer {
        guard files.has("tokenizer.json") || files.has("vocab.json") && files.has("merges.txt") else {
            throw SpeechError(
                .missingFile,
                "'\(files.path)' has no tokenizer: neither tokenizer.json nor vocab.json with merges.txt.",
                remedy: "The authors publish it apart: put those of Qwen/Qwen2.5-0.5B beside the weights.")
        }
        return try ASRTokenizer.load(files)
    }

    /// Rows a session's cache may hold.
    var contextRows: Int { min(config.decoderConfig.maxPositionEmbeddings, 8192) }

    /// What a preset must fit.
    var geometry: VoicePreset.Geometry {
        VoicePreset.Geometry(
            lower: config.lower.cache, upper: config.upper.cache, width: language.width, capacity: contextRows
        )
    }

    /// Caches and activations beside the weights, in bytes, for the memory check: as many rows as a minute needs.
    func workingMemory(sessions: Int) -> Int {
        let upper = config.upper.cache.bytes(rows: 2 * sessions * 1024, half: true)
        return upper + config.lower.cache.bytes(rows: sessions * 1024, half: true) + sessions * (48 << 20)
    }

    /// A latent of the head as the decoder takes it.
    func decoderLatent(_ z: [Float]) -> [Float] { z.map { $0 / scale - bias } }
}

extension ModelFiles {
    /// The folder that the model is, or lies in.
    var folder: String {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        return exists && isFolder.boolValue
            ? path : URL(fileURLWithPath: path).deletingLastPathComponent().path
    }
}
