/// What stops a reader of JSON, and at which byte.
package struct JSONFault: Error, Sendable, Equatable {
    /// Whether the text ends too soon.
    package var isTruncated = false
    /// The byte at which it shows.
    package var offset: Int
    /// A clause: "a string is not UTF-8".
    package var what: String

    package init(isTruncated: Bool = false, offset: Int, what: String) {
        (self.isTruncated, self.offset, self.what) = (isTruncated, offset, what)
    }
}

/// A strict reader of JSON text, one token at a time.
///
/// It refuses what JSON refuses (trailing commas, bare control characters, bad UTF-8, lone surrogates), and the
/// caller sees every key, so a repeated one can be refused too.
package struct JSONScanner<Failure: Error> {
    private let bytes: [UInt8]
    private let failure: (JSONFault) -> Failure
    /// The byte about to be read.
    package private(set) var position = 0

    /// - Parameter failure: the error that is thrown for a fault.
    package init(_ bytes: [UInt8], failure: @escaping (JSONFault) -> Failure) {
        (self.bytes, self.failure) = (bytes, failure)
    }

    /// The error that `what` is wrong, at the last position or at `offset`.
    package func malformed(_ what: String, at offset: Int? = nil) -> Failure {
        failure(JSONFault(offset: offset ?? position, what: what))
    }

    private func truncated(_ what: String, at offset: Int) -> Failure {
        failure(JSONFault(isTruncated: true, offset: offset, what: what))
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ what: String) throws(Failure) -> UInt8 {
        guard let byte = peek() else { throw truncated(what, at: position) }
        position += 1
        return byte
    }

    /// Passes white space, and gives the byte after it.
    package mutating func next() -> UInt8? {
        while let byte = peek(), byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            position += 1
        }
        return peek()
    }

    /// Passes `byte`, after white space.
    package mutating func expect(_ byte: UInt8) throws(Failure) {
        guard next() == byte else {
            throw malformed("JSON should have '\(Character(UnicodeScalar(byte)))' here")
        }
        position += 1
    }

    /// Passes the end of the text.
    package mutating func expectEnd() throws(Failure) {
        guard next() == nil else { throw malformed("there is text after the JSON value") }
    }

    /// Whether the container that ends with `close` has another element; passes the comma or the end.
    ///
    /// `first` is whether none has been read, and is cleared.
    package mutating func hasElement(_ first: inout Bool, until close: UInt8) throws(Failure) -> Bool {
        if next() == close {
            position += 1
            return false
        }
        if !first {
            let comma = position
            try expect(UInt8(ascii: ","))
            guard next() != close else { throw malformed("a comma has nothing after it", at: comma) }
        }
        first = false
        return true
    }

    /// A key and its colon.
    package mutating func key() throws(Failure) -> String {
        let key = try string()
        try expect(UInt8(ascii: ":"))
        return key
    }

    /// Passes a word, which is `true`, `false` or `null`.
    package mutating func word(_ word: StaticString) throws(Failure) {
        let start = position
        for index in 0..<word.utf8CodeUnitCount {
            guard try take("a JSON value") == word.utf8Start[index] else {
                throw malformed("a JSON value should be here", at: start)
            }
        }
    }

    /// Passes any value, nested no deeper than `depth`.
    package mutating func skipValue(depth: Int = 32) throws(Failure) {
        guard depth > 0 else { throw malformed("JSON is nested too deep") }
        switch next() {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "{"): try skipContainer(until: UInt8(ascii: "}"), depth, keyed: true)
        case UInt8(ascii: "["): try skipContainer(until: UInt8(ascii: "]"), depth, keyed: false)
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: _ = try number()
        }
    }

    private mutating func skipContainer(until close: UInt8, _ depth: Int, keyed: Bool) throws(Failure) {
        position += 1
        var first = true
        while try hasElement(&first, until: close) {
            if keyed { _ = try key() }
            try skipValue(depth: depth - 1)
        }
    }
}

extension JSONScanner {
    // MARK: strings

    /// A string, with its escapes undone.
    package mutating func string() throws(Failure) -> String {
        try expect(UInt8(ascii: "\""))
        let start = position
        // Bytes before `run` are in `text`; those from there on are as they are written.
        var (text, run): ([UInt8], Int) = ([], position)
        while let byte = peek() {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                text += bytes[run..<position - 1]
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw malformed("a JSON string is not UTF-8", at: start)
                }
                return string
            case UInt8(ascii: "\\"):
                text += bytes[run..<position - 1]
                try escape(into: &text)
                run = position
            case 0..<0x20: throw malformed("a JSON string holds a control character", at: position - 1)
            default: break
            }
        }
        throw truncated("a JSON string", at: start)
    }

    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        let start = position - 1
        switch try take("a JSON escape") {
        case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): text.append(UInt8(ascii: "/"))
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"): text.append(contentsOf: Array(String(Character(try scalar(start))).utf8))
        default: throw malformed("a JSON string has an unknown escape", at: start)
        }
    }

    /// The character of a `\u` escape, or of two that are a surrogate pair.
    private mutating func scalar(_ start: Int) throws(Failure) -> UnicodeScalar {
        var code = UInt32(try hexadecimal())
        if (0xd800..<0xdc00).contains(code), peek() == UInt8(ascii: "\\"), position + 1 < bytes.count,
            bytes[position + 1] == UInt8(ascii: "u")
        {
            position += 2
            let low = UInt32(try hexadecimal())
            if (0xdc00..<0xe000).contains(low) { code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00) }
        }
        guard let scalar = UnicodeScalar(code) else {
            throw malformed("a JSON string has half a surrogate pair", at: start)
        }
        return scalar
    }

    private mutating func hexadecimal() throws(Failure) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Character(UnicodeScalar(try take("a JSON escape"))).hexDigitValue else {
                throw malformed("a JSON escape is not hexadecimal", at: position - 1)
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    // MARK: numbers

    /// A number, as it is written.
    package mutating func number() throws(Failure) -> String {
        let start = position
        guard peek() != nil else { throw truncated("a JSON value", at: start) }
        if peek() == UInt8(ascii: "-") { position += 1 }
        let first = peek()
        guard let whole = digits(), whole == 1 || first != UInt8(ascii: "0") else {
            throw malformed("a JSON value should be here", at: start)
        }
        if peek() == UInt8(ascii: ".") {
            position += 1
            guard digits() != nil else { throw malformed("a number has no digits after its point") }
        }
        if let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
            position += 1
            if let sign = peek(), [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(sign) { position += 1 }
            guard digits() != nil else { throw malformed("a number has no digits in its exponent") }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// Passes digits, and gives how many; nil when there are none.
    private mutating func digits() -> Int? {
        let start = position
        while let byte = peek(), (0x30...0x39).contains(byte) { position += 1 }
        return position > start ? position - start : nil
    }

    /// A number that is not negative and has no fraction.
    package mutating func count() throws(Failure) -> Int {
        let first = next()
        let start = position
        var value = 0
        while let byte = peek(), (0x30...0x39).contains(byte) {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(byte - 0x30))
            guard !overflow, !carry else { throw malformed("a number is too large") }
            value = sum
            position += 1
        }
        let digits = position - start
        guard digits > 0, digits == 1 || first != 0x30 else {
            throw malformed("a whole number should be here")
        }
        if let byte = peek(), [0x2e, 0x45, 0x65].contains(byte) { throw malformed("a number is not whole") }
        return value
    }

    /// An array of numbers as `count()` reads them, no more than `limit`.
    package mutating func counts(limit: Int) throws(Failure) -> [Int] {
        try expect(UInt8(ascii: "["))
        var (numbers, first): ([Int], Bool) = ([], true)
        while try hasElement(&first, until: UInt8(ascii: "]")) {
            numbers.append(try count())
            guard numbers.count <= limit else { throw malformed("an array has more than \(limit) numbers") }
        }
        return numbers
    }
}
