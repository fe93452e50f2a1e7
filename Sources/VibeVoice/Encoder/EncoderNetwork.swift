import NeuralLayers
import TensorGraph

/// An audio tokenizer's encoder: a stem, then stages of residual blocks with a strided convolution before each but
/// the first, then a head. Causal throughout.
struct EncoderNetwork: Sendable {
    private let stem, head: EncoderConvolution
    private let stages: [EncoderStage]
    let config: EncoderConfiguration

    init(_ weights: Weights, _ config: EncoderConfiguration, _ layout: EncoderLayout) throws(LoadError) {
        self.config = config
        let taps = EncoderConfiguration.taps
        stem = try EncoderConvolution(layout.convolution(weights, 0), 1, config.filters, taps: taps)
        var stages: [EncoderStage] = []
        for index in config.depths.indices { stages.append(try EncoderStage(weights, index, config, layout)) }
        self.stages = stages
        head = try EncoderConvolution(
            layout.head(weights), config.channels(config.depths.count - 1), config.latentWidth, taps: taps)
    }

    /// Where a stream keeps what each convolution looks back on.
    struct State {
        fileprivate let stem, head: (StreamState, Int)?
        fileprivate let stages: [EncoderStage.State]
    }

    func state(in stream: StreamState) -> State {
        State(
            stem: stem.state(in: stream), head: head.state(in: stream),
            stages: stages.map { $0.state(in: stream) })
    }

    /// `[samples, 1]` to `[ceil(samples / hop), latent]`. Only a stream's last piece may end within a frame.
    func callAsFunction(_ samples: Tensor, _ state: State) -> Tensor {
        var x = stem(samples, state.stem)
        for (stage, state) in zip(stages, state.stages) { x = stage(x, state) }
        return head(x, state.head)
    }
}

/// A causal convolution with a stride: `ceil(steps / stride)` steps come out.
private struct EncoderConvolution: Sendable {
    private let weight: ConvolutionWeight
    private let stride: Int
    private let path: String

    init(_ weights: Weights, _ input: Int, _ output: Int, taps: Int, stride: Int = 1) throws(LoadError) {
        weight = try weights.convolution(input, output, taps: taps)
        self.stride = stride
        path = weights.path
    }

    func state(in stream: StreamState) -> (StreamState, Int)? { stream.convolution(weight, stride: stride) }

    func callAsFunction(_ x: Tensor, _ state: (StreamState, Int)?) -> Tensor {
        // The authors fill up each layer's own rows at the end of a recording, not the waveform.
        let missing = (stride - x.shape[0] % stride) % stride
        let whole = missing == 0 ? x : x.zeroPadded(0, missing)
        return whole.convolved(weight, state: state, stride: stride).named(path)
    }
}

/// A strided convolution that doubles the channels (but not before the first stage), then residual blocks.
private struct EncoderStage: Sendable {
    private let down: EncoderConvolution?
    private let blocks: [TokenizerBlock]

    init(
        _ weights: Weights, _ index: Int, _ config: EncoderConfiguration, _ layout: EncoderLayout
    ) throws(LoadError) {
        if index == 0 {
            down = nil
        } else {
            let stride = config.strides[index - 1]
            down = try EncoderConvolution(
                layout.convolution(weights, index), config.channels(index - 1), config.channels(index),
                taps: stride * 2, stride: stride)
        }
        var blocks: [TokenizerBlock] = []
        for block in 0..<config.depths[index] {
            blocks.append(
                try TokenizerBlock(
                    layout.block(weights, index, block), config.channels(index), config.epsilon, layout))
        }
        self.blocks = blocks
    }

    struct State {
        let down: (StreamState, Int)?
        let blocks: [(StreamState, Int)]
    }

    func state(in stream: StreamState) -> State {
        State(down: down?.state(in: stream), blocks: blocks.map { $0.state(in: stream) })
    }

    func callAsFunction(_ x: Tensor, _ state: State) -> Tensor {
        var x = down.map { $0(x, state.down) } ?? x
        for (block, place) in zip(blocks, state.blocks) { x = block(x, place) }
        return x
    }
}

extension EncoderLayout {
    /// The stem (0), or the convolution before stage `index`.
    fileprivate func convolution(_ weights: Weights, _ index: Int) -> Weights {
        switch self {
        case .authors: weights["downsample_layers"][index][0]["conv"]["conv"]
        case .transformers: part(weights, index)["conv"]["conv"]
        }
    }

    func block(_ weights: Weights, _ stage: Int, _ block: Int) -> Weights {
        switch self {
        case .authors: weights["stages"][stage][block]
        case .transformers: part(weights, stage)["stage"][block]
        }
    }

    func mixer(_ block: Weights) -> Weights {
        switch self {
        case .authors: block["mixer"]["conv"]["conv"]["conv"]
        case .transformers: block["mixer"]["conv"]
        }
    }

    fileprivate func head(_ weights: Weights) -> Weights {
        switch self {
        case .authors: weights["head"]["conv"]["conv"]
        case .transformers: weights["head"]["conv"]
        }
    }

    /// Where the decoder's convolution before stage `index` lies; its stem at 0.
    func decoderPart(_ weights: Weights, _ index: Int) -> Weights {
        self == .authors ? weights["upsample_layers"][index][0] : part(weights, index)
    }

    private func part(_ weights: Weights, _ stage: Int) -> Weights {
        stage == 0 ? weights["stem"] : weights["conv_layers"][stage - 1]
    }
}
