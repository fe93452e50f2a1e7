import CGGML
import CMynahKernels

// Operations of Operations.swift and Convolution.swift by our own kernels. Each is a ggml custom operation on ggml's
// one thread, which shares the kernel's parts with the device's pool.

/// One kernel with its fixed arguments. `run` is called by several threads at once and changes nothing.
class KernelOperation {
    /// Parts to share the work in; 1 where sharing would cost more than the work.
    var parts: Int32 { 1 }

    func run(_ node: UnsafeMutablePointer<ggml_tensor>, _ part: Int32, _ parts: Int32) {}

    /// Stages that follow each other, every part of one before the first of the next; most kernels have one.
    var stages: Int { 1 }

    func parts(in stage: Int) -> Int32 { parts }

    func run(stage: Int, _ node: UnsafeMutablePointer<ggml_tensor>, _ part: Int32, _ parts: Int32) {
        run(node, part, parts)
    }

    /// Few enough to be worth handing out, enough that a thread which lost its core holds little up.
    static func parts(for work: Int, each least: Int, threads: Int) -> Int32 {
        threads == 1 ? 1 : Int32(max(1, min(work / least, threads * 4)))
    }
}

/// What a part of a kernel's work needs to know.
private struct KernelCall {
    let operation: Unmanaged<KernelOperation>
    let node: UnsafeMutablePointer<ggml_tensor>
    var stage = 0
}

private let runPart: mynah_task = { context, part, parts in
    guard let call = context?.assumingMemoryBound(to: KernelCall.self).pointee else { return }
    call.operation._withUnsafeGuaranteedRef { $0.run(stage: call.stage, call.node, part, parts) }
}

private let runKernel: ggml_custom_op_t = { node, _, _, data in
    guard let node, let data else { return }
    let kernel = Unmanaged<SharedKernel>.fromOpaque(data)
    kernel._withUnsafeGuaranteedRef { kernel in
        var call = KernelCall(operation: .passUnretained(kernel.operation), node: node)
        for stage in 0..<kernel.operation.stages {
            call.stage = stage
            mynah_pool_run(kernel.pool, runPart, &call, kernel.operation.parts(in: stage))
        }
    }
}

/// A kernel and the pool that works on it.
private final class SharedKernel {
    let operation: KernelOperation
    let pool: OpaquePointer?

    init(_ operation: KernelOperation, _ pool: OpaquePointer?) {
        (self.operation, self.pool) = (operation, pool)
    }
}

extension Graph {
    /// A node computed by `operation` from `sources`.
    func custom(
        _ operation: KernelOperation, _ shape: [Int], _ sources: [Tensor], type: ggml_type = GGML_TYPE_F32
    ) -> Tensor {
        let kernel = SharedKernel(operation, device.pool)
        retain(kernel)
        let ne = Tensor.dimensions(shape)
        var arguments: [UnsafeMutablePointer<ggml_tensor>?] = sources.map(\.node)
        let node = ggml_custom_4d(
            context, type, ne.0, ne.1, ne.2, ne.3, &arguments, Int32(arguments.count), runKernel, 1,
            Unmanaged.passUnretained(kernel).toOpaque())
        return Tensor(node, self, shape)
    }
}

extension UnsafeMutablePointer<ggml_tensor> {
    func source(_ index: Int) -> UnsafeMutablePointer<ggml_tensor>? {
        let sources = pointee.src
        return switch index {
        case 0: sources.0
        case 1: sources.1
        case 2: sources.2
        default: sources.3
        }
    }

    var floats: UnsafeMutablePointer<Float>? { pointee.data?.assumingMemoryBound(to: Float.self) }
    var integers: UnsafePointer<Int32>? {
        pointee.data.map { UnsafePointer($0.assumingMemoryBound(to: Int32.self)) }
    }
    /// Values from one row to the next.
    var rowStride: Int { pointee.nb.1 / 4 }
}

extension Weight {
    var floats: UnsafePointer<Float>? { node.floats.map { UnsafePointer($0) } }
}

extension Tensor {
    /// The tensor as a kernel reads rows: values of a row side by side, rows at any distance.
    private var rowwise: Tensor { node.pointee.nb.0 == 4 ? self : contiguous }

    func kernelRMSNorm(_ weight: Weight, _ epsilon: Float) -> Tensor {
        graph.retain(weight.owner)
        return graph.custom(NormKernel(weight, nil, epsilon, self), shape, [contiguous])
    }

    func kernelLayerNorm(_ weight: Weight, _ bias: Weight, _ epsilon: Float) -> Tensor {
        graph.retain(weight.owner)
        return graph.custom(NormKernel(weight, bias, epsilon, self), shape, [contiguous])
    }

    func kernelMap(_ kind: mynah_unary_kind) -> Tensor {
        graph.custom(UnaryKernel(kind, self), shape, [contiguous])
    }

    func kernelLinear(_ weights: [(Weight, bias: Weight?)], residual: Tensor?) -> [Tensor] {
        let operation = LinearKernel(weights, rows: shape[0], width: shape[1], graph: graph, gated: false)
        graph.scratch.reserve(operation.scratchBytes)
        for (weight, _) in weights { graph.retain(weight.owner) }
        let widths = weights.map { $0.0.shape[0] }
        let all = graph.custom(
            operation, [shape[0], widths.reduce(0, +)], [rowwise] + (residual.map { [$0.rowwise] } ?? []))
        if widths.count == 1 { return [all] }
        var start = 0
        return widths.map { width in
            defer { start += width }
            return all.columns(start, width)
        }
    }

    func kernelGated(_ gate: Weight, _ up: Weight) -> Tensor {
        let operation = LinearKernel(
            [(gate, nil), (up, nil)], rows: shape[0], width: shape[1], graph: graph, gated: true)
        graph.scratch.reserve(operation.scratchBytes)
        graph.retain(gate.owner)
        return graph.custom(operation, [shape[0], gate.shape[0]], [rowwise])
    }

    func kernelRotated(_ step: Step, norm: (weight: Weight, epsilon: Float)?) -> Tensor {
        graph.custom(RotaryKernel(norm, self), shape, [self, step.rotation])
    }

    func kernelAttending(_ cache: KVCache.Layer, _ step: Step) -> Tensor {
        guard let bases = step.slotBases, let positions = step.positions, let stored = cache.stored else {
            preconditionFailure("attention comes after the step's keys are stored")
        }
        let operation = AttentionKernel(cache, step, heads: shape[1])
        return graph.custom(
            operation, [shape[0], shape[1] * shape[2]], [contiguous, bases, positions, stored])
    }

    /// Rows `[rows, heads, width]` of keys and values into the cache; the result only says that it is done.
    static func kernelStored(_ keys: Tensor, _ values: Tensor, in cache: KVCache.Layer, at step: Step)
        -> Tensor
    {
        keys.graph.custom(StoreKernel(cache), [1], [keys, values, step.cacheRows])
    }
}

private final class NormKernel: KernelOperation {
    private let weight: Weight, bias: Weight?
    private let epsilon: Float
    private let shares: Int32

    override var parts: Int32 { shares }

    init(_ weight: Weight, _ bias: Weight?, _ epsilon: Float, _ x: Tensor) {
        (self.weight, self.bias, self.epsilon) = (weight, bias, epsilon)
        shares = Self.parts(for: x.count, each: 16384, threads: x.graph.device.threads)
    }

    override func run(_ node: UnsafeMutablePointer<ggml_tensor>, _ part: Int32, _ parts: Int32) {
        let (width, rows) = (node.pointee.ne.0, ggml_nrows(node))
        let x = node.source(0)?.floats
        if let bias {
            mynah_layer_norm(
                node.floats, x, weight.floats, bias.floats, epsilon, rows, width, width, width, part, parts)
        } else {
            mynah_rms_norm(node.floats, x, weight.floats, epsilon, rows, width, width, width, part, parts)
        }
    }
}

private final class UnaryKernel: KernelOperation {
    private let kind: mynah_unary_kind
    private let shares: Int32

    override var parts: Int32 { shares }

    init(_ kind: mynah_unary_kind, _ x: Tensor) {
        self.kind = kind
        shares = Self.parts(for: x.count, each: 4096, threads: x.graph.device.threads)
    }

    override func run(_ node: UnsafeMutablePointer<ggml_tensor>, _ part: Int32, _ parts: Int32) {
        mynah_unary(kind, node.floats, node.source(0)?.floats, ggml_nelements(node), part, parts)
    }
}

/// Rows are prepared once, then multiplied: two stages for every band of them.
private final class LinearKernel: KernelOperation {
    private var arguments = mynah_linear_args()
    private let scratch: Scratch
    private let gated: Bool
    private let rows: Int
    private let preparingShares: Int32, shares: Int32

    /// Most rows that are prepared at once, which bounds the scratch.
    private static let band = 256

    init(_ weights: [(Weight, bias: Weight?)], rows: Int, width: Int, graph: Graph, gated: Bool) {
        scratch = graph.scratch
        self.gated = gated
        self.rows = rows
        let threads = graph.device.threads
        let bytes = weights.reduce(0) { $0 + ggml_nbytes($1.0.node) }
        shares = Self.parts(for: bytes * max(1, rows / 4), each: 64 << 10, threads: threads)
        let described = weights.map { Self.describe($0.0, $0.bias, width) }
        arguments.weights.0 = described[0]
        if described.count > 1 { arguments.weights.1 = described[1] }
        if described.count > 2 { arguments.weights.2 = described[2] }
        arguments.weight_count = Int32(described.count)
        arguments.k = Int64(width)
        arguments.rows = Int64(min(rows, Self.band))
        let band = min(rows, Self.band)
        preparingShares =
            mynah_linear_prepares(&arguments) == 0
            ? 0 : min(Int32(band), Self.parts(for: band * width, each: 4096, threads: threads))
    }

    private static func describe(_ weight: Weight, _ bias: Weight?, _ width: Int) -> mynah_weight {
        let type = weight.node.pointee.type
        var result = mynah_weight()
        result.data = UnsafeRawPointer(weight.node.pointee.data)
        result.rows = Int64(weight.shape[0])
        result.bias = bias?.floats
        if let turned = weight.turned {
            result.type = turned + Int32(MYNAH_TURNED.rawValue)
            result.row_bytes = mynah_linear_turned_row(turned, Int64(width))
            return result
        }
        result.type = Int32(type.rawValue)
        result.row_bytes = weight.node.pointee.nb.1
        // ggml's pair serves types without a kernel of ours, and processors without the instructions of one.
        if let product = Backends.rowProduct(of: type) {
            result.vec_dot = product.vec_dot
            result.from_float = Backends.rowProduct(of: product.vec_dot_type)?.from_float
            result.activation_bytes = ggml_row_size(product.vec_dot_type, Int64(width))
        }
        return result
    }

    var scratchBytes: Int { mynah_linear_scratch(&arguments) }

    override var stages: Int { (rows + Self.band - 1) / Self.band * 2 }

    override func parts(in stage: Int) -> Int32 { stage % 2 == 0 ? preparingShares : shares }

    override func run(
        stage: Int, _ node: UnsafeMutablePointer<ggml_tensor>, _ part: Int32, _ parts: Int32
    ) {
        let first = stage / 2 * Self.band
        var call = arguments
        call.rows = Int64(min(rows - first, Self.band))
        let stride = node.source(0)?.rowStride ?? 0
        call.x = node.source(0)?.floats.map { UnsafePointer($0 + first * stride) }
        call.x_stride = Int64(stride)
        call.y_stride = node.pointee.ne.0
        call.y = node.floats.map { $0 + first * Int(node.pointee.ne.0) }
        if let residual = node.source(1) {
            call.residual = residual.floats.map { UnsafePointer($0 + first * residual.rowStride) }
            call.residual_stride = Int64(residual.rowStride)
        }
        call.scratch = scratch.base
        if stage % 2 == 0 {
            mynah_linear_prepare(&call, part, parts)
        } else {
            gated ? mynah_gated_linear(&call, part, parts) : mynah_linear(&call, part, parts)
        }
    }
}

private final class RotaryKernel: KernelOperation {
    private let norm: (weight: Weight, epsilon: Float)?
    private let shares: Int32

    override var parts: Int32 { shares }

    init(_ norm: (weight: Weight, epsilon: Float)?, _ x: Tensor) {
        self.norm = norm
        shares = Self.parts(for: x.count, each: 8192, threads: x.graph.device.threads)
    }

    override func run(_ node: UnsafeMutablePointer<ggml_tensor>, _ part: Int32, _ parts: Int32) {
        guard let source = node.source(0) else { return }
        var call = mynah_rope_args()
        call.x = source.floats.map { UnsafePointer($0) }
        call.x_stride = Int64(source.pointee.nb.2 / 4)
        call.y = node.floats
        call.y_stride = Int64(node.pointee.nb.2 / 4)
        call.cos_sin = node.source(1)?.floats.map { UnsafePointer($0) }
        (call.head_width, call.heads, call.rows) = (node.pointee.ne.0, node.pointee.ne.1, node.pointee.ne.2)
        if let norm {
            call.norm_weight = norm.weight.floats
            call.norm_eps = norm.epsilon
            mynah_head_norm_rope(&call, part, parts)
        } else {
            mynah_rope(&call, part, parts)
        }
    }
}

private final class StoreKernel: KernelOperation {
    private let keys, values: UnsafeMutablePointer<ggml_tensor>

    init(_ cache: KVCache.Layer) { (keys, values) = (cache.keys.node, cache.values.node) }

    override func run(_ node: UnsafeMutablePointer<ggml_tensor>, _ part: Int32, _ parts: Int32) {
        guard let k = node.source(0), let v = node.source(1), let slots = node.source(2) else { return }
        var call = mynah_cache_store_args()
        (call.cache_k, call.cache_v) = (keys.pointee.data, values.pointee.data)
        call.type = keys.pointee.type == GGML_TYPE_F16 ? 1 : 0
        call.k = k.floats.map { UnsafePointer($0) }
        call.v = v.floats.map { UnsafePointer($0) }
        (call.k_stride, call.v_stride) = (Int64(k.pointee.nb.2 / 4), Int64(v.pointee.nb.2 / 4))
        call.slots = slots.integers
        (call.rows, call.width) = (k.pointee.ne.2, keys.pointee.ne.0)
        mynah_cache_store(&call, part, parts)
    }
}

private final class AttentionKernel: KernelOperation {
    private let keys, values: UnsafeMutablePointer<ggml_tensor>
    private let capacities: [Int32]
    private let heads: Int, keyHeads: Int, width: Int, window: Int
    private let shares: Int32

    override var parts: Int32 { shares }

    init(_ cache: KVCache.Layer, _ step: Step, heads: Int) {
        (keys, values) = (cache.keys.node, cache.values.node)
        capacities = [Int32](repeating: Int32(step.capacity), count: step.rows)
        self.heads = heads
        (keyHeads, width, window) = (cache.heads, step.headWidth, step.window ?? 0)
        // The rows attended to are not known here; a model's decode step has dozens at the least.
        shares = Self.parts(
            for: step.rows * heads * width * 32, each: 16 << 10, threads: cache.keys.graph.device.threads)
    }

    override func run(_ node: UnsafeMutablePointer<ggml_tensor>, _ part: Int32, _ parts: Int32) {
        var call = mynah_attend_args()
        call.q = node.source(0)?.floats.map { UnsafePointer($0) }
        (call.q_stride, call.y_stride) = (Int64(heads * width), Int64(heads * width))
        (call.cache_k, call.cache_v) = (
            UnsafeRawPointer(keys.pointee.data), UnsafeRawPointer(values.pointee.data)
        )
        call.type = keys.pointee.type == GGML_TYPE_F16 ? 1 : 0
        call.y = node.floats
        call.bases = node.source(1)?.integers
        call.positions = node.source(2)?.integers
        (call.rows, call.heads, call.kv_heads) = (node.pointee.ne.1, Int64(heads), Int64(keyHeads))
        call.head_width = Int64(width)
        call.window = Int32(window)
        call.scale = 1 / Float(width).squareRoot()
        capacities.withUnsafeBufferPointer {
            call.capacities = $0.baseAddress
            mynah_attend(&call, part, parts)
        }
    }
}
