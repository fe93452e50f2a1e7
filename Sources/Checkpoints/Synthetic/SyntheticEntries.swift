/// Names and shapes, layer by layer.
package struct SyntheticEntries {
    package private(set) var entries: [SyntheticTensor] = []

    package init() {}

    /// A decoder's width, feed-forward width, layers, heads, key heads and head width.
    package struct Stack: Sendable {
        package var width: Int, feedForward: Int, layers: Int
        package var heads: Int, keyHeads: Int, headWidth: Int

        package init(
            width: Int, feedForward: Int, layers: Int, heads: Int, keyHeads: Int, headWidth: Int
        ) {
            (self.width, self.feedForward, self.layers) = (width, feedForward, layers)
            (self.heads, self.keyHeads, self.headWidth) = (heads, keyHeads, headWidth)
        }
    }

    package mutating func add(_ name: String, _ shape: Int...) {
        entries.append(.init(name: name, shape: shape))
    }

    package mutating func linear(_ path: String, _ output: Int, _ input: Int, bias: Bool = false) {
        add("\(path).weight", output, input)
        if bias { add("\(path).bias", output) }
    }

    /// Weights are `[out, in, taps]`, of a transposed convolution `[in, out, taps]`; every one has a bias.
    package mutating func convolution(
        _ path: String, _ first: Int, _ second: Int, _ taps: Int, transposed: Bool = false
    ) {
        add("\(path).weight", first, second, taps)
        add("\(path).bias", transposed ? second : first)
    }

    package mutating func norm(_ path: String, _ width: Int, bias: Bool = false) {
        add("\(path).weight", width)
        if bias { add("\(path).bias", width) }
    }

    package mutating func snake(_ path: String, _ channels: Int) {
        add("\(path).alpha", channels)
        add("\(path).beta", channels)
    }

    /// Gated decoder layers below `path`, and the norm after them.
    package mutating func decoder(
        _ path: String, _ stack: Stack, headNorms: Bool = false, scales: Bool = false, bias: Bool = false,
        endNorm: Bool = true
    ) {
        for index in 0..<stack.layers {
            let layer = "\(path).layers.\(index)"
            norm("\(layer).input_layernorm", stack.width)
            attention("\(layer).self_attn", stack, bias: bias)
            if headNorms {
                norm("\(layer).self_attn.q_norm", stack.headWidth)
                norm("\(layer).self_attn.k_norm", stack.headWidth)
            }
            norm("\(layer).post_attention_layernorm", stack.width)
            linear("\(layer).mlp.gate_proj", stack.feedForward, stack.width)
            linear("\(layer).mlp.up_proj", stack.feedForward, stack.width)
            linear("\(layer).mlp.down_proj", stack.width, stack.feedForward)
            if scales { layerScales(layer, stack.width) }
        }
        if endNorm { norm("\(path).norm", stack.width) }
    }

    /// The encoder's layers: centred norms, no gate, and no norm at the end.
    package mutating func plainDecoder(_ path: String, _ stack: Stack) {
        for index in 0..<stack.layers {
            let layer = "\(path).layers.\(index)"
            norm("\(layer).input_layernorm", stack.width, bias: true)
            attention("\(layer).self_attn", stack)
            norm("\(layer).post_attention_layernorm", stack.width, bias: true)
            linear("\(layer).mlp.fc1", stack.feedForward, stack.width)
            linear("\(layer).mlp.fc2", stack.width, stack.feedForward)
            layerScales(layer, stack.width)
        }
    }

    private mutating func attention(_ path: String, _ stack: Stack, bias: Bool = false) {
        let (queries, keys) = (stack.heads * stack.headWidth, stack.keyHeads * stack.headWidth)
        linear("\(path).q_proj", queries, stack.width, bias: bias)
        linear("\(path).k_proj", keys, stack.width, bias: bias)
        linear("\(path).v_proj", keys, stack.width, bias: bias)
        linear("\(path).o_proj", stack.width, queries)
    }

    private mutating func layerScales(_ layer: String, _ width: Int) {
        add("\(layer).self_attn_layer_scale.scale", width)
        add("\(layer).mlp_layer_scale.scale", width)
    }
}
