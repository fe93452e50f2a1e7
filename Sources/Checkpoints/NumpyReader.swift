/// Reads `.npy`, versions 1 to 3, as NumPy's `numpy.lib.format` describes them: one array without a name.
enum NumpyReader {
    private static let headerLimit = 65536
    private static let dimensionLimit = 32

    private static let types: [String: ElementType] = [
        "<f8": .f64, "<f4": .f32, "<f2": .f16, "<i8": .i64, "<i4": .i32, "<i2": .i16, "|i1": .i8, "<i1": .i8,
        "|u1": .u8, "<u1": .u8, "|b1": .bool, "<b1": .bool,
    ]

    /// The Python dictionary at the head of the file.
    private struct Header {
        var type: String?
        var isColumnMajor: Bool?
        var shape: [Int]?
    }

    static func read(_ file: MappedFile) throws(CheckpointError) -> CheckpointContents {
        var cursor = ByteCursor(file, 0..<file.bytes.count)
        _ = try cursor.take(6, "the signature")
        let version = try cursor.integer(UInt16.self, "the version")
        let length: UInt64
        switch version {
        case 1: length = UInt64(try cursor.integer(UInt16.self, "the header length"))
        case 2, 3: length = UInt64(try cursor.integer(UInt32.self, "the header length"))
        default:
            throw .unsupported(path: file.path, what: "NumPy format version \(version & 255).\(version >> 8)")
        }
        guard length <= UInt64(headerLimit) else {
            throw .tooLarge(
                path: file.path, what: "the header length", value: length, limit: UInt64(headerLimit))
        }
        let start = cursor.position
        _ = try cursor.take(length, "the header")
        let header = try self.header(ByteCursor(file, start..<cursor.position))
        return CheckpointContents(tensors: [try tensor(header, file, from: cursor.position)])
    }

    private static func tensor(
        _ header: Header, _ file: MappedFile, from start: Int
    ) throws(CheckpointError) -> StoredTensor {
        func invalid(_ fault: CheckpointError.TensorFault) -> CheckpointError {
            .invalidTensor(path: file.path, name: "", fault: fault)
        }
        guard let name = header.type, let isColumnMajor = header.isColumnMajor, let shape = header.shape
        else {
            throw .malformed(path: file.path, offset: 0, what: "the header lacks a type, an order or a shape")
        }
        guard let type = types[name] else { throw invalid(.unknownType(name)) }
        guard let expected = type.byteCount(shape) else { throw invalid(.badShape(shape)) }
        guard expected == file.bytes.count - start else {
            throw invalid(.sizeMismatch(expected: expected, found: file.bytes.count - start))
        }
        let range = start..<file.bytes.count
        // The first dimension is the fastest; these are parts of the product that `byteCount` found to fit.
        let strides = shape.indices.map { shape[..<$0].reduce(1, *) }
        let view = StridedView(shape: shape, strides: strides, elementBytes: type.blockBytes)
        guard isColumnMajor, expected > 0, !view.isContiguous else {
            return StoredTensor(name: "", type: type, shape: shape, file: file, range: range)
        }
        let owned = OwnedBytes(count: expected)
        view.gather(from: file.slice(range), into: owned.memory)
        return StoredTensor(name: "", type: type, shape: shape, owned: owned)
    }

    private static func header(_ text: ByteCursor) throws(CheckpointError) -> Header {
        var scanner = PythonScanner(text)
        var header = Header()
        try scanner.expect("{")
        while try !scanner.accept("}") {
            let key = try scanner.string()
            try scanner.expect(":")
            switch key {
            case "descr" where header.type == nil: header.type = try scanner.string()
            case "fortran_order" where header.isColumnMajor == nil: header.isColumnMajor = try scanner.bool()
            case "shape" where header.shape == nil: header.shape = try scanner.counts(limit: dimensionLimit)
            default: throw scanner.cursor.malformed("the header has the key '\(key)' twice or at all")
            }
            guard try !scanner.accept("}") else { break }
            try scanner.expect(",")
        }
        guard try scanner.next() == nil else { throw scanner.cursor.malformed("text after the header") }
        return header
    }
}

/// Reads the Python literals that a NumPy header is made of.
private struct PythonScanner {
    var cursor: ByteCursor

    init(_ cursor: ByteCursor) { self.cursor = cursor }

    private var byte: UInt8? { cursor.remaining > 0 ? cursor.file.bytes[cursor.position] : nil }

    /// Passes white space, and gives the character after it.
    mutating func next() throws(CheckpointError) -> UInt8? {
        while byte == 0x20 || byte == 0x0a { _ = try cursor.take(1, "the header") }
        return byte
    }

    mutating func accept(_ character: UnicodeScalar) throws(CheckpointError) -> Bool {
        guard try next() == UInt8(ascii: character) else { return false }
        _ = try cursor.take(1, "the header")
        return true
    }

    mutating func expect(_ character: UnicodeScalar) throws(CheckpointError) {
        guard try accept(character) else {
            throw cursor.malformed("the header should have '\(character)' here")
        }
    }

    mutating func string() throws(CheckpointError) -> String {
        let quote: UnicodeScalar = try next() == UInt8(ascii: "\"") ? "\"" : "'"
        guard try accept(quote) else {
            throw .unsupported(path: cursor.file.path, what: "an array of records, or a header of that kind")
        }
        var text: [UInt8] = []
        while let character = byte, character != UInt8(ascii: quote) {
            guard (0x20..<0x7f).contains(character), character != 0x5c else {
                throw cursor.malformed("the header has an odd character")
            }
            text.append(character)
            _ = try cursor.take(1, "the header")
        }
        try expect(quote)
        return String(decoding: text, as: UTF8.self)
    }

    mutating func bool() throws(CheckpointError) -> Bool {
        for (word, value) in [("True", true), ("False", false)] {
            _ = try next()
            let length = min(word.utf8.count, cursor.remaining)
            if cursor.file.slice(cursor.position..<cursor.position + length).elementsEqual(word.utf8) {
                _ = try cursor.take(UInt64(length), "the header")
                return value
            }
        }
        throw cursor.malformed("the header should have True or False here")
    }

    mutating func counts(limit: Int) throws(CheckpointError) -> [Int] {
        var numbers: [Int] = []
        try expect("(")
        while try !accept(")") {
            var (value, digits) = (0, 0)
            while let digit = byte, (0x30...0x39).contains(digit) {
                let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
                let (sum, carry) = tens.addingReportingOverflow(Int(digit - 0x30))
                guard !overflow, !carry else { throw cursor.malformed("a dimension is too large") }
                (value, digits) = (sum, digits + 1)
                _ = try cursor.take(1, "the header")
            }
            guard digits > 0, numbers.count < limit else {
                throw cursor.malformed("a dimension should be here")
            }
            numbers.append(value)
            guard try !accept(")") else { break }
            try expect(",")
        }
        return numbers
    }
}
