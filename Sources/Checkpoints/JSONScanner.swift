/// A strict reader of JSON text, one token at a time, for headers whose layout is known.
///
/// It refuses what JSON refuses (trailing commas, bare control characters, bad UTF-8, lone surrogates), and the
/// caller sees every key, so a repeated one can be refused too.
struct JSONScanner {
    private var cursor: ByteCursor

    init(_ file: MappedFile, _ range: Range<Int>) {
        cursor = ByteCursor(file, range)
    }

    /// The byte about to be read.
    var position: Int { cursor.position }

    func malformed(_ what: String) -> CheckpointError { cursor.malformed(what) }

    private func peek() -> UInt8? {
        cursor.remaining > 0 ? cursor.file.bytes[cursor.position] : nil
    }

    private mutating func skip(_ count: Int = 1) throws(CheckpointError) {
        _ = try cursor.take(UInt64(count), "JSON text")
    }

    /// Passes white space, and gives the byte after it.
    mutating func next() throws(CheckpointError) -> UInt8? {
        while let byte = peek(), byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { try skip() }
        return peek()
    }

    /// Passes `byte`, after white space.
    mutating func expect(_ byte: UInt8) throws(CheckpointError) {
        guard try next() == byte else {
            throw malformed("JSON should have '\(Character(UnicodeScalar(byte)))' here")
        }
        try skip()
    }

    /// Passes the end of the text.
    mutating func expectEnd() throws(CheckpointError) {
        guard try next() == nil else { throw malformed("there is text after the JSON value") }
    }

    /// Whether the container that ends with `close` has another element; passes the comma or the end.
    ///
    /// `first` is whether none has been read, and is cleared.
    mutating func hasElement(_ first: inout Bool, until close: UInt8) throws(CheckpointError) -> Bool {
        if try next() == close {
            try skip()
            return false
        }
        if !first { try expect(UInt8(ascii: ",")) }
        first = false
        return true
    }

    /// A key and its colon.
    mutating func key() throws(CheckpointError) -> String {
        let key = try string()
        try expect(UInt8(ascii: ":"))
        return key
    }

    /// A string, with its escapes undone.
    mutating func string() throws(CheckpointError) -> String {
        try expect(UInt8(ascii: "\""))
        let start = cursor.position
        var text: [UInt8] = []
        while let byte = peek() {
            try skip()
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw .malformed(
                        path: cursor.file.path, offset: start, what: "a JSON string is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw malformed("a JSON string holds a control character")
            default: text.append(byte)
            }
        }
        throw .truncated(path: cursor.file.path, offset: start, what: "a JSON string")
    }

    private mutating func escape(into text: inout [UInt8]) throws(CheckpointError) {
        let plain: [UInt8: UInt8] = [
            0x22: 0x22, 0x5c: 0x5c, 0x2f: 0x2f, 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9,
        ]
        let byte = try cursor.integer(UInt8.self, "a JSON escape")
        if let character = plain[byte] {
            text.append(character)
            return
        }
        guard byte == UInt8(ascii: "u") else { throw malformed("a JSON string has an unknown escape") }
        var code = UInt32(try hexadecimal())
        if (0xd800..<0xdc00).contains(code) {
            guard peek() == UInt8(ascii: "\\") else {
                throw malformed("a JSON string has half a surrogate pair")
            }
            try skip()
            guard peek() == UInt8(ascii: "u") else {
                throw malformed("a JSON string has half a surrogate pair")
            }
            try skip()
            let low = UInt32(try hexadecimal())
            guard (0xdc00..<0xe000).contains(low) else {
                throw malformed("a JSON string has half a surrogate pair")
            }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = UnicodeScalar(code) else {
            throw malformed("a JSON string has half a surrogate pair")
        }
        text.append(contentsOf: Array(String(Character(scalar)).utf8))
    }

    private mutating func hexadecimal() throws(CheckpointError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            let byte = try cursor.integer(UInt8.self, "a JSON escape")
            guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
                throw malformed("a JSON escape is not hexadecimal")
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    /// A number that is not negative and has no fraction.
    mutating func count() throws(CheckpointError) -> Int {
        let first = try next()
        let start = cursor.position
        var value = 0
        while let byte = peek(), (0x30...0x39).contains(byte) {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(byte - 0x30))
            guard !overflow, !carry else { throw malformed("a number is too large") }
            value = sum
            try skip()
        }
        let digits = cursor.position - start
        guard digits > 0, digits == 1 || first != 0x30 else {
            throw malformed("a whole number should be here")
        }
        if let byte = peek(), [0x2e, 0x45, 0x65].contains(byte) { throw malformed("a number is not whole") }
        return value
    }

    /// An array of numbers as `count()` reads them, no more than `limit`.
    mutating func counts(limit: Int) throws(CheckpointError) -> [Int] {
        try expect(UInt8(ascii: "["))
        var (numbers, first): ([Int], Bool) = ([], true)
        while try hasElement(&first, until: UInt8(ascii: "]")) {
            numbers.append(try count())
            guard numbers.count <= limit else { throw malformed("an array has more than \(limit) numbers") }
        }
        return numbers
    }

    /// Passes any value, nested no deeper than `depth`.
    mutating func skipValue(depth: Int = 32) throws(CheckpointError) {
        guard depth > 0 else { throw malformed("JSON is nested too deep") }
        switch try next() {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "{"): try skipContainer(until: UInt8(ascii: "}"), depth, keyed: true)
        case UInt8(ascii: "["): try skipContainer(until: UInt8(ascii: "]"), depth, keyed: false)
        case .some: try skipScalar()
        case nil: throw .truncated(path: cursor.file.path, offset: cursor.position, what: "a JSON value")
        }
    }

    private mutating func skipContainer(until close: UInt8, _ depth: Int, keyed: Bool) throws(CheckpointError)
    {
        try skip()
        var first = true
        while try hasElement(&first, until: close) {
            if keyed { _ = try key() }
            try skipValue(depth: depth - 1)
        }
    }

    private mutating func skipScalar() throws(CheckpointError) {
        let start = cursor.position
        while let byte = peek(), byte >= 0x2b, byte != 0x2c, byte < 0x7b, byte != 0x5d { try skip() }
        let text = String(decoding: cursor.file.slice(start..<cursor.position), as: UTF8.self)
        guard ["true", "false", "null"].contains(text) || Double(text) != nil else {
            throw malformed("a JSON value should be here")
        }
    }
}
