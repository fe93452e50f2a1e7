import CGGML

/// A computation laid out once and replayed: inputs are written, `compute` runs, outputs are read.
///
/// Shapes are fixed when it is built; what varies from step to step (positions, cache rows, embeddings) is input
/// data. A graph belongs to one session or engine and is used from one thread at a time.
package final class Graph {
    let device: Device
    let context: OpaquePointer
    private let nodes: OpaquePointer
    private let scheduler: ggml_backend_sched_t
    /// Things a node points at that ggml does not own: parameters of our kernels, weights, caches.
    private var retained: [AnyObject] = []
    /// Memory our kernels use, one after the other: a node is done before the next begins.
    let scratch = Scratch()
    /// Whether there was no memory for it: it is neither written, computed nor read.
    private(set) var isWanting = false
    private let taps: Set<String>
    private var tapped: [String: (node: UnsafeMutablePointer<ggml_tensor>, shape: [Int])] = [:]
    private var pending: [Tensor] = []
    // Nodes, not tensors: a tensor holds its graph, and a graph that held tensors would never be freed.
    private var fixed: [(node: UnsafeMutablePointer<ggml_tensor>, bytes: [UInt8])] = []

    /// Lays out a graph.
    ///
    /// - Parameters:
    ///   - capacity: most nodes it may come to.
    ///   - taps: names (see ``Tensor/named(_:)``) whose values are to be readable after `compute`; for parity.
    ///   - build: makes inputs with ``input(_:_:)``, calls ``output(_:)`` on what is to be read, and returns both.
    package static func layOut<Ends>(
        on device: Device, nodes capacity: Int = 2048, taps: Set<String> = [], _ build: (Graph) -> Ends
    ) -> (graph: Graph, ends: Ends) {
        let graph = Graph(device, capacity, taps)
        let ends = build(graph)
        graph.finish()
        return (graph, ends)
    }

    private init(_ device: Device, _ capacity: Int, _ taps: Set<String>) {
        self.device = device
        self.taps = taps
        let size = ggml_tensor_overhead() * capacity * 2 + ggml_graph_overhead_custom(capacity, false)
        let parameters = ggml_init_params(mem_size: size, mem_buffer: nil, no_alloc: true)
        guard let context = ggml_init(parameters), let nodes = ggml_new_graph_custom(context, capacity, false)
        else {
            preconditionFailure("ggml has no memory for a graph of \(capacity) nodes")
        }
        self.context = context
        self.nodes = nodes
        var backends: [ggml_backend_t?] = device.backends
        scheduler = backends.withUnsafeMutableBufferPointer {
            ggml_backend_sched_new($0.baseAddress, nil, Int32($0.count), capacity, false, true)
        }
    }

    private func finish() {
        for tensor in pending { ggml_build_forward_expand(nodes, tensor.node) }
        pending = []
        scratch.allocate()
        if !ggml_backend_sched_alloc_graph(scheduler, nodes) {
            isWanting = true
            device.fail(.outOfMemory(bytes: nil))
        }
    }

    deinit {
        ggml_backend_sched_free(scheduler)
        ggml_free(context)
    }

    /// Runs the graph on what the inputs hold. Where an accelerator cannot, ``Device/check()`` says so.
    package func compute() {
        if isWanting { return device.fail(.outOfMemory(bytes: nil)) }
        // An input's memory may be given to a later node, so what never varies is written every time too.
        for (node, bytes) in fixed {
            bytes.withUnsafeBytes { ggml_backend_tensor_set(node, $0.baseAddress, 0, $0.count) }
        }
        let status = ggml_backend_sched_graph_compute(scheduler, nodes)
        if status != GGML_STATUS_SUCCESS {
            device.fail(.stopped(name: device.name, status: Int(status.rawValue)))
        }
    }

    /// Number of operations, for `bench`.
    package var count: Int { Int(ggml_graph_n_nodes(nodes)) }

    // MARK: building

    /// A float32 tensor to be written before `compute`.
    package func input(_ name: String, _ shape: [Int]) -> Tensor { input(name, shape, GGML_TYPE_F32) }

    /// An int32 tensor to be written before `compute`.
    package func integerInput(_ name: String, _ shape: [Int]) -> Tensor { input(name, shape, GGML_TYPE_I32) }

    func input(_ name: String, _ shape: [Int], _ type: ggml_type) -> Tensor {
        let tensor = Tensor(newNode(type, shape), self, shape)
        ggml_set_name(tensor.node, name)
        ggml_set_input(tensor.node)
        return tensor
    }

    /// Marks what is to be read after `compute`.
    package func output(_ tensor: Tensor) {
        ggml_set_output(tensor.node)
        pending.append(tensor)
    }

    /// Keeps a write into state (a cache, a convolution's tail) that no output depends on.
    package func keep(_ tensor: Tensor) { pending.append(tensor) }

    /// Indices known when the graph is laid out.
    func constant(_ values: [Int32]) -> Tensor {
        let tensor = integerInput("constant", [values.count])
        values.withUnsafeBytes { fix(tensor, Array($0)) }
        return tensor
    }

    /// An input that holds the same bytes at every computation.
    func fix(_ tensor: Tensor, _ bytes: [UInt8]) { fixed.append((tensor.node, bytes)) }

    func retain(_ object: AnyObject) { retained.append(object) }

    func tap(_ tensor: Tensor, _ name: String) {
        guard taps.contains(name) else { return }
        let copy = tensor.contiguous
        ggml_set_output(copy.node)
        tapped[name] = (copy.node, copy.shape)
        pending.append(copy)
    }

    /// The value of a tapped tensor after `compute`, with its shape; nil when no layer of this graph bears the name.
    package func tapped(_ name: String) -> (values: [Float], shape: [Int])? {
        tapped[name].map { (Tensor($0.node, self, $0.shape).read(), $0.shape) }
    }

    func newNode(_ type: ggml_type, _ shape: [Int]) -> UnsafeMutablePointer<ggml_tensor> {
        let ne = Tensor.dimensions(shape)
        guard let node = ggml_new_tensor_4d(context, type, ne.0, ne.1, ne.2, ne.3) else {
            preconditionFailure("the graph's node capacity is used up")
        }
        return node
    }
}

/// Memory for kernels that need some, sized by the neediest.
final class Scratch {
    private(set) var base: UnsafeMutableRawPointer?
    private var bytes = 0

    /// Asks for `bytes` in all (the kernel divides them among its parts).
    func reserve(_ bytes: Int) { self.bytes = max(self.bytes, bytes) }

    func allocate() {
        guard bytes > 0 else { return }
        base = .allocate(byteCount: bytes, alignment: 64)
    }

    deinit { base?.deallocate() }
}
