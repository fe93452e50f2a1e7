import Checkpoints
import Foundation
import NeuralLayers
import TensorGraph
import TextProcessing

/// A checkpoint's weights: both encoders, the connectors, the language model. Shared and immutable.
struct ASRModel: Sendable {
    let config: ASRConfiguration
    let prompts: ASRPromptBuilder
    let acoustic, semantic: EncoderNetwork
    let connectors: ASRConnectors
    let language: ASRLanguageModel

    /// Binds every tensor of the checkpoint; nothing is resident until the loader finishes.
    ///
    /// - Parameter tokenizer: used where it is given; nil reads the one beside the weights.
    init(_ files: ModelFiles, _ weights: Weights, tokenizer: BytePairTokenizer? = nil) throws {
        config = try ASRConfiguration(files.data("config.json"))
        prompts = try ASRPromptBuilder(
            tokenizer ?? ASRTokenizer.load(files), vocabulary: config.languageModel.vocabSize)
        let layout = config.layout
        acoustic = try EncoderNetwork(layout.acousticEncoder(weights), config.acoustic, layout)
        semantic = try EncoderNetwork(layout.semanticEncoder(weights), config.semantic, layout)
        connectors = try ASRConnectors(weights, config)
        language = try ASRLanguageModel(weights, config)
        // Listening makes no sound.
        weights["model"]["acoustic_tokenizer"]["decoder"].ignore()
    }
}

/// Frames of both encoders to rows of the language model's width.
struct ASRConnectors: Sendable {
    private let acoustic, semantic: ASRConnector
    let acousticWidth: Int, semanticWidth: Int

    init(_ weights: Weights, _ config: ASRConfiguration) throws(LoadError) {
        let width = config.languageModel.hiddenSize
        (acousticWidth, semanticWidth) = (config.acoustic.latentWidth, config.semantic.latentWidth)
        acoustic = try ASRConnector(weights, "acoustic", config.layout, acousticWidth, width)
        semantic = try ASRConnector(weights, "semantic", config.layout, semanticWidth, width)
    }

    /// What a run gives: each connector's rows, and their sum.
    struct Rows {
        let acoustic, semantic, sum: [Float]
    }

    /// Rows `[frames, width]` for frames `[frames, acousticWidth]` and `[frames, semanticWidth]`.
    func callAsFunction(_ frames: ASRFrames, on device: Device) -> Rows {
        let (graph, ends) = Graph.layOut(on: device, nodes: 64) { graph in
            let a = graph.input("acoustic", [frames.count, acousticWidth])
            let s = graph.input("semantic", [frames.count, semanticWidth])
            let (first, second) = (acoustic(a), semantic(s))
            let sum = first + second
            for tensor in [first, second, sum] { graph.output(tensor) }
            return (a: a, s: s, first: first, second: second, sum: sum)
        }
        ends.a.write(frames.acoustic)
        ends.s.write(frames.semantic)
        graph.compute()
        return Rows(acoustic: ends.first.read(), semantic: ends.second.read(), sum: ends.sum.read())
    }
}

/// What the encoders made of a recording, frame by frame.
struct ASRFrames {
    /// `[frames, latent]` each.
    var acoustic: [Float] = [], semantic: [Float] = []
    var count = 0

    /// The frames of a range.
    subscript(range: Range<Int>) -> ASRFrames {
        let (a, s) = (acoustic.count / max(1, count), semantic.count / max(1, count))
        return ASRFrames(
            acoustic: Array(acoustic[range.lowerBound * a..<range.upperBound * a]),
            semantic: Array(semantic[range.lowerBound * s..<range.upperBound * s]), count: range.count)
    }
}

/// `fc2(rmsnorm(fc1 x))`, with no activation between.
private struct ASRConnector: Sendable {
    private let first, second: Linear
    private let norm: RMSNorm
    /// A constant of the authors' code, whatever the language model's.
    private static let epsilon: Float = 1e-6

    init(
        _ weights: Weights, _ kind: String, _ layout: EncoderLayout, _ input: Int, _ width: Int
    ) throws(LoadError) {
        let (one, between, two) = layout.connector(weights, kind)
        first = try Linear(one, input, width, bias: true, role: .connector)
        norm = try RMSNorm(between, width, Self.epsilon)
        second = try Linear(two, width, width, bias: true, role: .connector)
    }

    func callAsFunction(_ x: Tensor) -> Tensor { second(norm(first(x))) }
}

/// Qwen2.5: rows in, scores of the next token out.
struct ASRLanguageModel: Sendable {
    let stack: DecoderStack
    private let norm: RMSNorm
    private let head: Linear
    private let embedding: EmbeddingTable
    let normPath: String, layersPath: String
    let width: Int, vocabulary: Int

    init(_ weights: Weights, _ config: ASRConfiguration) throws(LoadError) {
        let model = config.languageModel
        (width, vocabulary) = (model.hiddenSize, model.vocabSize)
        let (body, output) = config.layout.languageModel(weights)
        stack = try DecoderStack(body["layers"], model.decoder)
        norm = try RMSNorm(body["norm"], width, model.rmsNormEps)
        // Where the head is the embedding, the file has one of them only.
        let shared = model.tieWordEmbeddings == true && !output.exists
        embedding = try body["embed_tokens"].table(
            "weight", vocabulary, width, role: shared ? .head : .embedding)
        head = try Linear(shared ? body["embed_tokens"] : output, width, vocabulary, role: .head)
        (normPath, layersPath) = (body["norm"].path, body["layers"].path)
    }

    /// `[rows, width]` to the normed states and the scores of the last `outputs` rows.
    func callAsFunction(_ x: Tensor, _ step: Step, _ cache: KVCache, outputs: Int) -> (
        hidden: Tensor, scores: Tensor
    ) {
        let x = stack(x, step, cache)
        let hidden = norm(outputs == x.shape[0] ? x : x.rows(x.shape[0] - outputs, outputs).contiguous)
        return (hidden, head(hidden))
    }

    /// Writes a token's row.
    func embed(_ token: Int32, into target: UnsafeMutablePointer<Float>) {
        embedding.read(Int(token), into: target)
    }
}

extension EncoderLayout {
    fileprivate func acousticEncoder(_ root: Weights) -> Weights {
        switch self {
        case .authors: root["model"]["acoustic_tokenizer"]["encoder"]
        case .transformers: root["acoustic_tokenizer_encoder"]
        }
    }

    fileprivate func semanticEncoder(_ root: Weights) -> Weights {
        switch self {
        case .authors: root["model"]["semantic_tokenizer"]["encoder"]
        case .transformers: root["semantic_tokenizer_encoder"]
        }
    }

    fileprivate func languageModel(_ root: Weights) -> (body: Weights, head: Weights) {
        switch self {
        case .authors: (root["model"]["language_model"], root["lm_head"])
        case .transformers: (root["language_model"]["model"], root["language_model"]["lm_head"])
        }
    }

    fileprivate func connector(_ root: Weights, _ kind: String) -> (
        first: Weights, norm: Weights, second: Weights
    ) {
        switch self {
        case .authors:
            let place = root["model"]["\(kind)_connector"]
            return (place["fc1"], place["norm"], place["fc2"])
        case .transformers:
            let place = root["multi_modal_projector"]
            return (place["\(kind)_linear_1"], place["\(kind)_norm"], place["\(kind)_linear_2"])
        }
    }
}
