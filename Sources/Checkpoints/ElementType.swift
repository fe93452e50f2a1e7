/// How the numbers of a tensor are stored.
///
/// A block format packs runs of consecutive elements of the last dimension together with their scales; its
/// sizes are ggml's.
package enum ElementType: String, Sendable, CaseIterable {
    case f64, f32, f16, bf16, i64, i32, i16, i8, u8, bool
    // The block formats keep the names that the field has for them.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q8_0, q6_k, q5_k, q4_k, q4_0

    /// Elements in a block: 1 for a plain number.
    package var blockLength: Int {
        switch self {
        case .f64, .f32, .f16, .bf16, .i64, .i32, .i16, .i8, .u8, .bool: 1
        case .q8_0, .q4_0: 32
        case .q6_k, .q5_k, .q4_k: 256
        }
    }

    /// Bytes in a block.
    package var blockBytes: Int {
        switch self {
        case .f64, .i64: 8
        case .f32, .i32: 4
        case .f16, .bf16, .i16: 2
        case .i8, .u8, .bool: 1
        case .q8_0: 34
        case .q4_0: 18
        case .q4_k: 144
        case .q5_k: 176
        case .q6_k: 210
        }
    }

    /// The bytes that a tensor of row-major `shape` takes, or nil if that overflows, a dimension is negative, or
    /// the last dimension is not whole blocks. An empty shape is a scalar.
    package func byteCount(_ shape: [Int]) -> Int? {
        guard (shape.last ?? 1).isMultiple(of: blockLength) else { return nil }
        guard let elements = ElementType.elementCount(shape) else { return nil }
        let (bytes, overflow) = (elements / blockLength).multipliedReportingOverflow(by: blockBytes)
        return overflow ? nil : bytes
    }

    /// The product of `shape`, or nil if it overflows or a dimension is negative.
    package static func elementCount(_ shape: [Int]) -> Int? {
        var elements = 1
        for dimension in shape {
            let (product, overflow) = elements.multipliedReportingOverflow(by: dimension)
            guard dimension >= 0, !overflow else { return nil }
            elements = product
        }
        return elements
    }
}
