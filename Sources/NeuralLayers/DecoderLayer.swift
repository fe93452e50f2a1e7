package import TensorGraph

/// A stack of pre-norm decoder layers: talker, code predictor, both transformers of the speech codec.
package struct DecoderStack: Sendable {
    package let config: DecoderConfig
    private let layers: [DecoderLayer]
    private let path: String

    /// Layers `0..<config.layers` below `weights`.
    package init(_ weights: Weights, _ config: DecoderConfig) throws(LoadError) {
        self.config = config
        path = weights.path
        var layers: [DecoderLayer] = []
        for index in 0..<config.layers { layers.append(try DecoderLayer(weights[index], config)) }
        self.layers = layers
    }

    /// Rows `[rows, width]` through every layer, each seeing what its session has cached.
    package func callAsFunction(_ x: Tensor, _ step: Step, _ cache: KVCache) -> Tensor {
        var x = x
        for (index, layer) in layers.enumerated() {
            x = layer(x, step, cache.layer(index, in: x.graph)).named("\(path).\(index)")
        }
        return x
    }
}

/// A pre-norm decoder layer.
struct DecoderLayer: Sendable {
    private let inputNorm, postAttentionNorm: Norm
    private let attention: Attention
    private let mlp: MLP
    private let attentionScale, mlpScale: Weight?

    init(_ weights: Weights, _ config: DecoderConfig) throws(LoadError) {
        inputNorm = try Norm(weights["input_layernorm"], config)
        attention = try Attention(weights["self_attn"], config)
        postAttentionNorm = try Norm(weights["post_attention_layernorm"], config)
        mlp = try MLP(weights["mlp"], config)
        attentionScale =
            try config.layerScales ? weights["self_attn_layer_scale"].vector("scale", config.width) : nil
        mlpScale = try config.layerScales ? weights["mlp_layer_scale"].vector("scale", config.width) : nil
    }

    func callAsFunction(_ x: Tensor, _ step: Step, _ cache: KVCache.Layer) -> Tensor {
        let x = x.adding(scaled: attentionScale) { attention(inputNorm(x), step, cache, adding: $0) }
        return x.adding(scaled: mlpScale) { mlp(postAttentionNorm(x), adding: $0) }
    }
}

/// Attention whose query heads share key heads: Qwen2 has biases, Qwen3 has head norms.
struct Attention: Sendable {
    private let query, key, value, output: Linear
    private let queryNorm, keyNorm: RMSNorm?
    private let heads: HeadLayout

    init(_ weights: Weights, _ config: DecoderConfig) throws(LoadError) {
        heads = config.heads
        let (width, bias, role) = (config.width, config.projectionBias, config.role)
        query = try Linear(weights["q_proj"], width, heads.queryWidth, bias: bias, role: role)
        key = try Linear(weights["k_proj"], width, heads.keyWidth, bias: bias, role: role)
        value = try Linear(weights["v_proj"], width, heads.keyWidth, bias: bias, role: role)
        output = try Linear(weights["o_proj"], heads.queryWidth, width, role: role)
        queryNorm = try config.headNorms ? RMSNorm(weights["q_norm"], heads.width, config.epsilon) : nil
        keyNorm = try config.headNorms ? RMSNorm(weights["k_norm"], heads.width, config.epsilon) : nil
    }

    func callAsFunction(_ x: Tensor, _ step: Step, _ cache: KVCache.Layer, adding residual: Tensor?) -> Tensor
    {
        let qkv = Linear.together(x, query, key, value)
        let q = qkv[0].split(into: heads.query).rotated(at: step, after: queryNorm)
        let k = qkv[1].split(into: heads.key).rotated(at: step, after: keyNorm)
        let v = qkv[2].split(into: heads.key)
        return output(q.attending(to: cache.storing(k, v, at: step), at: step), adding: residual)
    }
}

/// The feed-forward: `down(silu(gate x) * up x)`, or `fc2(gelu(fc1 x))`.
enum MLP: Sendable {
    case gated(gate: Weight, up: Weight, down: Linear)
    case plain(Linear, Linear)

    init(_ weights: Weights, _ config: DecoderConfig) throws(LoadError) {
        let (width, inner, role) = (config.width, config.feedForward, config.role)
        if config.plainMLP {
            self = .plain(
                try Linear(weights["fc1"], width, inner, role: role),
                try Linear(weights["fc2"], inner, width, role: role))
        } else {
            self = .gated(
                gate: try weights["gate_proj"].matrix("weight", [inner, width], role: role),
                up: try weights["up_proj"].matrix("weight", [inner, width], role: role),
                down: try Linear(weights["down_proj"], inner, width, role: role))
        }
    }

    func callAsFunction(_ x: Tensor, adding residual: Tensor?) -> Tensor {
        switch self {
        case .gated(let gate, let up, let down): down(x.gated(gate, up), adding: residual)
        case .plain(let first, let second): second(first(x).gelu, adding: residual)
        }
    }
}

extension Tensor {
    /// This plus a branch, which adds it in its last product, or is scaled first where the layer has a scale.
    fileprivate func adding(scaled scale: Weight?, _ branch: (_ residual: Tensor?) -> Tensor) -> Tensor {
        scale.map { self + branch(nil) * $0 } ?? branch(self)
    }

    fileprivate func rotated(at step: Step, after norm: RMSNorm?) -> Tensor {
        rotated(at: step, after: norm.map { ($0.weight, $0.epsilon) })
    }
}
