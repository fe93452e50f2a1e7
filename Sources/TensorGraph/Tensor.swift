import CGGML

/// A node of one graph: a value that will exist when the graph is computed.
///
/// Shapes are row-major, as in the checkpoints and in PyTorch: `[tokens, width]`. ggml's reversed order stays in
/// this module. A shape our code gets wrong is our mistake and stops the program here, with both shapes, before
/// ggml would stop it without them.
package struct Tensor {
    let node: UnsafeMutablePointer<ggml_tensor>
    package let graph: Graph
    package let shape: [Int]

    init(_ node: UnsafeMutablePointer<ggml_tensor>?, _ graph: Graph, _ shape: [Int]) {
        guard let node else { preconditionFailure("ggml returned no node for shape \(shape)") }
        self.node = node
        self.graph = graph
        self.shape = shape
    }

    var context: OpaquePointer { graph.context }

    /// ggml's four dimensions, fastest first, of a row-major shape.
    static func dimensions(_ shape: [Int]) -> (Int64, Int64, Int64, Int64) {
        precondition((1...4).contains(shape.count), "a tensor has 1 to 4 dimensions, not \(shape)")
        let reversed = shape.reversed().map(Int64.init) + [1, 1, 1]
        return (reversed[0], reversed[1], reversed[2], reversed[3])
    }

    /// Number of values.
    package var count: Int { shape.reduce(1, *) }

    /// The same tensor under its layer's name, so that a parity test can ask the graph for it.
    @discardableResult package func named(_ name: String) -> Tensor {
        graph.tap(self, name)
        return self
    }

    // MARK: shape

    /// The same values in another shape.
    package func reshaped(_ shape: Int...) -> Tensor {
        precondition(shape.reduce(1, *) == count, "\(self.shape) cannot be read as \(shape)")
        let source = contiguous
        let ne = Self.dimensions(shape)
        return Tensor(ggml_reshape_4d(context, source.node, ne.0, ne.1, ne.2, ne.3), graph, shape)
    }

    /// `[rows, heads x width]` as `[rows, heads, width]`.
    package func split(into heads: Int) -> Tensor {
        precondition(shape.count == 2 && shape[1] % heads == 0, "\(shape) does not split into \(heads) heads")
        // A view, not a reshape: the columns may be part of wider rows.
        let width = shape[1] / heads
        let node = node.pointee
        let view = ggml_view_3d(
            context, self.node, Int64(width), Int64(heads), Int64(shape[0]), width * Int(node.nb.0),
            node.nb.1, 0)
        return Tensor(view, graph, [shape[0], heads, width])
    }

    /// `count` rows of the first dimension, from row `start`.
    package func rows(_ start: Int, _ count: Int) -> Tensor {
        precondition(start >= 0 && start + count <= shape[0], "rows \(start)..<\(start + count) of \(shape)")
        let (ne, nb) = (node.pointee.ne, node.pointee.nb)
        let stride = [nb.0, nb.1, nb.2, nb.3][shape.count - 1]
        let offset = start * stride
        switch shape.count {
        case 1: return Tensor(ggml_view_1d(context, node, Int64(count), offset), graph, [count])
        case 2:
            return Tensor(
                ggml_view_2d(context, node, ne.0, Int64(count), nb.1, offset), graph, [count, shape[1]])
        default:
            precondition(shape.count == 3, "rows of \(shape)")
            return Tensor(
                ggml_view_3d(context, node, ne.0, ne.1, Int64(count), nb.1, nb.2, offset), graph,
                [count, shape[1], shape[2]])
        }
    }

    /// Every `step`-th row, `count` of them, from row `start`, of a matrix.
    func rows(_ start: Int, _ count: Int, by step: Int) -> Tensor {
        precondition(shape.count == 2 && start + (count - 1) * step < shape[0], "rows by \(step) of \(shape)")
        let nb = node.pointee.nb
        return Tensor(
            ggml_view_2d(context, node, node.pointee.ne.0, Int64(count), nb.1 * step, start * nb.1), graph,
            [count, shape[1]])
    }

    /// `count` columns of a matrix, from column `start`.
    package func columns(_ start: Int, _ count: Int) -> Tensor {
        precondition(
            shape.count == 2 && start + count <= shape[1], "columns \(start)..<\(start + count) of \(shape)")
        let nb = node.pointee.nb
        return Tensor(
            ggml_view_2d(context, node, Int64(count), Int64(shape[0]), nb.1, start * nb.0), graph,
            [shape[0], count])
    }

    /// Rows and columns exchanged, as a view.
    package var transposed: Tensor {
        precondition(shape.count == 2, "transpose of \(shape)")
        return Tensor(ggml_transpose(context, node), graph, [shape[1], shape[0]])
    }

    /// The same values laid out densely; itself when they already are.
    package var contiguous: Tensor {
        ggml_is_contiguous(node) ? self : Tensor(ggml_cont(context, node), graph, shape)
    }

    /// These columns, then those of `other`.
    package func joined(_ other: Tensor) -> Tensor {
        precondition(
            shape.count == 2 && other.shape.count == 2 && shape[0] == other.shape[0],
            "\(shape) ++ \(other.shape)")
        let node = ggml_concat(context, contiguous.node, other.contiguous.node, 0)
        return Tensor(node, graph, [shape[0], shape[1] + other.shape[1]])
    }

    /// These rows, then those of `other`.
    package func appended(_ other: Tensor) -> Tensor {
        precondition(shape.dropFirst() == other.shape.dropFirst(), "\(shape) over \(other.shape)")
        let node = ggml_concat(context, contiguous.node, other.contiguous.node, Int32(shape.count - 1))
        return Tensor(node, graph, [shape[0] + other.shape[0]] + shape.dropFirst())
    }

    /// The rows of these indices, in this order.
    package func gathered(_ indices: [Int]) -> Tensor {
        precondition(
            shape.count == 2 && indices.allSatisfy { (0..<shape[0]).contains($0) },
            "rows \(indices) of \(shape)")
        let chosen = graph.constant(indices.map(Int32.init))
        return Tensor(ggml_get_rows(context, contiguous.node, chosen.node), graph, [indices.count, shape[1]])
    }

    /// Rows of zeros before and after.
    package func zeroPadded(_ before: Int, _ after: Int) -> Tensor {
        let node = ggml_pad_ext(context, contiguous.node, 0, 0, Int32(before), Int32(after), 0, 0, 0, 0)
        return Tensor(node, graph, [before + shape[0] + after, shape[1]])
    }

    /// The first row repeated before, the last after.
    package func edgePadded(_ before: Int, _ after: Int) -> Tensor {
        gathered((-before..<shape[0] + after).map { min(max($0, 0), shape[0] - 1) })
    }

    /// Rows mirrored at both ends, the end rows themselves not repeated.
    package func reflectPadded(_ margin: Int) -> Tensor {
        let last = shape[0] - 1
        precondition(margin <= last, "\(margin) rows cannot be mirrored from \(shape)")
        return gathered((-margin..<shape[0] + margin).map { $0 < 0 ? -$0 : $0 > last ? 2 * last - $0 : $0 })
    }

    // MARK: data

    /// Writes an input of float32. The count must be the tensor's.
    package func write(_ values: [Float]) {
        values.withUnsafeBytes { write(bytes: $0) }
    }

    /// Writes an input of float32 from memory.
    package func write(_ values: UnsafeBufferPointer<Float>) { write(bytes: UnsafeRawBufferPointer(values)) }

    func write(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == ggml_nbytes(node), "\(bytes.count) bytes for \(shape)")
        if graph.isWanting { return }
        ggml_backend_tensor_set(node, bytes.baseAddress, 0, bytes.count)
    }

    /// Reads an output.
    package func read() -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            read(into: buffer)
            initialized = count
        }
    }

    /// Reads one row of an output matrix; `values` is as wide, or becomes so.
    package func read(row: Int, into values: inout [Float]) {
        let width = shape[shape.count - 1]
        if values.count != width || graph.isWanting { values = [Float](repeating: 0, count: width) }
        if graph.isWanting { return }
        values.withUnsafeMutableBytes {
            ggml_backend_tensor_get(node, $0.baseAddress, row * $0.count, $0.count)
        }
    }

    /// Reads an output into memory of the tensor's count.
    package func read(into buffer: UnsafeMutableBufferPointer<Float>) {
        precondition(node.pointee.type == GGML_TYPE_F32 && buffer.count >= count, "reading \(shape)")
        if graph.isWanting { return buffer.update(repeating: 0) }
        ggml_backend_tensor_get(node, buffer.baseAddress, 0, count * MemoryLayout<Float>.size)
    }
}
