/// Reads `multipart/form-data` as it arrives, holding no more than a part's head and what may be the beginning of a
/// boundary.
///
/// The form is RFC 7578's, with the lines of RFC 2046: each part begins after `--boundary` on a line of its own, and
/// the last is followed by `--boundary--`.
package struct MultipartParser {
    package enum Event: Equatable {
        /// A part begins, with its fields by name in lower case.
        case head([String: String])
        case bytes([UInt8])
        case endOfPart
    }

    /// What a form may not be.
    package enum Problem: Error, Equatable {
        case noBoundary
        case notAForm
        case headTooLarge
        case badHead
        case tooManyParts(Int)
        case unfinished
    }

    private enum State { case preamble, head, body, delimiter, over }

    private let delimiter: [UInt8]
    private let mostParts: Int
    private var state = State.preamble
    private var held: [UInt8] = []
    private var parts = 0

    /// The most bytes of a part's head.
    static let longestHead = 8_192

    /// - Throws: `Problem`.
    package init(contentType: String, mostParts: Int) throws(Problem) {
        guard let boundary = Self.parameter("boundary", of: contentType),
            (1...70).contains(boundary.utf8.count)
        else { throw .noBoundary }
        // A line break before the delimiter belongs to it; the first has none, so one is put before the whole.
        delimiter = Array("\r\n--\(boundary)".utf8)
        held = [0x0D, 0x0A]
        self.mostParts = mostParts
    }

    /// Whether the last delimiter was seen.
    var isOver: Bool { state == .over }

    /// Takes bytes, and gives what is complete.
    package mutating func parse(_ bytes: some Sequence<UInt8>) throws(Problem) -> [Event] {
        held.append(contentsOf: bytes)
        var events: [Event] = []
        var position = 0
        loop: while true {
            switch state {
            case .preamble:
                guard let next = try preamble(from: position) else { break loop }
                position = next
            case .head:
                guard let (fields, next) = try head(from: position) else { break loop }
                events.append(.head(fields))
                position = next
            case .body:
                let (found, next) = body(from: position)
                if next > position || found != nil, let chunk = piece(position, next) {
                    events.append(.bytes(chunk))
                }
                position = next
                guard let found else { break loop }
                events.append(.endOfPart)
                position = found
            case .delimiter:
                guard let next = try afterDelimiter(from: position) else { break loop }
                position = next
            case .over:
                // What follows the last delimiter is an epilogue, which nobody reads.
                position = held.count
                break loop
            }
        }
        held.removeFirst(position)
        return events
    }

    /// - Throws: `Problem` when the form broke off.
    package func finish() throws(Problem) {
        guard state == .over else { throw .unfinished }
    }

    private func piece(_ start: Int, _ end: Int) -> [UInt8]? { end > start ? Array(held[start..<end]) : nil }

    // MARK: states

    /// The first delimiter must come at once: a text before it, which the form allows, nobody sends.
    private mutating func preamble(from start: Int) throws(Problem) -> Int? {
        let present = held.count - start
        guard held[start...].prefix(delimiter.count).elementsEqual(delimiter.prefix(present)) else {
            throw .notAForm
        }
        guard present >= delimiter.count else { return nil }
        state = .delimiter
        return start + delimiter.count
    }

    private mutating func afterDelimiter(from start: Int) throws(Problem) -> Int? {
        var place = start
        while place < held.count, held[place] == 0x20 || held[place] == 0x09 {
            place += 1
            guard place - start < 64 else { throw .notAForm }
        }
        guard held.count - place >= 2 else { return nil }
        switch (held[place], held[place + 1]) {
        case (0x0D, 0x0A):
            parts += 1
            guard parts <= mostParts else { throw .tooManyParts(mostParts) }
            state = .head
            return place + 2
        case (0x2D, 0x2D):
            state = .over
            return place + 2
        default: throw .notAForm
        }
    }

    private mutating func head(from start: Int) throws(Problem) -> ([String: String], Int)? {
        let mark: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        // A part without any field begins with the empty line itself.
        if held[start...].starts(with: [0x0D, 0x0A]) { throw .badHead }
        let window = held[start..<min(held.count, start + Self.longestHead)]
        guard let end = Self.find(mark, in: window) else {
            guard window.count < Self.longestHead else { throw .headTooLarge }
            return nil
        }
        var fields: [String: String] = [:]
        var lineStart = start
        while lineStart < end {
            let lineEnd = Self.find([0x0D, 0x0A], in: held[lineStart..<(end + 2)]) ?? end
            let line = String(decoding: held[lineStart..<lineEnd], as: UTF8.self)
            guard let colon = line.firstIndex(of: ":"), line.first?.isWhitespace == false else {
                throw .badHead
            }
            let name = line[..<colon].lowercased()
            guard fields[name] == nil else { throw .badHead }
            fields[name] =
                line[line.index(after: colon)...].trimmingPrefix { $0 == " " || $0 == "\t" }.description
            lineStart = lineEnd + 2
        }
        state = .body
        return (fields, end + 4)
    }

    /// How far the part's bytes are certain, and where it goes on behind a delimiter.
    private mutating func body(from start: Int) -> (found: Int?, end: Int) {
        if let end = Self.find(delimiter, in: held[start...]) {
            state = .delimiter
            return (end + delimiter.count, end)
        }
        // The tail may be the beginning of a delimiter.
        var keep = min(delimiter.count - 1, held.count - start)
        while keep > 0, !delimiter.starts(with: held[(held.count - keep)...]) { keep -= 1 }
        return (nil, held.count - keep)
    }

    private static func find(_ pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard let first = pattern.first, bytes.count >= pattern.count else { return nil }
        return bytes.withUnsafeBufferPointer { buffer in
            var place = 0
            let last = buffer.count - pattern.count
            while place <= last {
                guard let next = buffer[place...last].firstIndex(of: first) else { return nil }
                if (1..<pattern.count).allSatisfy({ buffer[next + $0] == pattern[$0] }) {
                    return bytes.startIndex + next
                }
                place = next + 1
            }
            return nil
        }
    }

    // MARK: parameters

    /// A parameter of a field as `form-data; name="file"; filename="a.wav"`.
    package static func parameter(_ name: String, of field: String) -> String? {
        var rest = field[...]
        guard let semicolon = rest.firstIndex(of: ";") else { return nil }
        rest = rest[rest.index(after: semicolon)...]
        while let equals = rest.firstIndex(of: "=") {
            let key = rest[..<equals].filter { !$0.isWhitespace && $0 != ";" }.lowercased()
            rest = rest[rest.index(after: equals)...]
            let value = value(&rest)
            if key == name { return value }
        }
        return nil
    }

    /// A token or a quoted string, and what comes behind it.
    private static func value(_ rest: inout Substring) -> String {
        guard rest.first == "\"" else {
            let token = rest.prefix { $0 != ";" }
            rest = rest[token.endIndex...]
            return token.filter { !$0.isWhitespace }
        }
        var text = ""
        var place = rest.index(after: rest.startIndex)
        while place < rest.endIndex, rest[place] != "\"" {
            // Browsers write a quote as %22; only tools of old write it with a backslash.
            if rest[place] == "\\", rest.index(after: place) < rest.endIndex,
                rest[rest.index(after: place)] == "\""
            {
                place = rest.index(after: place)
            }
            text.append(rest[place])
            place = rest.index(after: place)
        }
        rest = place < rest.endIndex ? rest[rest.index(after: place)...] : ""
        return text
    }
}
