import SpeechCore

/// Reads `.safetensors`: eight bytes of header length, a JSON header, then the tensors without gaps.
///
/// The rules are those of the format's own description at huggingface/safetensors: the header starts with `{`,
/// no key comes twice, offsets count from the end of the header, and the tensors cover the rest of the file
/// exactly, without overlap.
enum SafetensorsReader {
    static let headerLimit = 100_000_000
    static let tensorLimit = 100_000
    private static let dimensionLimit = 32

    private static let types: [String: ElementType] = [
        "F64": .f64, "F32": .f32, "F16": .f16, "BF16": .bf16, "I64": .i64, "I32": .i32, "I16": .i16,
        "I8": .i8,
        "U8": .u8, "BOOL": .bool,
    ]

    /// A tensor as the header describes it; `range` counts from the end of the header.
    private struct Entry {
        let name: String
        let type: ElementType
        let shape: [Int]
        let range: Range<Int>
    }

    static func read(_ file: MappedFile) throws(CheckpointError) -> CheckpointContents {
        var cursor = ByteCursor(file, 0..<file.bytes.count)
        let length = try cursor.integer(UInt64.self, "the header length")
        guard length <= UInt64(headerLimit) else {
            throw .tooLarge(
                path: file.path, what: "the header length", value: length, limit: UInt64(headerLimit))
        }
        _ = try cursor.take(length, "the header")
        let (entries, metadata) = try header(file, 8..<cursor.position)
        return CheckpointContents(
            tensors: try place(entries, file, from: cursor.position),
            metadata: metadata.mapValues { .string($0) })
    }

    private static func header(
        _ file: MappedFile, _ range: Range<Int>
    ) throws(CheckpointError) -> (entries: [Entry], metadata: [String: String]) {
        var scanner = file.scanner(of: range)
        var entries: [Entry] = []
        var metadata: [String: String]?
        try scanner.expect(UInt8(ascii: "{"))
        var first = true
        while try scanner.hasElement(&first, until: UInt8(ascii: "}")) {
            let name = try scanner.key()
            if name == "__metadata__" {
                guard metadata == nil else { throw .duplicate(path: file.path, name: name) }
                metadata = try strings(&scanner, file)
            } else {
                entries.append(try entry(name, &scanner, file))
            }
            guard entries.count <= tensorLimit else {
                throw .tooLarge(
                    path: file.path, what: "the number of tensors", value: UInt64(entries.count),
                    limit: UInt64(tensorLimit))
            }
        }
        try scanner.expectEnd()
        return (entries, metadata ?? [:])
    }

    private static func strings(
        _ scanner: inout JSONScanner<CheckpointError>, _ file: MappedFile
    ) throws(CheckpointError) -> [String: String] {
        var strings: [String: String] = [:]
        try scanner.expect(UInt8(ascii: "{"))
        var first = true
        while try scanner.hasElement(&first, until: UInt8(ascii: "}")) {
            let key = try scanner.key()
            guard strings.updateValue(try scanner.string(), forKey: key) == nil else {
                throw .duplicate(path: file.path, name: key)
            }
        }
        return strings
    }

    private static func entry(
        _ name: String, _ scanner: inout JSONScanner<CheckpointError>, _ file: MappedFile
    ) throws(CheckpointError) -> Entry {
        var (type, shape, offsets): (String?, [Int]?, [Int]?)
        try scanner.expect(UInt8(ascii: "{"))
        var first = true
        while try scanner.hasElement(&first, until: UInt8(ascii: "}")) {
            let key = try scanner.key()
            switch key {
            case "dtype" where type == nil: type = try scanner.string()
            case "shape" where shape == nil: shape = try scanner.counts(limit: dimensionLimit)
            case "data_offsets" where offsets == nil: offsets = try scanner.counts(limit: 2)
            case "dtype", "shape", "data_offsets": throw .duplicate(path: file.path, name: "\(name).\(key)")
            default: throw scanner.malformed("tensor '\(name)' has the unknown field '\(key)'")
            }
        }
        guard let type, let shape, let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
            throw scanner.malformed("tensor '\(name)' lacks a type, a shape, or a pair of offsets")
        }
        func invalid(_ fault: CheckpointError.TensorFault) -> CheckpointError {
            .invalidTensor(path: file.path, name: name, fault: fault)
        }
        guard let type = types[type] else { throw invalid(.unknownType(type)) }
        guard let expected = type.byteCount(shape) else { throw invalid(.badShape(shape)) }
        guard offsets[1] - offsets[0] == expected else {
            throw invalid(.sizeMismatch(expected: expected, found: offsets[1] - offsets[0]))
        }
        return Entry(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
    }

    /// The tensors in the order of their bytes, which must follow one another from `start` to the file's end.
    private static func place(
        _ entries: [Entry], _ file: MappedFile, from start: Int
    ) throws(CheckpointError) -> [StoredTensor] {
        let ordered = entries.sorted {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        var tensors: [StoredTensor] = []
        tensors.reserveCapacity(ordered.count)
        var end = 0
        for entry in ordered {
            func invalid(_ fault: CheckpointError.TensorFault) -> CheckpointError {
                .invalidTensor(path: file.path, name: entry.name, fault: fault)
            }
            let offset = UInt64(entry.range.lowerBound)
            guard let range = file.range(from: start, offset: offset, count: entry.range.count) else {
                throw invalid(.outsideFile(offset: offset, bytes: UInt64(entry.range.count)))
            }
            guard entry.range.lowerBound >= end else {
                throw invalid(.overlaps(other: tensors.last?.name ?? ""))
            }
            guard entry.range.lowerBound == end else { throw invalid(.gap(offset: start + end)) }
            end = entry.range.upperBound
            tensors.append(
                StoredTensor(name: entry.name, type: entry.type, shape: entry.shape, file: file, range: range)
            )
        }
        guard start + end == file.bytes.count else {
            throw .malformed(path: file.path, offset: start + end, what: "bytes after the last tensor")
        }
        return tensors
    }
}

extension MappedFile {
    /// A reader of JSON in a part of the file.
    func scanner(of range: Range<Int>) -> JSONScanner<CheckpointError> {
        JSONScanner(Array(slice(range))) { [path] fault in
            let offset = range.lowerBound + fault.offset
            return fault.isTruncated
                ? .truncated(path: path, offset: offset, what: fault.what)
                : .malformed(path: path, offset: offset, what: fault.what)
        }
    }
}
