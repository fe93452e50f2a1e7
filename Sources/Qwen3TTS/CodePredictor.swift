import Checkpoints
import NeuralLayers
import TensorGraph

/// The code predictor: the talker's hidden state and first code in, the frame's other codes out, one a pass.
struct CodePredictor: Sendable {
    let stack: DecoderStack
    private let norm: RMSNorm
    private let heads: [Linear]
    private let projection: Linear?
    /// Tables of codes 1..., as wide as the talker.
    let embeddings: [EmbeddingTable]
    /// Width of what comes in (the talker's), codes a head scores, codes it adds to a frame.
    let inputWidth: Int, vocabulary: Int, codes: Int

    init(_ weights: Weights, _ config: TalkerConfiguration) throws(LoadError) {
        let own = config.codePredictorConfig
        (inputWidth, vocabulary, codes) = (config.hiddenSize, own.vocabSize, config.numCodeGroups - 1)
        stack = try DecoderStack(weights["model"]["layers"], own.decoder)
        norm = try RMSNorm(weights["model"]["norm"], own.hiddenSize, own.decoder.epsilon)
        // The predictor may be narrower than the talker; then everything it is given goes through a projection.
        projection =
            try inputWidth == own.hiddenSize
            ? nil : Linear(weights["small_to_mtp_projection"], inputWidth, own.hiddenSize, bias: true)
        var heads: [Linear] = []
        var embeddings: [EmbeddingTable] = []
        for index in 0..<codes {
            heads.append(try Linear(weights["lm_head"][index], own.hiddenSize, vocabulary, role: .head))
            embeddings.append(
                try weights["model"]["codec_embedding"][index].table("weight", vocabulary, inputWidth))
        }
        (self.heads, self.embeddings) = (heads, embeddings)
    }

    /// One pass: `[rows, inputWidth]` to the scores of code `pass + 1`, of the last `outputs` rows.
    func callAsFunction(_ x: Tensor, pass: Int, _ step: Step, _ cache: KVCache, outputs: Int) -> Tensor {
        let x = (projection.map { $0(x) } ?? x).named("talker.code_predictor.input.\(pass)")
        let y = stack(x, step, cache)
        let last = outputs == y.shape[0] ? y : y.rows(y.shape[0] - outputs, outputs).contiguous
        return heads[pass](norm(last).named("talker.code_predictor.model.norm.\(pass)"))
    }
}
