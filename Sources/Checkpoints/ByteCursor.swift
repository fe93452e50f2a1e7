/// Reads a file from front to back; every step is checked against its end.
struct ByteCursor {
    let file: MappedFile
    private(set) var position: Int
    let end: Int

    /// A cursor over `range` of the file, which must lie inside it.
    init(_ file: MappedFile, _ range: Range<Int>) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= file.bytes.count, "\(range) is outside the file")
        self.file = file
        position = range.lowerBound
        end = range.upperBound
    }

    /// The bytes not yet read.
    var remaining: Int { end - position }

    /// The next `count` bytes, which are `what`; throws `truncated`.
    mutating func take(_ count: UInt64, _ what: String) throws(CheckpointError) -> UnsafeRawBufferPointer {
        guard count <= UInt64(remaining) else {
            throw .truncated(path: file.path, offset: position, what: what)
        }
        let slice = file.slice(position..<position + Int(count))
        position += Int(count)
        return slice
    }

    /// The next little-endian integer, which is `what`; throws `truncated`.
    mutating func integer<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self, _ what: String
    ) throws(CheckpointError) -> Number {
        let bytes = try take(UInt64(Number.bitWidth / 8), what)
        return Number(littleEndian: bytes.loadUnaligned(as: Number.self))
    }

    /// The next `count` bytes as UTF-8; throws `truncated`, or `malformed` if they are not.
    mutating func text(_ count: UInt64, _ what: String) throws(CheckpointError) -> String {
        let start = position
        guard let text = String(validating: try take(count, what), as: UTF8.self) else {
            throw .malformed(path: file.path, offset: start, what: "\(what) is not UTF-8")
        }
        return text
    }

    /// The error that `what` is wrong at the last position.
    func malformed(_ what: String) -> CheckpointError {
        .malformed(path: file.path, offset: position, what: what)
    }
}
