import NeuralLayers
import TensorGraph

/// The codec's encoder (Mimi's): 24 kHz samples to sixteen codes a frame. Runs once a reference recording, in
/// float32 throughout.
struct CodecEncoder: Sendable {
    private let first, last: StridedConvolution
    private let stages: [Stage]
    private let transformer: DecoderStack
    private let downsample: ConvolutionWeight
    private let semantic, acoustic: ResidualQuantizer
    /// Samples in one frame.
    let samplesPerFrame: Int

    init(_ weights: Weights, _ config: CodecEncoderConfiguration, quantizers: Int) throws(LoadError) {
        let network = weights["encoder"]["layers"]
        first = try StridedConvolution(network[0], 1, config.numFilters, taps: config.kernelSize)
        var stages: [Stage] = []
        var (channels, index) = (config.numFilters, 1)
        // The file lists the decoder's order; the encoder's is its reverse.
        for rate in config.upsamplingRatios.reversed() {
            stages.append(try Stage(network, index, channels, rate: rate, config))
            (channels, index) = (channels * 2, index + 3)
        }
        self.stages = stages
        last = try StridedConvolution(
            network[index + 1], channels, config.hiddenSize, taps: config.lastKernelSize, after: .elu)
        transformer = try DecoderStack(weights["encoder_transformer"]["layers"], config.transformer)
        downsample = try weights["downsample"]["conv"].convolution(
            config.hiddenSize, config.hiddenSize, taps: 4, bias: false, role: .encoder)
        let quantizer = weights["quantizer"]
        semantic = try ResidualQuantizer(
            quantizer["semantic_residual_vector_quantizer"], config, used: config.numSemanticQuantizers,
            of: config.numSemanticQuantizers)
        acoustic = try ResidualQuantizer(
            quantizer["acoustic_residual_vector_quantizer"], config,
            used: quantizers - config.numSemanticQuantizers,
            of: config.numQuantizers - config.numSemanticQuantizers)
        samplesPerFrame = config.upsamplingRatios.reduce(2, *)
    }

    /// What the encoder made of a recording, with the layers asked for.
    struct Result {
        let codes: [CodeFrame]
        let tapped: (String) -> (values: [Float], shape: [Int])?
    }

    /// Codes of 24 kHz samples: `ceil(samples / 1920)` frames.
    func encode(_ samples: [Float], on device: Device, tapping taps: Set<String> = []) throws(DeviceError)
        -> Result
    {
        let steps = (samples.count * 2 + samplesPerFrame - 1) / samplesPerFrame
        let cache = try KVCache(
            on: device, transformer.config.cache, slots: 1, capacity: max(steps, 1), half: false)
        let (graph, ends) = Graph.layOut(on: device, nodes: 4096, taps: taps) { graph in
            let input = graph.input("audio", [samples.count, 1])
            var x = first(input).named("encoder.encoder.layers.0")
            for stage in stages { x = stage(x) }
            x = last(x).named(last.path)
            let step = Step(
                in: graph, rows: x.shape[0], cache: cache, rotaryBase: transformer.config.ropeBase)
            x = transformer(x, step, cache)
            // Padding repeats the edge here, where every other convolution's is zero.
            let odd = x.shape[0] % 2
            x = x.edgePadded(2, odd).convolved(downsample, stride: 2).named("encoder.downsample")
            let latents = (semantic.project(x), acoustic.project(x))
            graph.output(latents.0)
            graph.output(latents.1)
            return (input: input, semantic: latents.0, acoustic: latents.1, step: step)
        }
        ends.input.write(samples)
        ends.step.write((0..<ends.step.rows).map { (slot: 0, position: $0) })
        graph.compute()
        let codes = zip(semantic.codes(ends.semantic.read()), acoustic.codes(ends.acoustic.read()))
        return Result(codes: codes.map { $0 + $1 }, tapped: { graph.tapped($0) })
    }
}

/// A causal convolution of a whole recording: zeros before, and after as far as the stride asks.
private struct StridedConvolution: Sendable {
    private let weight: ConvolutionWeight
    private let stride: Int
    private let activation: Activation
    let path: String

    init(
        _ weights: Weights, _ input: Int, _ output: Int, taps: Int, stride: Int = 1,
        after activation: Activation = .none
    ) throws(LoadError) {
        weight = try weights["conv"].convolution(input, output, taps: taps, role: .encoder)
        self.stride = stride
        self.activation = activation
        path = weights.path
    }

    func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil) -> Tensor {
        let steps = (x.shape[0] + stride - 1) / stride
        // An activation of zero is zero, so padding may come before it.
        return x.zeroPadded(weight.taps - stride, steps * stride - x.shape[0])
            .convolved(weight, after: activation, stride: stride, residual: residual)
    }
}

/// A residual unit, then a strided convolution that doubles the channels.
private struct Stage: Sendable {
    private let narrow, widen, down: StridedConvolution
    private let paths: (String, String)

    init(_ network: Weights, _ index: Int, _ channels: Int, rate: Int, _ config: CodecEncoderConfiguration)
        throws(LoadError)
    {
        let block = network[index]["block"]
        paths = (network[index].path, network[index + 2].path)
        let inner = channels / config.compress
        narrow = try StridedConvolution(
            block[1], channels, inner, taps: config.residualKernelSize, after: .elu)
        widen = try StridedConvolution(block[3], inner, channels, taps: 1, after: .elu)
        down = try StridedConvolution(
            network[index + 2], channels, channels * 2, taps: rate * 2, stride: rate, after: .elu)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let x = widen(narrow(x), adding: x).named(paths.0)
        return down(x).named(paths.1)
    }
}

/// Codes by nearest row, codebook after codebook, each of what the one before left over.
private struct ResidualQuantizer: Sendable {
    private let projection: Linear
    private let books: [[Float]]
    private let width: Int
    private let path: String

    init(_ weights: Weights, _ config: CodecEncoderConfiguration, used: Int, of total: Int) throws(LoadError)
    {
        width = config.codebookDim
        path = weights.path
        projection = try Linear(pointwise: weights["input_proj"], config.hiddenSize, width, role: .encoder)
        var books: [[Float]] = []
        for index in 0..<used {
            let layer = weights["layers"][index]["codebook"]
            let rows = try Codebook(layer, sums: "embed_sum", rows: config.codebookSize, width: width).rows
            books.append(rows)
            layer["initialized"].ignore()
        }
        self.books = books
        // Only decoding would use the way back, and only a longer code the deeper books.
        weights["output_proj"].ignore()
        for index in used..<max(used, total) { weights["layers"][index].ignore() }
    }

    func project(_ x: Tensor) -> Tensor { projection(x).named(path + ".input_proj") }

    /// Codes of latents `[frames, width]`; the first of equally near rows.
    func codes(_ latents: [Float]) -> [CodeFrame] {
        stride(from: 0, to: latents.count, by: width).map { start in
            var left = Array(latents[start..<start + width])
            return books.map { book in
                let code = nearest(left, book)
                for i in 0..<width { left[i] -= book[code * width + i] }
                return Int32(code)
            }
        }
    }

    /// By |x - r|², summed directly: the expanded form loses the digits that decide between near rows.
    private func nearest(_ x: [Float], _ book: [Float]) -> Int {
        var (best, least) = (0, Float.infinity)
        book.withUnsafeBufferPointer { rows in
            x.withUnsafeBufferPointer { x in
                for row in 0..<rows.count / width {
                    var distance: Float = 0
                    for i in 0..<width {
                        let difference = x[i] - rows[row * width + i]
                        distance += difference * difference
                    }
                    if distance < least { (best, least) = (row, distance) }
                }
            }
        }
        return best
    }
}
