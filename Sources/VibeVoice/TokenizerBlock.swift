import NeuralLayers
import TensorGraph

/// A block of the audio tokenizers, in encoder and decoder alike: a convolution of each channel, then a feed-forward
/// at each step, both behind a norm and scaled on their way back.
struct TokenizerBlock: Sendable {
    private let norm, feedForwardNorm: Weight
    private let mixer: DepthwiseConvolution
    private let widen, narrow: Linear
    private let gamma, feedForwardGamma: Weight
    private let epsilon: Float

    init(
        _ weights: Weights, _ channels: Int, _ epsilon: Float, _ layout: EncoderLayout = .authors,
        role: WeightRole = .codecMatrix
    ) throws(LoadError) {
        self.epsilon = epsilon
        norm = try weights["norm"].vector("weight", channels)
        mixer = try DepthwiseConvolution(layout.mixer(weights), channels, taps: 7)
        gamma = try weights.vector("gamma", channels)
        feedForwardNorm = try weights["ffn_norm"].vector("weight", channels)
        widen = try Linear(weights["ffn"]["linear1"], channels, 4 * channels, bias: true, role: role)
        narrow = try Linear(weights["ffn"]["linear2"], 4 * channels, channels, bias: true, role: role)
        feedForwardGamma = try weights.vector("ffn_gamma", channels)
    }

    /// Room for what the convolution looks back on.
    func state(in stream: StreamState) -> (StreamState, Int) { mixer.state(in: stream) }

    /// `[steps, channels]` to as many.
    func callAsFunction(_ x: Tensor, _ state: (StreamState, Int)) -> Tensor {
        let x = x + mixer(x.rmsNormed(norm, epsilon: epsilon), state) * gamma
        return x + narrow(widen(x.rmsNormed(feedForwardNorm, epsilon: epsilon)).gelu) * feedForwardGamma
    }
}
