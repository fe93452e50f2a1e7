import CGGML
package import Checkpoints
import Dispatch

/// Values of one type made into another, block by block, on all cores.
package enum Conversion {
    /// A row of `type` as float32. `source` holds `count` values, whole blocks of them.
    static func expand(
        _ source: UnsafeRawPointer, _ type: ElementType, into target: UnsafeMutablePointer<Float>, count: Int
    ) {
        if type == .f32 {
            // Not always aligned in a map, so copied as bytes.
            UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count * 4)
        } else if type == .f64 {
            for i in 0..<count {
                target[i] = Float(source.loadUnaligned(fromByteOffset: i * 8, as: Double.self))
            }
        } else if let traits = type.ggml.flatMap({ ggml_get_type_traits($0) }),
            let expand = traits.pointee.to_float
        {
            expand(source, target, Int64(count))
        } else {
            preconditionFailure("\(type) is not a type of weights")
        }
    }

    /// A whole tensor as float32.
    package static func floats(_ tensor: StoredTensor) -> [Float] {
        let count = tensor.shape.reduce(1, *)
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            if let source = tensor.bytes.baseAddress, let target = buffer.baseAddress, count > 0 {
                expand(source, tensor.type, into: target, count: count)
            }
            initialized = count
        }
    }

    /// Writes `tensor` as `type` to `target`, which has room for it.
    package static func convert(
        _ tensor: StoredTensor, to type: ElementType, at target: UnsafeMutableRawPointer
    ) {
        if tensor.type == type {
            if let source = tensor.bytes.baseAddress {
                target.copyMemory(from: source, byteCount: tensor.bytes.count)
            }
        } else {
            convert(tensor, rows: 0..<tensor.shape.dropLast().reduce(1, *), to: type, at: target)
        }
    }

    /// Gives `tensor` as `type` to `sink`, some whole rows at a time, so that no more than a piece is ever held
    /// beside the file's map.
    package static func stream(
        _ tensor: StoredTensor, to type: ElementType, _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) rethrows {
        defer { WeightLoader.forget(tensor) }
        if tensor.type == type { return try tensor.withBytes { try sink($0) } }
        let rows = tensor.shape.dropLast().reduce(1, *)
        guard rows > 0, let row = type.byteCount([tensor.shape.last ?? 1]), row > 0 else { return }
        let band = max(1, pieceBytes / row)
        let piece = UnsafeMutableRawPointer.allocate(byteCount: min(band, rows) * row, alignment: 64)
        defer { piece.deallocate() }
        for start in stride(from: 0, to: rows, by: band) {
            let range = start..<min(start + band, rows)
            convert(tensor, rows: range, to: type, at: piece)
            try sink(UnsafeRawBufferPointer(start: piece, count: range.count * row))
        }
    }

    /// Most bytes of a tensor converted before they are handed on.
    private static let pieceBytes = 16 << 20

    /// Rows of the last dimension, converted on all cores.
    private static func convert(
        _ tensor: StoredTensor, rows: Range<Int>, to type: ElementType, at target: UnsafeMutableRawPointer
    ) {
        let width = tensor.shape.last ?? 1
        guard let source = tensor.bytes.baseAddress, !rows.isEmpty, width > 0 else { return }
        guard let sourceRow = tensor.type.byteCount([width]), let targetRow = type.byteCount([width]),
            let ggmlType = type.ggml
        else { preconditionFailure("\(tensor.name): \(tensor.type) cannot become \(type)") }
        ggml_quantize_init(ggmlType)  // builds ggml's tables once; not safe to leave to the threads below
        let band = max(1, 65_536 / width)
        // SAFETY: bands are disjoint in the target, and the source is only read.
        nonisolated(unsafe) let (from, to) = (source + rows.lowerBound * sourceRow, target)
        let (count, stored) = (rows.count, tensor.type)
        DispatchQueue.concurrentPerform(iterations: (count + band - 1) / band) { index in
            let count = min(band, count - index * band)
            let values = UnsafeMutablePointer<Float>.allocate(capacity: count * width)
            defer { values.deallocate() }
            expand(from + index * band * sourceRow, stored, into: values, count: count * width)
            let place = to + index * band * targetRow
            if type == .f32 {
                place.copyMemory(from: values, byteCount: count * width * 4)
            } else {
                ggml_quantize_chunk(ggmlType, values, place, 0, Int64(count), Int64(width), nil)
            }
        }
    }
}
