/// A cache of keys and values as raw 16-bit floats, with nothing but its sizes before them.
package struct RawCache: Sendable {
    /// Sizes as the file states them, none of them zero.
    package let layers: Int, heads: Int, rows: Int, width: Int
    private let file: MappedFile
    private let layerBytes: Int
    private static let headerBytes = 16, largest = 1 << 20

    /// Opens a file whose length is that of its sizes, with or without a hidden state after the values.
    package init(path: String) throws(CheckpointError) {
        file = try MappedFile(path: path)
        var cursor = ByteCursor(file, 0..<file.bytes.count)
        func size(_ what: String, most: Int) throws(CheckpointError) -> Int {
            let value = try cursor.integer(UInt32.self, what)
            guard (1...UInt32(most)).contains(value) else {
                throw .tooLarge(path: path, what: what, value: UInt64(value), limit: UInt64(most))
            }
            return Int(value)
        }
        layers = try size("the number of layers", most: 256)
        heads = try size("the number of heads", most: 256)
        rows = try size("the number of rows", most: Self.largest)
        width = try size("the width of a head", most: 4096)
        // At most 2^8 2^20 2^12 2^1, and 2^9 of those.
        layerBytes = heads * rows * width * 2
        let expected = Self.headerBytes + 2 * layers * layerBytes
        let rest = file.bytes.count - expected
        guard rest >= 0, rest % 2 == 0, rest <= 2 * Self.largest else {
            throw .invalidTensor(
                path: path, name: "", fault: .sizeMismatch(expected: expected, found: file.bytes.count))
        }
    }

    /// One layer's keys, or, after all of those, its values.
    package func tensor(_ name: String, _ shape: [Int], at index: Int) -> StoredTensor {
        precondition(index < 2 * layers, "layer \(index) of \(2 * layers)")
        let start = Self.headerBytes + index * layerBytes
        return StoredTensor(
            name: name, type: .f16, shape: shape, file: file, range: start..<start + layerBytes)
    }

    /// The hidden state of the last row, where the file has one.
    package func hidden(_ name: String) -> StoredTensor? {
        let start = Self.headerBytes + 2 * layers * layerBytes
        let count = (file.bytes.count - start) / 2
        guard count > 0 else { return nil }
        return StoredTensor(
            name: name, type: .f16, shape: [1, 1, count], file: file, range: start..<file.bytes.count)
    }
}
