import NeuralLayers
import TensorGraph

/// The language model in two stacks: the lower reads text; the upper reads, on one line of time, what the lower made
/// of it and the frames spoken, each with a row that says which.
struct SpeechLanguageModel: Sendable {
    let embedding: EmbeddingTable
    let lower, upper: DecoderStack
    private let norm: RMSNorm
    private let connector: Connector
    private let textType, speechType: Weight
    private let stopFirst, stopSecond: Linear
    let width: Int, latent: Int

    /// - Parameter root: the checkpoint's root; most names lie below `model`, the stop classifier's do not.
    init(_ root: Weights, _ config: RealtimeConfiguration) throws(LoadError) {
        let weights = root["model"]
        let width = config.decoderConfig.hiddenSize
        (self.width, latent) = (width, config.acousticVaeDim)
        embedding = try weights["language_model"]["embed_tokens"].table(
            "weight", config.decoderConfig.vocabSize, width)
        lower = try DecoderStack(weights["language_model"]["layers"], config.lower)
        upper = try DecoderStack(weights["tts_language_model"]["layers"], config.upper)
        norm = try RMSNorm(weights["tts_language_model"]["norm"], width, config.decoderConfig.rmsNormEps)
        // Stored, and used by nothing: the upper stack is never given a token.
        weights["tts_language_model"]["embed_tokens"].ignore()
        connector = try Connector(weights["acoustic_connector"], latent, width)
        let types = try weights["tts_input_types"].values("weight", [2, width])
        speechType = weights["tts_input_types"].derived("speech", [width]) { Array(types[..<width]) }
        textType = weights["tts_input_types"].derived("text", [width]) { Array(types[width...]) }
        stopFirst = try Linear(root["tts_eos_classifier"]["fc1"], width, width, bias: true, role: .head)
        stopSecond = try Linear(root["tts_eos_classifier"]["fc2"], width, 1, bias: true, role: .head)
    }

    /// Embedded tokens `[rows, width]` through the lower stack, which has no norm at its end.
    func text(_ x: Tensor, _ step: Step, _ cache: KVCache) -> Tensor { lower(x, step, cache) }

    /// Rows of the upper stack for what the lower made of text.
    func textRows(_ y: Tensor) -> Tensor { y + textType }

    /// Rows of the upper stack for latents `[rows, latent]`.
    func speechRows(_ latents: Tensor) -> Tensor { connector(latents) + speechType }

    /// Rows through the upper stack and the final norm.
    func hidden(_ x: Tensor, _ step: Step, _ cache: KVCache) -> Tensor {
        norm(upper(x, step, cache)).named("model.tts_language_model.norm")
    }

    /// A logit for each hidden state; above 0 the speech is over.
    func stop(_ hidden: Tensor) -> Tensor { stopSecond(stopFirst(hidden).relu) }

    /// Embeddings of `ids`, one after the other.
    func embeddings(_ ids: some Collection<Int32>) -> [Float] {
        [Float](unsafeUninitializedCapacity: ids.count * width) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            for (row, id) in ids.enumerated() { embedding.read(Int(id), into: base + row * width) }
            initialized = ids.count * width
        }
    }
}
