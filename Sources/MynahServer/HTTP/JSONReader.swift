import SpeechCore

/// Why a text is not JSON that we take, and where.
package struct JSONProblem: Error, Sendable, Equatable {
    package var line: Int
    package var column: Int
    /// A clause.
    package var what: String
    /// The key that stands twice in one object, where that is what is wrong.
    package var repeated: String?

    /// "line 3, column 7: a comma has nothing after it"
    package var sentence: String { "line \(line), column \(column): \(what)." }

    fileprivate init(_ fault: JSONFault, in bytes: [UInt8]) {
        let before = bytes.prefix(fault.offset)
        let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        line = before.count { $0 == UInt8(ascii: "\n") } + 1
        column = String(decoding: before[start...], as: UTF8.self).unicodeScalars.count + 1
        what = fault.isTruncated ? "\(fault.what) is not all there" : fault.what
    }
}

extension JSONValue {
    /// How deep values may nest: no request of ours needs as much.
    private static let deepest = 32

    /// Reads one JSON value of UTF-8 bytes, in one pass.
    ///
    /// - Throws: `JSONProblem`, of an object with a key twice too.
    package init(_ bytes: some Collection<UInt8>) throws(JSONProblem) {
        let bytes = Array(bytes)
        var scanner = JSONScanner(bytes) { JSONProblem($0, in: bytes) }
        self = try JSONValue(&scanner, depth: Self.deepest)
        try scanner.expectEnd()
    }

    private init(_ scanner: inout JSONScanner<JSONProblem>, depth: Int) throws(JSONProblem) {
        let first = scanner.next()
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "["), depth == 0 {
            throw scanner.malformed("values are nested deeper than \(Self.deepest)")
        }
        switch first {
        case UInt8(ascii: "{"): self = .object(try Self.fields(&scanner, depth: depth))
        case UInt8(ascii: "["): self = .array(try Self.elements(&scanner, depth: depth))
        case UInt8(ascii: "\""): self = .text(try scanner.string())
        case UInt8(ascii: "t"):
            try scanner.word("true")
            self = .truth(true)
        case UInt8(ascii: "f"):
            try scanner.word("false")
            self = .truth(false)
        case UInt8(ascii: "n"):
            try scanner.word("null")
            self = .null
        default: self = try Self.number(&scanner)
        }
    }

    private static func fields(
        _ scanner: inout JSONScanner<JSONProblem>, depth: Int
    ) throws(JSONProblem) -> [String: JSONValue] {
        try scanner.expect(UInt8(ascii: "{"))
        var (fields, isFirst): ([String: JSONValue], Bool) = ([:], true)
        while try scanner.hasElement(&isFirst, until: UInt8(ascii: "}")) {
            _ = scanner.next()
            let place = scanner.position
            let key = try scanner.key()
            guard fields[key] == nil else {
                var problem = scanner.malformed("'\(key.bounded)' is given more than once", at: place)
                problem.repeated = key
                throw problem
            }
            fields[key] = try JSONValue(&scanner, depth: depth - 1)
        }
        return fields
    }

    private static func elements(
        _ scanner: inout JSONScanner<JSONProblem>, depth: Int
    ) throws(JSONProblem) -> [JSONValue] {
        try scanner.expect(UInt8(ascii: "["))
        var (elements, isFirst): ([JSONValue], Bool) = ([], true)
        while try scanner.hasElement(&isFirst, until: UInt8(ascii: "]")) {
            elements.append(try JSONValue(&scanner, depth: depth - 1))
        }
        return elements
    }

    private static func number(_ scanner: inout JSONScanner<JSONProblem>) throws(JSONProblem) -> JSONValue {
        let place = scanner.position
        let text = try scanner.number()
        if let whole = Int(text) { return .whole(whole) }
        if let whole = UInt64(text) { return .large(whole) }
        guard let number = Double(text), number.isFinite else {
            throw scanner.malformed("the number \(text.bounded) is out of range", at: place)
        }
        return .number(number)
    }
}
