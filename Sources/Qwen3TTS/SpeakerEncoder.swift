import AudioDSP
import NeuralLayers
import TensorGraph

/// ECAPA-TDNN (Desplanques, Thienpondt and Demuynck, 2020): a recording's mel spectrogram to one speaker vector.
/// Runs once a recording, in float32.
struct SpeakerEncoder: Sendable {
    private let first, aggregate: TimeDelay
    private let blocks: [SERes2NetBlock]
    private let pooling: AttentivePooling
    private let output: Linear
    /// Width of the vector: the talker's.
    let width: Int

    init(_ weights: Weights, _ config: SpeakerEncoderConfiguration) throws(LoadError) {
        let (channels, taps, dilations) = (config.encChannels, config.encKernelSizes, config.encDilations)
        width = config.encDim
        first = try TimeDelay(
            weights["blocks"][0], config.melDim, channels[0], taps: taps[0], dilation: dilations[0])
        var blocks: [SERes2NetBlock] = []
        for index in 1..<channels.count - 1 {
            blocks.append(
                try SERes2NetBlock(
                    weights["blocks"][index], channels[index], taps: taps[index], dilation: dilations[index],
                    config))
        }
        self.blocks = blocks
        guard let last = channels.last, let lastTaps = taps.last, let lastDilation = dilations.last else {
            preconditionFailure("the configuration was checked to list channels")
        }
        let joined = channels[1..<channels.count - 1].reduce(0, +)
        aggregate = try TimeDelay(weights["mfa"], joined, last, taps: lastTaps, dilation: lastDilation)
        pooling = try AttentivePooling(weights["asp"], last, inner: config.encAttentionChannels)
        output = try Linear(pointwise: weights["fc"], last * 2, width, bias: true, role: .encoder)
    }

    /// The vector of a mel spectrogram `[frames, bins]` of at least five frames, and the layers asked for.
    func encode(
        _ mel: [Float], frames: Int, on device: Device, tapping taps: Set<String> = []
    ) -> (vector: [Float], tapped: (String) -> (values: [Float], shape: [Int])?) {
        let (graph, ends) = Graph.layOut(on: device, nodes: 2048, taps: taps) { graph in
            let input = graph.input("mel", [frames, mel.count / frames])
            var outputs: [Tensor] = []
            var x = first(input).named("speaker_encoder.blocks.0")
            for (index, block) in blocks.enumerated() {
                x = block(x).named("speaker_encoder.blocks.\(index + 1)")
                outputs.append(x)
            }
            let joined = outputs.dropFirst().reduce(outputs[0]) { $0.joined($1) }
            let vector = output(
                pooling(aggregate(joined).named("speaker_encoder.mfa")).named("speaker_encoder.asp"))
            graph.output(vector)
            return (input: input, vector: vector)
        }
        ends.input.write(mel)
        graph.compute()
        return (ends.vector.read(), { graph.tapped($0) })
    }
}

/// relu(conv(x)), the ends mirrored so that the length stays.
private struct TimeDelay: Sendable {
    private let weight: ConvolutionWeight
    private let dilation: Int

    init(_ weights: Weights, _ input: Int, _ output: Int, taps: Int, dilation: Int = 1) throws(LoadError) {
        weight = try weights["conv"].convolution(input, output, taps: taps, role: .encoder)
        self.dilation = dilation
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let margin = dilation * (weight.taps - 1) / 2
        let padded = margin == 0 ? x : x.reflectPadded(margin)
        return padded.convolved(weight, dilation: dilation).relu
    }
}

/// x + se(tdnn2(res2net(tdnn1(x)))).
private struct SERes2NetBlock: Sendable {
    private let enter, leave: TimeDelay
    private let scales: [TimeDelay]
    private let squeeze, excite: Linear
    private let channels: Int
    private let path: String

    init(
        _ weights: Weights, _ channels: Int, taps: Int, dilation: Int, _ config: SpeakerEncoderConfiguration
    ) throws(LoadError) {
        self.channels = channels
        path = weights.path
        enter = try TimeDelay(weights["tdnn1"], channels, channels, taps: 1)
        leave = try TimeDelay(weights["tdnn2"], channels, channels, taps: 1)
        let part = channels / config.encRes2netScale
        var scales: [TimeDelay] = []
        for index in 0..<config.encRes2netScale - 1 {
            scales.append(
                try TimeDelay(
                    weights["res2net_block"]["blocks"][index], part, part, taps: taps, dilation: dilation))
        }
        self.scales = scales
        let gate = weights["se_block"]
        squeeze = try Linear(
            pointwise: gate["conv1"], channels, config.encSeChannels, bias: true, role: .encoder)
        excite = try Linear(
            pointwise: gate["conv2"], config.encSeChannels, channels, bias: true, role: .encoder)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let y = leave(res2net(enter(x)).named("\(path).res2net_block"))
        let mean = y.transposed.mean.reshaped(1, channels)
        let gate = excite(squeeze(mean).relu).sigmoid
        return x + y * gate
    }

    /// The channels in equal parts, each but the first convolved after the part before it was added.
    private func res2net(_ x: Tensor) -> Tensor {
        let part = channels / (scales.count + 1)
        var parts = [x.columns(0, part).contiguous]
        for (index, scale) in scales.enumerated() {
            let own = x.columns((index + 1) * part, part).contiguous
            parts.append(scale(index == 0 ? own : own + parts[index]))
        }
        return parts.dropFirst().reduce(parts[0]) { $0.joined($1) }
    }
}

/// Mean and deviation over time, weighted by learnt attention.
private struct AttentivePooling: Sendable {
    private let hidden: TimeDelay
    private let score: Linear
    private let channels: Int

    init(_ weights: Weights, _ channels: Int, inner: Int) throws(LoadError) {
        self.channels = channels
        hidden = try TimeDelay(weights["tdnn"], channels * 3, inner, taps: 1)
        score = try Linear(pointwise: weights["conv"], inner, channels, bias: true, role: .encoder)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let frames = x.shape[0]
        let byChannel = x.transposed.contiguous  // [channels, frames]
        let (mean, deviation) = statistics(byChannel, weights: nil)
        let context = mean.joined(deviation).repeated(to: [frames, 2 * channels])
        let weights = score(hidden(x.joined(context)).tanh).transposed.contiguous.softmax
        let (weightedMean, weightedDeviation) = statistics(byChannel, weights: weights)
        return weightedMean.joined(weightedDeviation)
    }

    /// Σ w x and sqrt(max(Σ w (x - mean)², 1e-12)) along time, as rows `[1, channels]`; w is 1/frames when nil.
    private func statistics(_ x: Tensor, weights: Tensor?) -> (mean: Tensor, deviation: Tensor) {
        func average(_ values: Tensor) -> Tensor { weights.map { (values * $0).sum } ?? values.mean }
        let mean = average(x)  // [channels, 1]
        let variance = average((x - mean).squared)
        return (
            mean.reshaped(1, channels), variance.clamped(1e-12, .infinity).squareRoot.reshaped(1, channels)
        )
    }
}
