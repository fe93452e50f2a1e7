import NeuralLayers
import TensorGraph

/// The codec's decoder: frames of codes to samples. Every layer is causal, so a stream that carries each layer's
/// past gives what the whole would.
struct CodecDecoder: Sendable {
    let dequantizer: Dequantizer
    private let preConvolution: CausalConvolution
    private let transformer: CodecTransformer
    private let upsampling: [Upsampling]
    private let firstConvolution, lastConvolution: CausalConvolution
    private let blocks: [DecoderBlock]
    /// Samples made of one frame.
    let samplesPerFrame: Int

    init(_ weights: Weights, _ config: CodecDecoderConfiguration) throws(LoadError) {
        let latent = config.latentDim
        dequantizer = try Dequantizer(weights["quantizer"], config)
        preConvolution = try CausalConvolution(weights["pre_conv"], config.codebookDim, latent, taps: 3)
        transformer = try CodecTransformer(weights["pre_transformer"], config)
        var upsampling: [Upsampling] = []
        for (index, factor) in config.upsamplingRatios.enumerated() {
            upsampling.append(try Upsampling(weights["upsample"][index], latent, factor: factor))
        }
        self.upsampling = upsampling
        let stack = weights["decoder"]
        firstConvolution = try CausalConvolution(stack[0], latent, config.decoderDim, taps: 7)
        var blocks: [DecoderBlock] = []
        var channels = config.decoderDim
        for (index, rate) in config.upsampleRates.enumerated() {
            blocks.append(try DecoderBlock(stack[index + 1]["block"], channels, channels / 2, rate: rate))
            channels /= 2
        }
        self.blocks = blocks
        let snake = try stack[blocks.count + 1].snake(channels)
        lastConvolution = try CausalConvolution(stack[blocks.count + 2], channels, 1, taps: 7, after: snake)
        samplesPerFrame = (config.upsamplingRatios + config.upsampleRates).reduce(1, *)
    }

    var cache: KVCache.Layout { transformer.stack.config.cache }
    var lastSnake: Int { blocks.count + 1 }
    var transformerLayers: Int { transformer.stack.config.layers }
    var ropeBase: Double { transformer.stack.config.ropeBase }

    /// Room for every layer's past.
    func state(on device: Device) -> State {
        let stream = StreamState(on: device)
        return State(
            stream: stream, preConvolution: preConvolution.state(in: stream),
            upsampling: upsampling.map { $0.state(in: stream) }, first: firstConvolution.state(in: stream),
            blocks: blocks.map { $0.state(in: stream) }, last: lastConvolution.state(in: stream))
    }

    struct State {
        let stream: StreamState
        fileprivate let preConvolution: CausalConvolution.State
        fileprivate let upsampling: [(StreamState, Int)]
        fileprivate let first: CausalConvolution.State
        fileprivate let blocks: [DecoderBlock.State]
        fileprivate let last: CausalConvolution.State
    }

    /// Sums of codebook rows to samples `[frames x samplesPerFrame, 1]` in [-1, 1].
    func callAsFunction(_ first: Tensor, _ rest: Tensor, _ step: Step, _ cache: KVCache, _ state: State)
        -> Tensor
    {
        let latent = dequantizer(first, rest).named("decoder.quantizer")
        var x = preConvolution(latent, state.preConvolution).named("decoder.pre_conv")
        x = transformer(x, step, cache).named("decoder.pre_transformer")
        for (index, layer) in upsampling.enumerated() {
            x = layer(x, state.upsampling[index]).named("decoder.upsample.\(index)")
        }
        x = firstConvolution(x, state.first).named("decoder.decoder.0")
        for (index, block) in blocks.enumerated() {
            x = block(x, state.blocks[index]).named("decoder.decoder.\(index + 1)")
        }
        return lastConvolution(x, state.last).named("decoder.decoder.\(blocks.count + 2)").clamped(-1, 1)
    }
}

/// The transformer at the frame rate, between two projections.
private struct CodecTransformer: Sendable {
    let stack: DecoderStack
    private let input, output: Linear
    private let norm: RMSNorm

    init(_ weights: Weights, _ config: CodecDecoderConfiguration) throws(LoadError) {
        let (latent, width) = (config.latentDim, config.hiddenSize)
        input = try Linear(weights["input_proj"], latent, width, bias: true, role: .codecMatrix)
        stack = try DecoderStack(weights["layers"], config.transformer)
        norm = try RMSNorm(weights["norm"], width, config.transformer.epsilon)
        output = try Linear(weights["output_proj"], width, latent, bias: true, role: .codecMatrix)
    }

    func callAsFunction(_ x: Tensor, _ step: Step, _ cache: KVCache) -> Tensor {
        output(norm(stack(input(x).named("decoder.pre_transformer.input_proj"), step, cache)))
    }
}

/// Each step becomes `factor` steps, then a ConvNeXt block:
/// x + γ · pw2(gelu(pw1(norm(depthwise(x))))).
private struct Upsampling: Sendable {
    private let convolution: CausalConvolution
    private let depthwise: (kernel: Weight, bias: Weight)
    private let norm: LayerNorm
    private let widen, narrow: Linear
    private let gamma: Weight
    private let width: Int
    private let path: String

    init(_ weights: Weights, _ width: Int, factor: Int) throws(LoadError) {
        self.width = width
        path = weights.path
        convolution = try CausalConvolution(transposed: weights[0], width, width, taps: 1, stride: factor)
        let block = weights[1]
        depthwise = try block["dwconv"]["conv"].depthwiseConvolution(width, taps: 7)
        norm = try LayerNorm(block["norm"], width, 1e-6)
        widen = try Linear(block["pwconv1"], width, 4 * width, bias: true, role: .codecMatrix)
        narrow = try Linear(block["pwconv2"], 4 * width, width, bias: true, role: .codecMatrix)
        gamma = try block.vector("gamma", width)
    }

    func state(in stream: StreamState) -> (StreamState, Int) { stream.depthwise(depthwise.kernel) }

    func callAsFunction(_ x: Tensor, _ state: (StreamState, Int)) -> Tensor {
        let raised = convolution(x, .none)
        let x = raised.reshaped(raised.count / width, width).named("\(path).0")
        let y = x.convolvedByChannel(depthwise.kernel, depthwise.bias, state: state)
        return x + narrow(widen(norm(y)).gelu) * gamma
    }
}

/// Raises the rate by `rate` and halves the channels, then three residual units of growing reach.
private struct DecoderBlock: Sendable {
    private let raise: CausalConvolution
    private let units: [ResidualUnit]
    private let output: Int
    private let path: String

    init(_ weights: Weights, _ input: Int, _ output: Int, rate: Int) throws(LoadError) {
        self.output = output
        path = weights.path
        raise = try CausalConvolution(
            transposed: weights[1], input, output, taps: 2, stride: rate, after: weights[0].snake(input))
        var units: [ResidualUnit] = []
        for (index, dilation) in [1, 3, 9].enumerated() {
            units.append(try ResidualUnit(weights[index + 2], output, dilation: dilation))
        }
        self.units = units
    }

    struct State {
        let raise: CausalConvolution.State
        let units: [ResidualUnit.State]
    }

    func state(in stream: StreamState) -> State {
        State(raise: raise.state(in: stream), units: units.map { $0.state(in: stream) })
    }

    func callAsFunction(_ x: Tensor, _ state: State) -> Tensor {
        let raised = raise(x, state.raise)
        var y = raised.reshaped(raised.count / output, output).named("\(path).1")
        for (index, unit) in units.enumerated() {
            y = unit(y, state.units[index]).named("\(path).\(index + 2)")
        }
        return y
    }
}

/// x + conv1(snake(conv7(snake(x)))).
private struct ResidualUnit: Sendable {
    private let wide, narrow: CausalConvolution

    init(_ weights: Weights, _ channels: Int, dilation: Int) throws(LoadError) {
        wide = try CausalConvolution(
            weights["conv1"], channels, channels, taps: 7, dilation: dilation,
            after: weights["act1"].snake(channels))
        narrow = try CausalConvolution(
            weights["conv2"], channels, channels, taps: 1, after: weights["act2"].snake(channels))
    }

    struct State {
        let wide, narrow: CausalConvolution.State
    }

    func state(in stream: StreamState) -> State {
        State(wide: wide.state(in: stream), narrow: narrow.state(in: stream))
    }

    func callAsFunction(_ x: Tensor, _ state: State) -> Tensor {
        narrow(wide(x, state.wide), state.narrow, adding: x)
    }
}
