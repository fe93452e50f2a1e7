import CGGML
import CMynahKernels
package import Checkpoints

/// A tensor of a checkpoint, resident and immutable. Its store stays alive with it.
package struct Weight: @unchecked Sendable {
    // SAFETY: the node is written while loading, before any `Weight` is used in a graph, and only read after.
    let node: UnsafeMutablePointer<ggml_tensor>
    private let store: WeightStore
    var owner: AnyObject { store }
    /// The upstream name.
    package let path: String
    /// Row-major, as in the checkpoint.
    package let shape: [Int]
    /// Laid out for our product alone: the node holds bytes that nothing else can read.
    private(set) var turned: Int32?

    init(_ node: UnsafeMutablePointer<ggml_tensor>, _ store: WeightStore, _ path: String, _ shape: [Int]) {
        self.node = node
        self.store = store
        self.path = path
        self.shape = shape
    }

    /// A matrix of `shape` whose turned bytes `node` holds.
    func turned(_ type: Int32, _ shape: [Int]) -> Weight {
        var weight = Weight(node, store, path, shape)
        weight.turned = type
        return weight
    }

    /// The weight as a node of `graph`.
    package func tensor(in graph: Graph) -> Tensor {
        graph.retain(store)
        return Tensor(node, graph, shape)
    }
}

/// A place in a checkpoint's tree of names; layers claim their tensors from it.
///
/// `weights["self_attn"]["q_proj"]` is a path. Claiming states the shape: a missing name, another shape, or a
/// tensor that nobody claimed or ignored fails the load.
package struct Weights {
    let loader: WeightLoader
    package let path: String

    package subscript(name: String) -> Weights {
        Weights(loader: loader, path: path.isEmpty ? name : "\(path).\(name)")
    }

    package subscript(index: Int) -> Weights { self["\(index)"] }

    /// A projection `[out, in]`.
    package func matrix(_ name: String = "weight", _ shape: [Int], role: WeightRole = .matrix)
        throws(LoadError) -> Weight
    {
        try loader.claim(self[name].path, shape, role, as: shape)
    }

    /// A 1x1 convolution's kernel `[out, in, 1]`, which is a projection `[out, in]` of each step.
    package func pointwise(_ output: Int, _ input: Int, role: WeightRole) throws(LoadError) -> Weight {
        try loader.claim(self["weight"].path, [output, input, 1], role, as: [output, input])
    }

    /// Norm weights, biases and scales: float32 in memory, whatever the file has.
    package func vector(_ name: String, _ count: Int) throws(LoadError) -> Weight {
        try loader.claim(self[name].path, [count], .vector, as: [count])
    }

    /// A lookup table `[rows, width]`, read on the host from the map.
    package func table(
        _ name: String = "weight", _ rows: Int, _ width: Int, role: WeightRole = .embedding
    ) throws(LoadError) -> EmbeddingTable {
        EmbeddingTable(try loader.take(self[name].path, [rows, width], role))
    }

    /// A tensor's values in float32, for what is computed on the host.
    package func values(_ name: String, _ shape: [Int], role: WeightRole = .vector) throws(LoadError)
        -> [Float]
    {
        Conversion.floats(try loader.take(self[name].path, shape, role))
    }

    /// A tensor in float32 made from one or several of the checkpoint, once, when weights become resident.
    package func derived(_ name: String, _ shape: [Int], _ make: @escaping () -> [Float]) -> Weight {
        loader.derive(self[name].path, shape, make)
    }

    /// Claims everything below this path that a forward pass does not use, and says so.
    package func ignore() { loader.ignore(prefix: path) }

    /// Whether the checkpoint has anything below this path.
    package var exists: Bool { loader.has(prefix: path) }
}

/// Why a checkpoint's tensors do not make the model its configuration describes.
package enum LoadError: Error, Equatable, Sendable {
    case missing(path: String, shape: [Int])
    case wrongShape(path: String, expected: [Int], found: [Int])
    case unclaimed(paths: [String])
    case alreadyQuantised(path: String, stored: ElementType, asked: ElementType)
    case notNumbers(path: String, type: ElementType)
    case duplicate(path: String)
    case doesNotFit(need: Int, available: Int)
    case deviceMemory(need: Int, available: Int)
}

/// Rows looked up by index in the mapped file.
package struct EmbeddingTable: Sendable {
    private let tensor: StoredTensor
    private let rowBytes: Int
    /// Number of rows, and values in each.
    package let rows: Int, width: Int

    init(_ tensor: StoredTensor) {
        self.tensor = tensor
        (rows, width) = (tensor.shape[0], tensor.shape[1])
        rowBytes = tensor.bytes.count / max(1, rows)
    }

    /// Writes row `index` to `target`.
    package func read(_ index: Int, into target: UnsafeMutablePointer<Float>) {
        Conversion.expand(address(index), tensor.type, into: target, count: width)
    }

    /// Adds row `index` to `target`.
    package func add(_ index: Int, to target: UnsafeMutablePointer<Float>) {
        let source = address(index)
        switch tensor.type {
        case .bf16:
            for i in 0..<width {
                let bits = source.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self)
                target[i] += Float(bitPattern: UInt32(bits) << 16)
            }
        case .f32:
            for i in 0..<width { target[i] += source.loadUnaligned(fromByteOffset: i * 4, as: Float.self) }
        default:
            withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { row in
                guard let base = row.baseAddress else { return }
                Conversion.expand(source, tensor.type, into: base, count: width)
                for i in 0..<width { target[i] += base[i] }
            }
        }
    }

    private func address(_ index: Int) -> UnsafeRawPointer {
        guard let base = tensor.bytes.baseAddress, (0..<rows).contains(index) else {
            preconditionFailure("row \(index) of \(tensor.name), which has \(rows)")
        }
        return base + index * rowBytes
    }
}
