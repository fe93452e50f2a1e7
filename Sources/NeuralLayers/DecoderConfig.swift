package import TensorGraph

/// The shape of a stack of pre-norm transformer layers; each family maps its own file to this.
package struct DecoderConfig: Sendable, Equatable {
    /// Width of a row between layers.
    package var width: Int
    /// Width inside the feed-forward.
    package var feedForward: Int
    package var layers: Int
    package var heads: HeadLayout
    /// Base of the rotary frequencies.
    package var ropeBase: Double
    /// Added to the variance in the norms.
    package var epsilon: Float
    /// Rows a position attends to, itself included; nil is all before it.
    package var window: Int?
    /// RMS norms on each head's queries and keys (Qwen3).
    package var headNorms = false
    /// Biases on query, key and value (Qwen2).
    package var projectionBias = false
    /// A learnt scale on each residual branch.
    package var layerScales = false
    /// Mean and variance removed, with bias, instead of RMS only.
    package var centredNorms = false
    /// `fc2(gelu(fc1 x))` instead of a gate.
    package var plainMLP = false
    /// What the projections are for, which decides how far they may be rounded.
    package var role = WeightRole.matrix

    package init(
        width: Int, feedForward: Int, layers: Int, heads: HeadLayout, ropeBase: Double, epsilon: Float
    ) {
        self.width = width
        self.feedForward = feedForward
        self.layers = layers
        self.heads = heads
        self.ropeBase = ropeBase
        self.epsilon = epsilon
    }

    /// The cache such a stack needs.
    package var cache: KVCache.Layout {
        KVCache.Layout(layers: layers, heads: heads.key, headWidth: heads.width, window: window)
    }
}

/// The keys by which a file describes a stack of layers.
package protocol DecoderShape {
    var hiddenSize: Int { get }
    var intermediateSize: Int { get }
    var numHiddenLayers: Int { get }
    var numAttentionHeads: Int { get }
    var numKeyValueHeads: Int { get }
    var headDim: Int { get }
    var ropeTheta: Double { get }
    var rmsNormEps: Float { get }
}

extension DecoderShape {
    /// Such a stack, with nothing of what the families add to it.
    package var plainDecoder: DecoderConfig {
        DecoderConfig(
            width: hiddenSize, feedForward: intermediateSize, layers: numHiddenLayers,
            heads: HeadLayout(query: numAttentionHeads, key: numKeyValueHeads, width: headDim),
            ropeBase: ropeTheta, epsilon: rmsNormEps)
    }
}

/// Query heads share key heads in equal groups.
package struct HeadLayout: Sendable, Equatable {
    package let query: Int, key: Int, width: Int

    package init(query: Int, key: Int, width: Int) {
        self.query = query
        self.key = key
        self.width = width
    }

    var queryWidth: Int { query * width }
    var keyWidth: Int { key * width }
}
