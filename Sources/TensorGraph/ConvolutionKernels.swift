import CGGML
import CMynahKernels
import Checkpoints

// The convolutions of Convolution.swift by our own kernels.

extension Weights {
    /// The kernel packed for our product, in bfloat16 or float32.
    func packedKernel(_ stored: StoredTensor, _ layout: KernelLayout, half: Bool) -> Weight {
        let type = half ? MYNAH_CONV_BF16 : MYNAH_CONV_F32
        let (input, output, taps) = (Int64(layout.input), Int64(layout.output), Int64(layout.taps))
        let bytes = mynah_conv_packed_bytes(input, output, taps, type)
        return loader.derive(self["weight.packed"].path, GGML_TYPE_I8, [bytes], bytes: bytes) { target in
            let values = layout.scaled(Conversion.floats(stored))
            if let stride = layout.stride {
                mynah_conv_transpose_pack(
                    target, values, input, output / Int64(stride), taps * Int64(stride), Int64(stride), type,
                    0, 1)
            } else {
                mynah_conv_pack(target, values, input, output, taps, type, 0, 1)
            }
            WeightLoader.forget(stored)
        }
    }
}

extension Tensor {
    func kernelPrepared(_ activation: Activation, half: Bool, past: Tensor?) -> Tensor {
        let pad = past?.shape[0] ?? 0
        if case .none = activation, pad == 0, !half { return contiguous }
        let type = half ? GGML_TYPE_BF16 : GGML_TYPE_F32
        // The kernel also leaves the last rows in the state for the next step.
        let operation = PrepareKernel(activation, pad: pad, half: half, self)
        return graph.custom(
            operation, [pad + shape[0], shape[1]], [contiguous] + (past.map { [$0] } ?? []), type: type)
    }

    func kernelConvolved(
        _ weight: ConvolutionWeight, steps: Int, stride: Int, dilation: Int, residual: Tensor?
    ) -> Tensor {
        graph.retain(weight.kernel.owner)
        let operation = ConvolutionKernel(weight, steps: steps, stride: stride, dilation: dilation, graph)
        return graph.custom(
            operation, [steps, weight.output], [self] + (residual.map { [$0.contiguous] } ?? []))
    }

    func kernelDepthwise(
        _ kernel: Weight, _ bias: Weight, steps: Int, scale: Weight?, residual: Tensor?
    ) -> Tensor {
        graph.retain(kernel.owner)
        let operation = DepthwiseKernel(kernel, bias, scale, count: steps * shape[1], graph)
        return graph.custom(
            operation, [steps, shape[1]], [self] + (residual.map { [$0.contiguous] } ?? []))
    }
}

private final class PrepareKernel: KernelOperation {
    private var arguments = mynah_prepare_args()

    private let shares: Int32

    override var parts: Int32 { shares }

    init(_ activation: Activation, pad: Int, half: Bool, _ x: Tensor) {
        shares = Self.parts(for: x.count, each: 8192, threads: x.graph.device.threads)
        arguments.pad = Int64(pad)
        arguments.type = half ? MYNAH_CONV_BF16 : MYNAH_CONV_F32
        switch activation {
        case .none: arguments.activation = MYNAH_ACTIVATION_NONE
        case .elu: arguments.activation = MYNAH_ACTIVATION_ELU
        case .snake(let a, let b):
            arguments.activation = MYNAH_ACTIVATION_SNAKE
            (arguments.a, arguments.b) = (a.floats, b.floats)
        }
    }

    override func run(_ node: UnsafeMutablePointer<ggml_tensor>, _ part: Int32, _ parts: Int32) {
        guard let source = node.source(0) else { return }
        var call = arguments
        call.x = source.floats.map { UnsafePointer($0) }
        (call.channels, call.t) = (source.pointee.ne.0, source.pointee.ne.1)
        call.state = node.source(1).flatMap { UnsafeRawPointer($0.pointee.data) }
        call.next_state = node.source(1)?.pointee.data
        call.dst = node.pointee.data
        mynah_conv_prepare(&call, part, parts)
    }
}

private final class ConvolutionKernel: KernelOperation {
    private var arguments = mynah_conv_args()

    private let shares: Int32

    override var parts: Int32 { shares }

    init(_ weight: ConvolutionWeight, steps: Int, stride: Int, dilation: Int, _ graph: Graph) {
        let work = weight.input * weight.output * weight.taps * steps
        shares = Self.parts(for: work, each: 1 << 18, threads: graph.device.threads)
        arguments.w = UnsafeRawPointer(weight.kernel.node.pointee.data)
        arguments.bias = weight.bias?.floats
        (arguments.cin, arguments.cout, arguments.k) = (
            Int64(weight.input), Int64(weight.output), Int64(weight.taps)
        )
        (arguments.stride, arguments.dilation) = (Int64(stride), Int64(dilation))
        arguments.type = weight.half ? MYNAH_CONV_BF16 : MYNAH_CONV_F32
    }

    override func run(_ node: UnsafeMutablePointer<ggml_tensor>, _ part: Int32, _ parts: Int32) {
        var call = arguments
        call.x = node.source(0).flatMap { UnsafeRawPointer($0.pointee.data) }
        call.residual = node.source(1)?.floats.map { UnsafePointer($0) }
        call.y = node.floats
        call.t_out = node.pointee.ne.1
        mynah_conv(&call, part, parts)
    }
}

private final class DepthwiseKernel: KernelOperation {
    private let kernel, bias: Weight
    private let scale: Weight?
    private let shares: Int32

    override var parts: Int32 { shares }

    init(_ kernel: Weight, _ bias: Weight, _ scale: Weight?, count: Int, _ graph: Graph) {
        (self.kernel, self.bias, self.scale) = (kernel, bias, scale)
        shares = Self.parts(for: count, each: 4096, threads: graph.device.threads)
    }

    override func run(_ node: UnsafeMutablePointer<ggml_tensor>, _ part: Int32, _ parts: Int32) {
        var call = mynah_depthwise_args()
        call.x = node.source(0)?.floats.map { UnsafePointer($0) }
        (call.w, call.bias, call.scale) = (kernel.floats, bias.floats, scale?.floats)
        call.residual = node.source(1)?.floats.map { UnsafePointer($0) }
        call.y = node.floats
        (call.channels, call.t) = (node.pointee.ne.0, node.pointee.ne.1)
        (call.k, call.dilation) = (Int64(kernel.shape[0]), 1)
        mynah_depthwise_conv(&call, part, parts)
    }
}
