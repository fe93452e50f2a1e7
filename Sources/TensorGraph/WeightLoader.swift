import CGGML
import CMynahKernels
package import Checkpoints
import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Binds a checkpoint's tensors to layers, predicts the memory that takes, then makes them resident.
package final class WeightLoader {
    package let device: Device
    package let precision: Precision
    private let index: [String: StoredTensor]
    private let store: WeightStore
    private var plans: [Plan] = []
    private(set) var claimed: [String: WeightRole] = [:]
    private var ignored: Set<String> = []

    /// How one tensor becomes resident.
    private struct Plan {
        let node: UnsafeMutablePointer<ggml_tensor>
        let bytes: Int
        let path: String
        /// The map itself serves, nothing is made.
        var mapped: UnsafeRawBufferPointer?
        var make: (UnsafeMutableRawPointer) -> Void = { _ in }
        var source: StoredTensor?
    }

    package init(_ tensors: [StoredTensor], on device: Device, precision: Precision) throws(LoadError) {
        self.device = device
        self.precision = precision
        var index: [String: StoredTensor] = [:]
        for tensor in tensors {
            guard index.updateValue(tensor, forKey: tensor.name) == nil else {
                throw .duplicate(path: tensor.name)
            }
        }
        self.index = index
        store = WeightStore(tensors: tensors.count * 2 + 256)
    }

    /// The root of the tree of names.
    package var weights: Weights { Weights(loader: self, path: "") }

    /// What each claimed tensor is for, by name: what `convert` decides by.
    package var roles: [String: WeightRole] { claimed }

    // MARK: claiming

    func take(_ path: String, _ shape: [Int], _ role: WeightRole) throws(LoadError) -> StoredTensor {
        guard let tensor = index[path] else { throw .missing(path: path, shape: shape) }
        guard tensor.shape == shape else {
            throw .wrongShape(path: path, expected: shape, found: tensor.shape)
        }
        guard tensor.type.ggml != nil && tensor.type != .i32 || tensor.type == .f64 else {
            throw .notNumbers(path: path, type: tensor.type)
        }
        claimed[path] = role
        return tensor
    }

    func claim(_ path: String, _ stored: [Int], _ role: WeightRole, as shape: [Int]) throws(LoadError)
        -> Weight
    {
        let tensor = try take(path, stored, role)
        var type = precision.type(for: role, stored: tensor.type, shape: shape)
        if role == .vector { type = .f32 }
        if let asked = precision.type, asked.blockLength > 1, role == .matrix, tensor.type.blockLength > 1,
            precision.type(for: role, stored: .f32, shape: shape) != tensor.type
        {
            throw .alreadyQuantised(path: path, stored: tensor.type, asked: asked)
        }
        guard let ggmlType = type.ggml, let bytes = type.byteCount(shape) else {
            throw .notNumbers(path: path, type: tensor.type)
        }
        let address = UInt(bitPattern: tensor.bytes.baseAddress)
        let isMapped = type == tensor.type && address % UInt(type.blockLength == 1 ? type.blockBytes : 2) == 0
        if !isMapped, let weight = turned(tensor, type, path, shape) { return weight }
        let (node, weight) = store.makeNode(ggmlType, shape, path)
        var plan = Plan(node: node, bytes: bytes, path: path, source: tensor)
        if isMapped { plan.mapped = tensor.bytes }
        plan.make = { Conversion.convert(tensor, to: type, at: $0) }
        plans.append(plan)
        return weight
    }

    /// A matrix that takes memory of its own anyhow, laid out as our product reads it; nil where that has no kernel.
    private func turned(
        _ tensor: StoredTensor, _ type: ElementType, _ path: String, _ shape: [Int]
    ) -> Weight? {
        guard device.usesKernels, let number = type.ggml.map({ Int32($0.rawValue) }), shape.count == 2,
            mynah_linear_turns(number) != 0
        else { return nil }
        let (rows, width) = (Int64(shape[0]), Int64(shape[1]))
        let bytes = mynah_linear_turned_bytes(number, rows, width)
        let weight = derive(path, GGML_TYPE_I8, [bytes], bytes: bytes) { target in
            Conversion.convert(tensor, to: type, at: target)
            Self.forget(tensor)
            let panel = mynah_linear_turned_bytes(number, 4, width)
            withUnsafeTemporaryAllocation(byteCount: panel, alignment: 64) {
                mynah_linear_turn(number, target, rows, width, $0.baseAddress)
            }
        }
        return weight.turned(number, shape)
    }

    func derive(_ path: String, _ shape: [Int], _ make: @escaping () -> [Float]) -> Weight {
        let bytes = shape.reduce(4, *)
        return derive(path, GGML_TYPE_F32, shape, bytes: bytes) { target in
            make().withUnsafeBytes {
                target.copyMemory(
                    from: UnsafeRawPointer($0.baseAddress ?? UnsafeRawPointer(target)), byteCount: bytes)
            }
        }
    }

    /// A tensor written by `make` into `bytes` bytes.
    func derive(
        _ path: String, _ type: ggml_type, _ shape: [Int], bytes: Int,
        make: @escaping (UnsafeMutableRawPointer) -> Void
    ) -> Weight {
        let (node, weight) = store.makeNode(type, shape, path)
        plans.append(Plan(node: node, bytes: bytes, path: path, make: make))
        return weight
    }

    func ignore(prefix: String) {
        for name in index.keys where name == prefix || name.hasPrefix(prefix + ".") { ignored.insert(name) }
    }

    func has(prefix: String) -> Bool {
        index.keys.contains { $0 == prefix || $0.hasPrefix(prefix + ".") }
    }

    // MARK: residence

    /// Bytes served by the file's map, and bytes that must be made beside it, on an accelerator where there is one.
    package var prediction: (mapped: Int, made: Int) {
        var (mapped, made) = (0, 0)
        for plan in plans {
            if plan.mapped != nil && !device.isAccelerator {
                mapped += plan.bytes
            } else {
                made += plan.bytes
            }
        }
        let tables = claimed.filter { $0.value == .embedding }.keys.compactMap { index[$0]?.bytes.count }
        return (mapped + tables.reduce(0, +), made)
    }

    /// Ends binding: every tensor claimed or ignored, and what was claimed resident.
    ///
    /// - Parameters:
    ///   - reserve: bytes that caches and activations will take, counted in the memory check.
    ///   - available: bytes of the processor's memory that may be taken.
    ///   - onDevice: bytes of the accelerator's memory that may be taken, where there is one.
    ///   - progress: told the share of the weights that is ready.
    package func finish(
        reserve: Int = 0, available: Int = MemoryBudget.available, onDevice: Int? = nil,
        progress: ((Double) -> Void)? = nil
    ) throws(LoadError) {
        let unclaimed = index.keys.filter { claimed[$0] == nil && !ignored.contains($0) }.sorted()
        guard unclaimed.isEmpty else { throw .unclaimed(paths: unclaimed) }
        let (mapped, made) = prediction
        let need = mapped + (device.isAccelerator ? 0 : made + reserve)
        guard need <= available else { throw .doesNotFit(need: need, available: available) }
        let steps = LoadingSteps(bytes: plans.reduce(0) { $0 + $1.bytes }, tell: progress)
        if device.isAccelerator {
            try upload(reserve: reserve, available: onDevice ?? device.availableBytes, steps)
        } else {
            materialise(steps)
        }
        plans = []
    }

    private func materialise(_ steps: LoadingSteps) {
        for plan in plans {
            if let mapped = plan.mapped, let base = mapped.baseAddress {
                store.adopt(
                    plan.node, UnsafeMutableRawPointer(mutating: base), plan.bytes, keeping: plan.source)
            } else {
                let memory = store.allocate(plan.bytes)
                plan.make(memory)
                store.adopt(plan.node, memory, plan.bytes, keeping: nil)
                plan.source.map(Self.forget)
            }
            steps.add(plan.bytes)
        }
    }

    private func upload(reserve: Int, available: Int, _ steps: LoadingSteps) throws(LoadError) {
        let need = prediction.made + reserve
        guard need <= available, store.allocateOnDevice(device.weightBufferType) else {
            throw .deviceMemory(need: need, available: available)
        }
        for plan in plans {
            if let mapped = plan.mapped {
                ggml_backend_tensor_set(plan.node, mapped.baseAddress, 0, plan.bytes)
            } else {
                let memory = UnsafeMutableRawPointer.allocate(byteCount: plan.bytes, alignment: 64)
                defer { memory.deallocate() }
                plan.make(memory)
                ggml_backend_tensor_set(plan.node, memory, 0, plan.bytes)
            }
            plan.source.map(Self.forget)
            steps.add(plan.bytes)
        }
    }

    /// Lets the system drop the pages of a map that has been read and will not be again.
    static func forget(_ tensor: StoredTensor) {
        let bytes = tensor.bytes
        guard tensor.isMapped, let base = bytes.baseAddress else { return }
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        let start = (UInt(bitPattern: base) + page - 1) / page * page
        let end = (UInt(bitPattern: base) + UInt(bytes.count)) / page * page
        guard end > start, let address = UnsafeMutableRawPointer(bitPattern: start) else { return }
        madvise(address, Int(end - start), Int32(MADV_DONTNEED))
    }
}

/// Counts weights as they become ready, and tells of each hundredth.
private final class LoadingSteps {
    private let total: Int
    private let tell: ((Double) -> Void)?
    private var done = 0, told = -1

    init(bytes: Int, tell: ((Double) -> Void)?) { (total, self.tell) = (max(1, bytes), tell) }

    func add(_ bytes: Int) {
        done += bytes
        let hundredths = done * 100 / total
        guard hundredths > told else { return }
        told = hundredths
        tell?(Double(hundredths) / 100)
    }
}

/// Owner of resident weights: ggml's descriptors, the memory behind those that were made, the maps behind the rest.
final class WeightStore {
    private let context: OpaquePointer
    private var buffers: [ggml_backend_buffer_t] = []
    private var memory: [UnsafeMutableRawPointer] = []
    private var sources: [StoredTensor] = []

    init(tensors: Int) {
        let parameters = ggml_init_params(
            mem_size: ggml_tensor_overhead() * tensors, mem_buffer: nil, no_alloc: true)
        guard let context = ggml_init(parameters) else {
            preconditionFailure("ggml has no memory for \(tensors) descriptors")
        }
        self.context = context
    }

    deinit {
        for buffer in buffers { ggml_backend_buffer_free(buffer) }
        for block in memory { block.deallocate() }
        ggml_free(context)
    }

    func makeNode(_ type: ggml_type, _ shape: [Int], _ path: String) -> (
        UnsafeMutablePointer<ggml_tensor>, Weight
    ) {
        let ne = Tensor.dimensions(shape)
        guard let node = ggml_new_tensor_4d(context, type, ne.0, ne.1, ne.2, ne.3) else {
            preconditionFailure("more tensors than the store was made for, at \(path)")
        }
        ggml_set_name(node, path)
        return (node, Weight(node, self, path, shape))
    }

    func allocate(_ bytes: Int) -> UnsafeMutableRawPointer {
        // Large blocks on large pages where the system grants them: fewer misses while weights stream by.
        let large = 2 << 20
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: max(64, bytes), alignment: bytes >= large ? large : 64)
        #if os(Linux)
            if bytes >= large { madvise(block, bytes, Int32(MADV_HUGEPAGE)) }
        #endif
        memory.append(block)
        return block
    }

    /// Makes `node` stand on memory that this store, or the file behind `source`, owns.
    func adopt(
        _ node: UnsafeMutablePointer<ggml_tensor>, _ address: UnsafeMutableRawPointer, _ bytes: Int,
        keeping source: StoredTensor?
    ) {
        // ggml wants a buffer's start aligned; the tensor itself may lie anywhere in it.
        let skew = Int(UInt(bitPattern: address) % 64)
        guard let buffer = ggml_backend_cpu_buffer_from_ptr(address - skew, bytes + skew) else {
            preconditionFailure("ggml cannot describe \(bytes) bytes")
        }
        ggml_backend_buffer_set_usage(buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS)
        ggml_backend_tensor_alloc(buffer, node, address)
        buffers.append(buffer)
        if let source { sources.append(source) }
    }

    func allocateOnDevice(_ type: ggml_backend_buffer_type_t) -> Bool {
        guard let buffer = ggml_backend_alloc_ctx_tensors_from_buft(context, type) else { return false }
        ggml_backend_buffer_set_usage(buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS)
        buffers.append(buffer)
        return true
    }
}
