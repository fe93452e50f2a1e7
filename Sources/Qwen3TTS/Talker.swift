import Checkpoints
import NeuralLayers
import TensorGraph

/// The talker: rows of embeddings in, a hidden state and the scores of a frame's first code out.
struct Talker: Sendable {
    let stack: DecoderStack
    private let norm: RMSNorm
    private let head: Linear
    let codecEmbedding: EmbeddingTable
    let width: Int, vocabulary: Int

    init(_ weights: Weights, _ config: TalkerConfiguration) throws(LoadError) {
        (width, vocabulary) = (config.hiddenSize, config.vocabSize)
        stack = try DecoderStack(weights["model"]["layers"], config.decoder)
        norm = try RMSNorm(weights["model"]["norm"], width, config.decoder.epsilon)
        head = try Linear(weights["codec_head"], width, vocabulary, role: .head)
        codecEmbedding = try weights["model"]["codec_embedding"].table("weight", vocabulary, width)
    }

    /// `[rows, width]` to hidden states after the final norm and scores, of the last `outputs` rows.
    func callAsFunction(_ x: Tensor, _ step: Step, _ cache: KVCache, outputs: Int) -> (
        hidden: Tensor, scores: Tensor
    ) {
        let x = stack(x, step, cache)
        let hidden = norm(outputs == x.shape[0] ? x : x.rows(x.shape[0] - outputs, outputs).contiguous)
        return (hidden.named("talker.model.norm"), head(hidden).named("talker.codec_head"))
    }
}

/// Text ids to rows of the talker's width: `fc2(silu(fc1(embedding)))`.
struct TextProjection: Sendable {
    private let embedding: EmbeddingTable
    private let first, second: Linear
    let width: Int

    init(_ weights: Weights, _ config: TalkerConfiguration) throws(LoadError) {
        width = config.hiddenSize
        embedding = try weights["model"]["text_embedding"].table(
            "weight", config.textVocabSize, config.textHiddenSize)
        let projection = weights["text_projection"]
        first = try Linear(projection["linear_fc1"], config.textHiddenSize, config.textHiddenSize, bias: true)
        second = try Linear(projection["linear_fc2"], config.textHiddenSize, width, bias: true)
    }

    /// Rows for `ids`, one after the other, `[ids, width]`.
    func rows(_ ids: [Int32], on device: Device) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(ids.count * width)
        // A long text is projected a part at a time, so that memory does not grow with it.
        for start in stride(from: 0, to: ids.count, by: 128) {
            let part = ids[start..<min(start + 128, ids.count)]
            let (graph, ends) = Graph.layOut(on: device, nodes: 64) { graph in
                let x = graph.input("text", [part.count, embedding.width])
                let y = second(first(x).silu)
                graph.output(y)
                return (text: x, rows: y)
            }
            ends.text.write(embeddings(part))
            graph.compute()
            result += ends.rows.read()
        }
        return result
    }

    private func embeddings(_ ids: ArraySlice<Int32>) -> [Float] {
        [Float](unsafeUninitializedCapacity: ids.count * embedding.width) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            for (row, id) in ids.enumerated() { embedding.read(Int(id), into: base + row * embedding.width) }
            initialized = ids.count * embedding.width
        }
    }
}
