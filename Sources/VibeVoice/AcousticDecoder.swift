import NeuralLayers
import TensorGraph

/// Latents to samples. Every layer is causal, so a stream that carries each layer's past gives what the whole would.
struct AcousticDecoder: Sendable {
    private let raising: [CausalConvolution]
    private let stages: [[TokenizerBlock]]
    private let head: CausalConvolution
    private let widths: [Int]
    private let path: String
    /// Values of a latent, and samples made of one.
    let latent: Int, samplesPerFrame: Int

    init(
        _ weights: Weights, _ config: TokenizerConfiguration, _ layout: EncoderLayout = .authors
    ) throws(LoadError) {
        path = weights.path
        (latent, samplesPerFrame) = (config.vaeDim, config.samplesPerFrame)
        let count = config.decoderRatios.count
        let widths = (0...count).map { config.decoderNFilters << (count - $0) }
        self.widths = widths
        var raising = [
            try CausalConvolution(layout.decoderPart(weights, 0)["conv"], latent, widths[0], taps: 7)
        ]
        for (index, ratio) in config.decoderRatios.enumerated() {
            raising.append(
                try CausalConvolution(
                    transposed: layout.decoderPart(weights, index + 1)["convtr"], named: "convtr",
                    widths[index],
                    widths[index + 1], taps: 2, stride: ratio))
        }
        self.raising = raising
        var stages: [[TokenizerBlock]] = []
        for (index, depth) in (config.decoderBlocks ?? []).enumerated() {
            var blocks: [TokenizerBlock] = []
            for block in 0..<depth {
                blocks.append(
                    try TokenizerBlock(
                        layout.block(weights, index, block), widths[index], config.layernormEps, layout))
            }
            stages.append(blocks)
        }
        self.stages = stages
        head = try CausalConvolution(
            layout == .authors ? weights["head"]["conv"] : weights["head"], widths[count], 1, taps: 7)
    }

    /// Room for every layer's past.
    func state(on device: Device) -> State {
        let stream = StreamState(on: device, tensors: stages.reduce(16) { $0 + $1.count })
        return State(
            stream: stream, raising: raising.map { $0.state(in: stream) },
            stages: stages.map { $0.map { $0.state(in: stream) } }, head: head.state(in: stream))
    }

    /// What a stream carries from one call to the next.
    struct State {
        let stream: StreamState
        fileprivate let raising: [CausalConvolution.State]
        fileprivate let stages: [[(StreamState, Int)]]
        fileprivate let head: CausalConvolution.State
    }

    /// Names of the layers that parity looks at, in order.
    var layerNames: [String] {
        stages.indices.flatMap { ["\(path).upsample_layers.\($0)", "\(path).stages.\($0)"] } + [
            "\(path).head"
        ]
    }

    /// `[frames, latent]` to `[frames x samplesPerFrame, 1]`, which may exceed 1.
    func callAsFunction(_ x: Tensor, _ state: State) -> Tensor {
        var x = x
        for (index, blocks) in stages.enumerated() {
            let raised = raising[index](x, state.raising[index])
            x = raised.reshaped(raised.count / widths[index], widths[index]).named(
                "\(path).upsample_layers.\(index)")
            for (block, place) in zip(blocks, state.stages[index]) { x = block(x, place) }
            x = x.named("\(path).stages.\(index)")
        }
        return head(x, state.head).named("\(path).head")
    }
}
