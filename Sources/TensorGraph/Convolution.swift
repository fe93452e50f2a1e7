import CGGML
import Checkpoints

/// A one-dimensional convolution's kernel, resident in the form that is computed with.
///
/// Activations are time-major, `[steps, channels]`, so tap j of a kernel multiplies the rows shifted by j times the
/// dilation and no window matrix is ever made. A causal transposed convolution whose kernel is a whole number of
/// strides is the same thing with stride x channels outputs a step, read as that many steps; so one product
/// serves both directions.
package struct ConvolutionWeight: Sendable {
    /// Packed for our kernel, or `[taps, out, in]` for the composed form.
    let kernel: Weight
    let bias: Weight?
    package let taps: Int, input: Int, output: Int
    /// Whether operands are rounded to bfloat16 (sums stay in float32).
    let half: Bool
    let isPacked: Bool
}

/// What is applied to a convolution's input on its way in.
package enum Activation: Sendable {
    case none
    /// x where positive, else e^x - 1.
    case elu
    /// x + sin²(a x) · b, by channel.
    case snake(a: Weight, b: Weight)
}

/// The last rows a causal convolution saw, carried from one step to the next.
package final class StreamState {
    private let context: OpaquePointer
    private var buffer: ggml_backend_buffer_t?
    private var nodes: [(node: UnsafeMutablePointer<ggml_tensor>, shape: [Int])] = []
    private let device: Device

    package init(on device: Device, tensors: Int = 256) {
        self.device = device
        let parameters = ggml_init_params(
            mem_size: ggml_tensor_overhead() * tensors, mem_buffer: nil, no_alloc: true)
        guard let context = ggml_init(parameters) else { preconditionFailure("no memory for stream state") }
        self.context = context
    }

    deinit {
        ggml_backend_buffer_free(buffer)
        ggml_free(context)
    }

    /// Adds a tensor; all are added before the first graph is built on them.
    func add(_ shape: [Int], half: Bool) -> Int {
        precondition(buffer == nil, "stream state is laid out before it is used")
        let ne = Tensor.dimensions(shape)
        guard
            let node = ggml_new_tensor_4d(
                context, half ? GGML_TYPE_BF16 : GGML_TYPE_F32, ne.0, ne.1, ne.2, ne.3)
        else { preconditionFailure("more stream state than was planned") }
        nodes.append((node, shape))
        return nodes.count - 1
    }

    /// Forgets everything: the next step is the first.
    package func reset() {
        if buffer == nil, !nodes.isEmpty {
            buffer = ggml_backend_alloc_ctx_tensors_from_buft(context, device.weightBufferType)
            if buffer == nil { device.fail(.outOfMemory(bytes: nil)) }
        }
        if let buffer { ggml_backend_buffer_clear(buffer, 0) }
    }

    func tensor(_ index: Int, in graph: Graph) -> Tensor {
        if buffer == nil { reset() }
        graph.retain(self)
        return Tensor(nodes[index].node, graph, nodes[index].shape)
    }
}

extension Weights {
    /// A convolution's kernel `[out, in, taps]`, with its bias `[out]`.
    package func convolution(
        _ input: Int, _ output: Int, taps: Int, bias: Bool = true, role: WeightRole = .convolution
    ) throws(LoadError) -> ConvolutionWeight {
        let stored = try loader.take(self["weight"].path, [output, input, taps], role)
        let layout = KernelLayout(taps: taps, input: input, output: output) { tap, out, channel in
            (out * input + channel) * taps + tap
        }
        let bias = try bias ? vector("bias", output) : nil
        return makeKernel(stored, layout, bias, role: role)
    }

    /// A transposed convolution's kernel `[in, out, taps x stride]`, with its bias `[out]`; as a causal
    /// convolution of `taps` taps giving `stride x out` channels a step.
    package func transposedConvolution(_ input: Int, _ output: Int, taps: Int, stride: Int) throws(LoadError)
        -> ConvolutionWeight
    {
        let width = taps * stride
        let stored = try loader.take(self["weight"].path, [input, output, width], .convolution)
        let layout = KernelLayout(taps: taps, input: input, output: stride * output, stride: stride) {
            tap, out, channel in
            // The newest input (last tap) makes the first `stride` samples of its own kernel.
            (channel * output + out % output) * width + (taps - 1 - tap) * stride + out / output
        }
        let values = try values("bias", [output])
        let bias = derived("bias.repeated", [stride * output]) { (0..<stride).flatMap { _ in values } }
        return makeKernel(stored, layout, bias, role: .convolution)
    }

    /// A projection `[out, in]` of each step with its bias, as a convolution of one tap: where steps are many and
    /// channels few, that kernel is the faster.
    ///
    /// - Parameter scale: what each output is multiplied with, folded into weights and bias.
    package func stepwiseConvolution(_ input: Int, _ output: Int, scale: [Float]? = nil) throws(LoadError)
        -> ConvolutionWeight
    {
        let stored = try loader.take(self["weight"].path, [output, input], .convolution)
        var layout = KernelLayout(taps: 1, input: input, output: output) { _, out, channel in
            out * input + channel
        }
        layout.scale = scale
        guard let scale else {
            return makeKernel(stored, layout, try vector("bias", output), role: .convolution)
        }
        let values = try values("bias", [output])
        let bias = derived("bias.scaled", [output]) { zip(values, scale).map { $0 * $1 } }
        return makeKernel(stored, layout, bias, role: .convolution)
    }

    private func makeKernel(
        _ stored: StoredTensor, _ layout: KernelLayout, _ bias: Weight?, role: WeightRole
    ) -> ConvolutionWeight {
        let half = role == .convolution && !loader.precision.isExact(for: role)
        let packed = loader.device.usesKernels
        let kernel =
            packed
            ? packedKernel(stored, layout, half: half)
            : derived("weight.taps", [layout.taps, layout.output, layout.input]) {
                let values = layout.scaled(Conversion.floats(stored))
                WeightLoader.forget(stored)
                return layout.reordered(values)
            }
        return ConvolutionWeight(
            kernel: kernel, bias: bias, taps: layout.taps, input: layout.input, output: layout.output,
            half: half && packed, isPacked: packed)
    }

    /// A depthwise kernel `[channels, 1, taps]` as `[taps, channels]`, with its bias.
    package func depthwiseConvolution(_ channels: Int, taps: Int) throws(LoadError) -> (
        kernel: Weight, bias: Weight
    ) {
        let values = try values("weight", [channels, 1, taps], role: .convolution)
        let kernel = derived("weight.taps", [taps, channels]) {
            (0..<taps).flatMap { tap in (0..<channels).map { values[$0 * taps + tap] } }
        }
        return (kernel, try vector("bias", channels))
    }

    /// The two vectors of a snake from its stored logarithms: e^alpha and 1/(e^beta + 1e-9).
    package func snake(_ channels: Int) throws(LoadError) -> Activation {
        let (alpha, beta) = (try values("alpha", [channels]), try values("beta", [channels]))
        return .snake(
            a: derived("alpha.exp", [channels]) { alpha.map { Float(exponential(Double($0))) } },
            b: derived("beta.inverse", [channels]) {
                beta.map { Float(1 / (exponential(Double($0)) + 1e-9)) }
            })
    }
}

/// Where the kernel's value for (tap, output, input) lies in the stored tensor.
struct KernelLayout {
    let taps: Int, input: Int, output: Int
    /// Of a transposed convolution.
    var stride: Int?
    /// Of a kernel of one tap `[out, in]`: what each output is multiplied with.
    var scale: [Float]?
    let index: (_ tap: Int, _ output: Int, _ input: Int) -> Int

    /// The stored values, each output's times its scale.
    func scaled(_ values: [Float]) -> [Float] {
        guard let scale else { return values }
        return values.indices.map { values[$0] * scale[$0 / input] }
    }

    /// The values as `[taps, out, in]`.
    func reordered(_ values: [Float]) -> [Float] {
        [Float](unsafeUninitializedCapacity: taps * output * input) { buffer, initialized in
            var next = 0
            for tap in 0..<taps {
                for out in 0..<output {
                    for channel in 0..<input {
                        buffer[next] = values[index(tap, out, channel)]
                        next += 1
                    }
                }
            }
            initialized = next
        }
    }
}

extension Tensor {
    /// A convolution of `[steps, in]` after an activation.
    ///
    /// With `state` it is causal: the state's rows stand before these and are replaced by the last of them.
    /// Without, the rows carry their own padding: `(rows - (taps - 1) dilation - 1) / stride + 1` steps come out.
    ///
    /// - Parameter residual: added to the result, `[steps, out]`.
    package func convolved(
        _ weight: ConvolutionWeight, after activation: Activation = .none, state: (StreamState, Int)? = nil,
        stride: Int = 1, dilation: Int = 1, residual: Tensor? = nil
    ) -> Tensor {
        precondition(
            shape.count == 2 && shape[1] == weight.input,
            "\(weight.kernel.path) takes \(weight.input) channels, not \(shape)")
        let padded = prepared(activation, half: weight.half, state: state)
        return padded.product(with: weight, stride: stride, dilation: dilation, residual: residual)
    }

    private func product(
        with weight: ConvolutionWeight, stride: Int, dilation: Int, residual: Tensor?
    ) -> Tensor {
        let reach = (weight.taps - 1) * dilation
        let steps = (shape[0] - reach - 1) / stride + 1
        precondition(shape[0] > reach, "\(shape[0]) rows are too few for \(weight.kernel.path)")
        if weight.isPacked {
            return kernelConvolved(
                weight, steps: steps, stride: stride, dilation: dilation, residual: residual)
        }
        let taps = weight.kernel.tensor(in: graph)
        var total: Tensor?
        for tap in 0..<weight.taps {
            let matrix = taps.rows(tap, 1).reshaped(weight.output, weight.input)
            let rows = rows(tap * dilation, steps, by: stride).contiguous
            let product = Tensor(
                ggml_mul_mat(context, matrix.node, rows.node), graph, [steps, weight.output])
            total = total.map { $0 + product } ?? product
        }
        guard var result = total else { preconditionFailure("\(weight.kernel.path) has no taps") }
        if let bias = weight.bias { result = result + bias }
        return residual.map { result + $0 } ?? result
    }

    /// A depthwise causal convolution of `[steps, channels]`, times `scale` by channel, `residual` added.
    package func convolvedByChannel(
        _ kernel: Weight, _ bias: Weight, state: (StreamState, Int), scale: Weight? = nil,
        residual: Tensor? = nil
    ) -> Tensor {
        let (taps, steps) = (kernel.shape[0], shape[0])
        let padded = prepared(.none, half: false, state: state)
        if graph.device.usesKernels {
            return padded.kernelDepthwise(kernel, bias, steps: steps, scale: scale, residual: residual)
        }
        let weights = kernel.tensor(in: graph)
        var result = padded.rows(0, steps) * weights.rows(0, 1)
        for tap in 1..<taps { result = result + padded.rows(tap, steps) * weights.rows(tap, 1) }
        result = result + bias
        if let scale { result = result * scale }
        return residual.map { $0 + result } ?? result
    }

    /// `state` rows, then the activated rows; the last of them become the state.
    private func prepared(_ activation: Activation, half: Bool, state: (StreamState, Int)?) -> Tensor {
        let past = state.map { $0.0.tensor($0.1, in: graph) }
        if graph.device.usesKernels { return kernelPrepared(activation, half: half, past: past) }
        let active = activated(activation)
        let padded = past.map { $0.appended(active) } ?? active
        if let past, past.shape[0] > 0 {
            let tail = padded.rows(shape[0], past.shape[0])
            graph.keep(Tensor(ggml_cpy(context, tail.node, past.node), graph, past.shape))
        }
        return padded
    }

    /// The activation alone, where no convolution follows.
    package func activated(_ activation: Activation) -> Tensor {
        switch activation {
        case .none: self
        case .elu: elu
        case .snake(let a, let b): self + (self * a).sine.squared * b
        }
    }
}

extension StreamState {
    /// Room for the rows a convolution looks back on; nil for one that does not. With a stride, a step takes a
    /// whole number of strides, so the last `stride - 1` rows before it were used up by the step before.
    package func convolution(_ weight: ConvolutionWeight, stride: Int = 1, dilation: Int = 1) -> (
        StreamState, Int
    )? {
        let rows = (weight.taps - 1) * dilation + 1 - stride
        return rows == 0 ? nil : (self, add([rows, weight.input], half: weight.half))
    }

    /// Room for the rows a depthwise convolution looks back on.
    package func depthwise(_ kernel: Weight) -> (StreamState, Int) {
        (self, add([kernel.shape[0] - 1, kernel.shape[1]], half: false))
    }
}
