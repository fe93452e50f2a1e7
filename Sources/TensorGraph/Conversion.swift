package import Checkpoints
import CGGML
import Dispatch

/// Values of one type made into another, block by block, on all cores.
package enum Conversion {
    /// A row of `type` as float32. `source` holds `count` values, whole blocks of them.
    static func expand(_ source: UnsafeRawPointer, _ type: ElementType, into target: UnsafeMutablePointer<Float>, count: Int) {
        if type == .f32 {
            // Not always aligned in a map, so copied as bytes.
            UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count * 4)
        } else if type == .f64 {
            for i in 0..<count { target[i] = Float(source.loadUnaligned(fromByteOffset: i * 8, as: Double.self)) }
        } else if let traits = type.ggml.flatMap({ ggml_get_type_traits($0) }), let expand = traits.pointee.to_float {
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
    package static func convert(_ tensor: StoredTensor, to type: ElementType, at target: UnsafeMutableRawPointer) {
        let width = tensor.shape.last ?? 1
        let rows = tensor.shape.dropLast().reduce(1, *)
        guard let source = tensor.bytes.baseAddress, rows > 0, width > 0 else { return }
        if tensor.type == type {
            target.copyMemory(from: source, byteCount: tensor.bytes.count)
            return
        }
        guard let sourceRow = tensor.type.byteCount([width]), let targetRow = type.byteCount([width]),
            let ggmlType = type.ggml
        else { preconditionFailure("\(tensor.name): \(tensor.type) cannot become \(type)") }
        ggml_quantize_init(ggmlType)  // builds ggml's tables once; not safe to leave to the threads below
        let band = max(1, 65_536 / width)
        // SAFETY: bands are disjoint in the target, and the source is only read.
        nonisolated(unsafe) let (from, to) = (source, target)
        DispatchQueue.concurrentPerform(iterations: (rows + band - 1) / band) { index in
            let count = min(band, rows - index * band)
            let values = UnsafeMutablePointer<Float>.allocate(capacity: count * width)
            defer { values.deallocate() }
            expand(from + index * band * sourceRow, tensor.type, into: values, count: count * width)
            let place = to + index * band * targetRow
            if type == .f32 {
                place.copyMemory(from: values, byteCount: count * width * 4)
            } else {
                ggml_quantize_chunk(ggmlType, values, place, 0, Int64(count), Int64(width), nil)
            }
        }
    }
}
