import Checkpoints
import NeuralLayers
import SpeechCore
import TensorGraph
import TextProcessing

/// A long-form checkpoint's weights. Shared and immutable.
struct LongModel: Sendable {
    let config: LongConfiguration
    let prompts: LongPromptBuilder
    let language: LongLanguageModel
    let head: DiffusionHead
    let decoder: AcousticDecoder
    let acoustic, semantic: EncoderNetwork
    let acousticConnector, semanticConnector: Connector
    /// Between the tokenizer's domain and the head's: z = (u + bias) scale.
    let scale: Float, bias: Float

    /// Binds every tensor of the checkpoint; nothing is resident until the loader finishes.
    ///
    /// - Parameter tokenizer: used where it is given; nil reads the one beside the weights.
    init(_ files: ModelFiles, _ root: Weights, tokenizer: BytePairTokenizer? = nil) throws {
        config = try LongConfiguration(files.data("config.json"))
        let layout = config.layout, weights = root["model"], width = config.language.hiddenSize
        guard
            tokenizer != nil || files.has("tokenizer.json")
                || files.has("vocab.json") && files.has("merges.txt")
        else {
            throw SpeechError(
                .missingFile,
                "'\(files.path)' has no tokenizer: neither tokenizer.json nor vocab.json with merges.txt.",
                remedy: "The authors publish it apart: put those of Qwen/Qwen2.5-1.5B beside the weights.")
        }
        prompts = try LongPromptBuilder(
            tokenizer ?? ASRTokenizer.load(files), vocabulary: config.language.vocabSize)
        language = try LongLanguageModel(root, config.language)
        let isAuthors = layout == .authors
        head = try DiffusionHead(
            weights[isAuthors ? "prediction_head" : "diffusion_head"], config.diffusion, layout)
        let audio = weights[isAuthors ? "acoustic_tokenizer" : "audio_tower"]
        decoder = try AcousticDecoder(audio["decoder"], config.decoder, layout)
        acoustic = try EncoderNetwork(audio["encoder"], config.acoustic, layout)
        semantic = try EncoderNetwork(
            isAuthors ? weights["semantic_tokenizer"]["encoder"] : weights["semantic_tokenizer_encoder"],
            config.semantic,
            layout)
        acousticConnector = try Connector(
            weights[isAuthors ? "acoustic_connector" : "multi_modal_projector"], config.acoustic.latentWidth,
            width,
            layout)
        semanticConnector = try Connector(
            weights["semantic_connector"], config.semantic.latentWidth, width, layout)
        scale = try weights.values(isAuthors ? "speech_scaling_factor" : "latent_scaling_factor", [])[0]
        bias = try weights.values(isAuthors ? "speech_bias_factor" : "latent_bias_factor", [])[0]
        guard scale.isFinite, bias.isFinite, scale != 0 else {
            throw SpeechError(
                .corruptData, "The model's scaling factor is \(scale), its bias factor \(bias).",
                remedy: "Fetch the model again.")
        }
    }

    /// Samples in a frame.
    var hop: Int { config.decoder.samplesPerFrame }

    /// A latent of the head as the decoder takes it.
    func decoderLatent(_ z: [Float]) -> [Float] { z.map { $0 / scale - bias } }

    /// A latent of the encoder as the head and the connector take it.
    func headLatent(_ u: [Float]) -> [Float] { u.map { ($0 + bias) * scale } }

    /// Caches of a few minutes and activations beside the weights, in bytes, for the memory check.
    func workingMemory(sessions: Int) -> Int {
        let piece =
            hop * LongVoice.framesTogether * config.acoustic.filters * 4
            * (EncoderConfiguration.expansion + 4)
        let part =
            LongBatch.rowsTogether * 4
            * (config.language.intermediateSize * 3 + config.language.hiddenSize * 8)
        return piece + sessions
            * (part + language.stack.config.cache.bytes(rows: 2 * 4096, half: true) + (48 << 20))
    }
}

/// The language model, of which only four tokens are ever asked for.
struct LongLanguageModel: Sendable {
    let embedding: EmbeddingTable
    /// Nil where the output head is the embedding.
    private let head: EmbeddingTable?
    let stack: DecoderStack
    private let norm: RMSNorm
    let width: Int
    let layersPath: String

    init(_ root: Weights, _ config: ASRLanguageModelConfiguration) throws(LoadError) {
        let weights = root["model"]["language_model"]
        width = config.hiddenSize
        embedding = try weights["embed_tokens"].table("weight", config.vocabSize, width)
        head = try root["lm_head"].exists ? root["lm_head"].table("weight", config.vocabSize, width) : nil
        stack = try DecoderStack(weights["layers"], config.decoder)
        norm = try RMSNorm(weights["norm"], width, config.rmsNormEps)
        layersPath = weights["layers"].path
    }

    /// Rows `[rows, width]` to their normed states.
    func callAsFunction(_ x: Tensor, _ step: Step, _ cache: KVCache) -> Tensor { norm(stack(x, step, cache)) }

    /// Embeddings of `ids`, one after the other.
    func embeddings(_ ids: some Collection<Int32>) -> [Float] { Self.rows(ids, of: embedding, width) }

    /// What a state is multiplied with to score each of `ids`.
    func outputRows(_ ids: some Collection<Int32>) -> [Float] { Self.rows(ids, of: head ?? embedding, width) }

    private static func rows(_ ids: some Collection<Int32>, of table: EmbeddingTable, _ width: Int) -> [Float]
    {
        [Float](unsafeUninitializedCapacity: ids.count * width) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            for (row, id) in ids.enumerated() { table.read(Int(id), into: base + row * width) }
            initialized = ids.count * width
        }
    }
}

extension LongModel {
    /// The rows of a prompt, those of the voices' frames in their places.
    func promptRows(_ prompt: LongPrompt, voices: [[Float]]) -> [Float] {
        var rows = language.embeddings(prompt.ids)
        let frames = voices.flatMap { $0 }, width = language.width
        precondition(
            frames.count == prompt.voicePlaces.count * width, "\(frames.count) values of voices in a prompt")
        for (index, place) in prompt.voicePlaces.enumerated() {
            rows.replaceSubrange(
                place * width..<(place + 1) * width, with: frames[index * width..<(index + 1) * width])
        }
        return rows
    }
}
