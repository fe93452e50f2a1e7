import NeuralLayers
import TensorGraph

/// A block of the audio tokenizers, in encoder and decoder alike: a convolution of each channel, then a feed-forward
/// at each step, both behind a norm and scaled on their way back.
struct TokenizerBlock: Sendable {
    private let norm, feedForwardNorm: RMSNorm
    private let mixer: DepthwiseConvolution
    private let gamma: Weight
    private let feedForward: FeedForward
    private let path: String

    private enum FeedForward: Sendable {
        /// Many steps of few channels, the scale folded into the second.
        case stepwise(ConvolutionWeight, ConvolutionWeight)
        /// Few steps of many channels: nearly all of a tokenizer's weights. Unless they are rounded they stay
        /// where the file has them.
        case projected(Linear, Linear, scale: Weight)
    }

    /// Channels up to which a feed-forward is computed as a convolution.
    private static let fewChannels = 256

    init(
        _ weights: Weights, _ channels: Int, _ epsilon: Float, _ layout: EncoderLayout = .authors
    ) throws(LoadError) {
        path = weights.path
        norm = try RMSNorm(weights["norm"], channels, epsilon)
        mixer = try DepthwiseConvolution(layout.mixer(weights), channels, taps: EncoderConfiguration.taps)
        gamma = try weights.vector("gamma", channels)
        feedForwardNorm = try RMSNorm(weights["ffn_norm"], channels, epsilon)
        let (inner, first, second) = (
            channels * EncoderConfiguration.expansion, weights["ffn"]["linear1"], weights["ffn"]["linear2"]
        )
        if channels <= Self.fewChannels {
            feedForward = .stepwise(
                try first.stepwiseConvolution(channels, inner),
                try second.stepwiseConvolution(
                    inner, channels, scale: weights.values("ffn_gamma", [channels])))
        } else {
            feedForward = .projected(
                try Linear(first, channels, inner, bias: true, role: .codecFeedForward),
                try Linear(second, inner, channels, bias: true, role: .codecFeedForward),
                scale: try weights.vector("ffn_gamma", channels))
        }
    }

    /// Room for what the convolution looks back on.
    func state(in stream: StreamState) -> (StreamState, Int) { mixer.state(in: stream) }

    /// `[steps, channels]` to as many.
    func callAsFunction(_ x: Tensor, _ state: (StreamState, Int)) -> Tensor {
        let x = mixer(norm(x), state, scale: gamma, adding: x)
        let normed = feedForwardNorm(x)
        switch feedForward {
        case .stepwise(let widen, let narrow):
            return normed.convolved(widen).gelu.convolved(narrow, residual: x).named(path)
        case .projected(let widen, let narrow, let scale):
            return (x + narrow(widen(normed).gelu) * scale).named(path)
        }
    }
}
