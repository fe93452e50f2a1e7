package import TensorGraph

/// A causal convolution that carries its own past from one call to the next.
package struct CausalConvolution: Sendable {
    package let weight: ConvolutionWeight
    private let dilation: Int
    private let activation: Activation
    private let path: String

    /// `[out, in, taps]` below `weights["conv"]`, after `activation`.
    package init(
        _ weights: Weights, _ input: Int, _ output: Int, taps: Int, dilation: Int = 1,
        after activation: Activation = .none
    ) throws(LoadError) {
        path = weights.path
        weight = try weights["conv"].convolution(input, output, taps: taps)
        self.dilation = dilation
        self.activation = activation
    }

    /// A transposed convolution of kernel `taps x stride` below `weights[name]`, trimmed at its end: `stride` steps
    /// for each.
    package init(
        transposed weights: Weights, named name: String = "conv", _ input: Int, _ output: Int, taps: Int,
        stride: Int, after activation: Activation = .none
    ) throws(LoadError) {
        path = weights.path
        weight = try weights[name].transposedConvolution(input, output, taps: taps, stride: stride)
        dilation = 1
        self.activation = activation
    }

    /// Room for what it looks back on.
    package func state(in stream: StreamState) -> CausalConvolution.State {
        State(place: stream.convolution(weight, dilation: dilation))
    }

    /// `[steps, in]` to `[steps, out]` (transposed: `[steps, stride x out]`).
    package func callAsFunction(_ x: Tensor, _ state: State, adding residual: Tensor? = nil) -> Tensor {
        x.convolved(weight, after: activation, state: state.place, dilation: dilation, residual: residual)
    }

    /// Where a stream keeps this convolution's past.
    package struct State {
        fileprivate let place: (StreamState, Int)?

        /// For a kernel of one tap, which looks back on nothing.
        package static var none: State { State(place: nil) }
    }
}

/// A convolution of each channel by itself, which carries its past.
package struct DepthwiseConvolution: Sendable {
    private let kernel: Weight, bias: Weight

    /// `[channels, 1, taps]` at `weights`, and its bias.
    package init(_ weights: Weights, _ channels: Int, taps: Int) throws(LoadError) {
        (kernel, bias) = try weights.depthwiseConvolution(channels, taps: taps)
    }

    /// Room for what it looks back on.
    package func state(in stream: StreamState) -> (StreamState, Int) { stream.depthwise(kernel) }

    /// `[steps, channels]` to as many; times `scale` by channel, `residual` added.
    package func callAsFunction(
        _ x: Tensor, _ state: (StreamState, Int), scale: Weight? = nil, adding residual: Tensor? = nil
    ) -> Tensor {
        x.convolvedByChannel(kernel, bias, state: state, scale: scale, residual: residual)
    }
}
