/// Reads GGUF versions 2 and 3, as ggml's `docs/gguf.md` describes them, with checked arithmetic throughout:
/// ggml's own reader accepts tensors whose padded size wraps around.
enum GGUFReader {
    static let headerLimit = 100_000_000
    static let tensorLimit = 100_000
    /// The entries of metadata, and the elements of all its arrays together.
    static let valueLimit = 4_000_000
    static let nameLimit = 256
    static let alignmentLimit = 65536
    static let defaultAlignment = 32
    private static let keyLimit = 65535
    private static let nestingLimit = 4

    /// A tensor as the header describes it; `offset` counts from the start of the data.
    private struct Entry {
        let name: String
        let type: ElementType
        let shape: [Int]
        let offset: UInt64
        let count: Int
    }

    static func read(_ file: MappedFile) throws(CheckpointError) -> CheckpointContents {
        var header = Header(ByteCursor(file, 0..<min(file.bytes.count, headerLimit)))
        let (tensorCount, valueCount) = try header.counts()
        let metadata = try header.metadata(valueCount)
        let alignment = try self.alignment(metadata, header.cursor)
        var entries: [Entry] = []
        var names: Set<String> = []
        for _ in 0..<tensorCount {
            let entry = try self.entry(&header.cursor)
            guard names.insert(entry.name).inserted else {
                throw .duplicate(path: file.path, name: entry.name)
            }
            entries.append(entry)
        }
        // The header is under its limit and the alignment under its own, so this sum cannot overflow.
        let start = (header.cursor.position + alignment - 1) / alignment * alignment
        return CheckpointContents(tensors: try place(entries, file, start, alignment), metadata: metadata)
    }

    private static func alignment(
        _ metadata: [String: MetadataValue], _ cursor: ByteCursor
    ) throws(CheckpointError) -> Int {
        guard let value = metadata["general.alignment"] else { return defaultAlignment }
        guard case .uint(let number) = value, number > 0, number & (number - 1) == 0 else {
            throw cursor.malformed("general.alignment is not a power of two")
        }
        guard number <= UInt64(alignmentLimit) else {
            throw .tooLarge(
                path: cursor.file.path, what: "general.alignment", value: number,
                limit: UInt64(alignmentLimit))
        }
        return Int(number)
    }

    private static func entry(_ cursor: inout ByteCursor) throws(CheckpointError) -> Entry {
        let path = cursor.file.path
        let length = try cursor.integer(UInt64.self, "the length of a tensor name")
        guard (1...UInt64(nameLimit)).contains(length) else {
            throw .invalidTensor(path: path, name: "", fault: .badName)
        }
        let name = try cursor.text(length, "a tensor name")
        func invalid(_ fault: CheckpointError.TensorFault) -> CheckpointError {
            .invalidTensor(path: path, name: name, fault: fault)
        }
        let rank = try cursor.integer(UInt32.self, "the number of dimensions")
        guard rank <= 4 else { throw invalid(.tooManyDimensions(Int(rank))) }
        var shape: [Int] = []
        for _ in 0..<rank {
            let dimension = try cursor.integer(UInt64.self, "a dimension")
            guard let dimension = Int(exactly: dimension) else { throw invalid(.badShape([Int.max])) }
            // ggml stores the fastest dimension first.
            shape.insert(dimension, at: 0)
        }
        let code = try cursor.integer(UInt32.self, "a tensor type")
        guard let type = ElementType(ggmlCode: code) else { throw invalid(.unknownType("ggml type \(code)")) }
        guard let count = type.byteCount(shape) else { throw invalid(.badShape(shape)) }
        let offset = try cursor.integer(UInt64.self, "a tensor offset")
        return Entry(name: name, type: type, shape: shape, offset: offset, count: count)
    }

    /// The tensors in the order of the header, each inside the file and apart from the others.
    private static func place(
        _ entries: [Entry], _ file: MappedFile, _ start: Int, _ alignment: Int
    ) throws(CheckpointError) -> [StoredTensor] {
        var tensors: [StoredTensor] = []
        var ranges: [(range: Range<Int>, name: String)] = []
        for entry in entries {
            func invalid(_ fault: CheckpointError.TensorFault) -> CheckpointError {
                .invalidTensor(path: file.path, name: entry.name, fault: fault)
            }
            guard entry.offset.isMultiple(of: UInt64(alignment)) else {
                throw invalid(.misaligned(offset: entry.offset, alignment: alignment))
            }
            guard let range = file.range(from: start, offset: entry.offset, count: entry.count) else {
                throw invalid(.outsideFile(offset: entry.offset, bytes: UInt64(entry.count)))
            }
            if !range.isEmpty { ranges.append((range, entry.name)) }
            tensors.append(
                StoredTensor(name: entry.name, type: entry.type, shape: entry.shape, file: file, range: range)
            )
        }
        ranges.sort { $0.range.lowerBound < $1.range.lowerBound }
        for (before, after) in zip(ranges, ranges.dropFirst())
        where after.range.lowerBound < before.range.upperBound {
            throw .invalidTensor(path: file.path, name: after.name, fault: .overlaps(other: before.name))
        }
        return tensors
    }

    /// The part of the file before the tensors.
    private struct Header {
        var cursor: ByteCursor
        private var values = 0

        init(_ cursor: ByteCursor) { self.cursor = cursor }

        mutating func counts() throws(CheckpointError) -> (tensors: UInt64, values: UInt64) {
            _ = try cursor.take(4, "the signature")
            let version = try cursor.integer(UInt32.self, "the version")
            guard version == 2 || version == 3 else {
                let kind = version & 0xffff == 0 ? "big-endian GGUF" : "GGUF version \(version)"
                throw .unsupported(path: cursor.file.path, what: kind)
            }
            let tensors = try cursor.integer(UInt64.self, "the number of tensors")
            guard tensors <= UInt64(tensorLimit) else {
                throw .tooLarge(
                    path: cursor.file.path, what: "the number of tensors", value: tensors,
                    limit: UInt64(tensorLimit))
            }
            let values = try cursor.integer(UInt64.self, "the number of metadata values")
            try spend(values)
            return (tensors, values)
        }

        /// Counts `count` more values against the limit.
        private mutating func spend(_ count: UInt64) throws(CheckpointError) {
            guard count <= UInt64(valueLimit - values) else {
                throw .tooLarge(
                    path: cursor.file.path, what: "the number of metadata values", value: count,
                    limit: UInt64(valueLimit))
            }
            values += Int(count)
        }

        mutating func metadata(_ count: UInt64) throws(CheckpointError) -> [String: MetadataValue] {
            var metadata: [String: MetadataValue] = [:]
            for _ in 0..<count {
                let length = try cursor.integer(UInt64.self, "the length of a key")
                guard length <= UInt64(keyLimit) else {
                    throw .tooLarge(
                        path: cursor.file.path, what: "the length of a key", value: length,
                        limit: UInt64(keyLimit))
                }
                let key = try cursor.text(length, "a key")
                let type = try cursor.integer(UInt32.self, "the type of '\(key)'")
                let value = try self.value(type, "the value of '\(key)'", nesting: 0)
                guard metadata.updateValue(value, forKey: key) == nil else {
                    throw .duplicate(path: cursor.file.path, name: key)
                }
            }
            return metadata
        }

        private mutating func value(
            _ type: UInt32, _ what: String, nesting: Int
        ) throws(CheckpointError) -> MetadataValue {
            switch GGUFValueType(rawValue: type) {
            case .uint8: .uint(UInt64(try cursor.integer(UInt8.self, what)))
            case .int8: .int(Int64(try cursor.integer(Int8.self, what)))
            case .uint16: .uint(UInt64(try cursor.integer(UInt16.self, what)))
            case .int16: .int(Int64(try cursor.integer(Int16.self, what)))
            case .uint32: .uint(UInt64(try cursor.integer(UInt32.self, what)))
            case .int32: .int(Int64(try cursor.integer(Int32.self, what)))
            case .uint64: .uint(try cursor.integer(UInt64.self, what))
            case .int64: .int(try cursor.integer(Int64.self, what))
            case .float32: .double(Double(Float(bitPattern: try cursor.integer(UInt32.self, what))))
            case .float64: .double(Double(bitPattern: try cursor.integer(UInt64.self, what)))
            case .bool: try bool(what)
            case .string: .string(try cursor.text(try cursor.integer(UInt64.self, what), what))
            case .array: try array(what, nesting: nesting)
            case nil: throw cursor.malformed("\(what) has the unknown type \(type)")
            }
        }

        private mutating func bool(_ what: String) throws(CheckpointError) -> MetadataValue {
            let byte = try cursor.integer(UInt8.self, what)
            guard byte <= 1 else { throw cursor.malformed("\(what) is neither true nor false") }
            return .bool(byte == 1)
        }

        private mutating func array(_ what: String, nesting: Int) throws(CheckpointError) -> MetadataValue {
            guard nesting < nestingLimit else { throw cursor.malformed("\(what) is nested too deep") }
            let type = try cursor.integer(UInt32.self, what)
            let count = try cursor.integer(UInt64.self, what)
            // Every element takes a byte or more, so this bounds the loop before anything is allocated.
            guard count <= UInt64(cursor.remaining) else {
                throw .truncated(path: cursor.file.path, offset: cursor.position, what: what)
            }
            try spend(count)
            var elements: [MetadataValue] = []
            for _ in 0..<count { elements.append(try value(type, what, nesting: nesting + 1)) }
            return .array(elements)
        }
    }
}

/// The types of a GGUF metadata value, with their codes.
enum GGUFValueType: UInt32 {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64
}

extension ElementType {
    /// ggml's code for the type; nil if it has none.
    var ggmlCode: UInt32? {
        switch self {
        case .f32: 0
        case .f16: 1
        case .q4_0: 2
        case .q8_0: 8
        case .q4_k: 12
        case .q5_k: 13
        case .q6_k: 14
        case .i8: 24
        case .i16: 25
        case .i32: 26
        case .i64: 27
        case .f64: 28
        case .bf16: 30
        case .u8, .bool: nil
        }
    }

    /// The type of that ggml code, if it is one we read.
    init?(ggmlCode: UInt32) {
        guard let type = ElementType.allCases.first(where: { $0.ggmlCode == ggmlCode }) else { return nil }
        self = type
    }
}
