import Foundation
package import SpeechCore

/// A model's answer, read as far as it can be: a JSON array of objects, read element by element, so that a bracket
/// in what is said does no harm. Of a damaged element those that are whole within it are read, and what is no segment
/// stands as it was written.
package struct ASRReply {
    package private(set) var segments: [TranscriptSegment] = []
    /// Where each segment stands, in bytes from the start of the answer.
    private(set) var places: [Range<Int>] = []
    /// Whether there was anything to read: an array or an object, be it empty.
    private(set) var isJSON = false
    /// Whether the answer is over: what follows is not part of it.
    private(set) var isClosed = false
    private var isArray = false
    private var bytes: [UInt8] = []
    /// What is before it has been read.
    private var position = 0

    package init(_ text: String = "") { append(text) }

    /// Whether the answer breaks off.
    package var isTruncated: Bool { isJSON && !isClosed }
    /// Length so far, in bytes.
    var count: Int { bytes.count }
    /// The answer so far.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
    /// A part of the answer, in bytes.
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// What the model wrote beside its segments, as it stands; nil when that is nothing but the list's own signs.
    package var unread: String? {
        let starts = [0] + places.map(\.upperBound), ends = places.map(\.lowerBound) + [count]
        let parts = zip(starts, ends).compactMap { Self.words(text($0..<$1), isLast: $1 == count) }
        return parts.isEmpty ? nil : parts.joined(separator: "\n")
    }

    /// What stands between segments, without what joins them; nil when nothing is left. The name of the model's turn
    /// and the fence of a code block are signs too.
    private static func words(_ text: String, isLast: Bool) -> String? {
        let joints = CharacterSet(charactersIn: ",").union(.whitespacesAndNewlines)
        var text = text.drop { $0 == "," || $0.isWhitespace }
        if text.hasPrefix("assistant") { text = text.dropFirst(9).drop(while: \.isWhitespace) }
        // At the end a comma may be one of the words.
        let words = text.trimmingCharacters(in: isLast ? .whitespacesAndNewlines : joints)
        let signs = CharacterSet(charactersIn: "[]{}`").union(joints)
        let bare = words.hasPrefix("```json") ? words.dropFirst(7) : words[...]
        return bare.unicodeScalars.allSatisfy(signs.contains) ? nil : words
    }

    /// Takes what the model wrote next, and reads as far as that goes.
    package mutating func append(_ text: String) {
        bytes += text.utf8
        if !isJSON {
            guard
                let start = bytes[position...].firstIndex(where: {
                    $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{")
                })
            else {
                position = bytes.count
                return
            }
            (isJSON, isArray) = (true, bytes[start] == UInt8(ascii: "["))
            position = isArray ? start + 1 : start
        }
        while !isClosed, readElement() {}
    }

    /// Reads what is whole after an element whose end has not come, for it will not.
    package mutating func finish() {
        while isJSON, !isClosed, readElement(isLast: true) {}
    }

    /// One element of the array, or the only object; false when there is none yet.
    ///
    /// - Parameter isLast: whether an element without an end ends with the answer.
    private mutating func readElement(isLast: Bool = false) -> Bool {
        while position < bytes.count, Self.isBetween(bytes[position]) { position += 1 }
        guard position < bytes.count else { return false }
        if isArray, bytes[position] == UInt8(ascii: "]") {
            isClosed = true
            return true
        }
        let end = Self.end(of: bytes, from: position)
        guard let limit = end ?? (isLast ? bytes.count : nil) else { return false }
        let start = position
        position = limit
        if !take(start..<limit), !Self.isValue(bytes[start..<limit]) { takeFirst(within: start + 1..<limit) }
        isClosed = !isArray && position == end
        return true
    }

    /// Reads the first segment within a damaged element, and goes on behind it: one that stands after a comma or a
    /// bracket and is whole by itself.
    private mutating func takeFirst(within range: Range<Int>) {
        var before = bytes[range.lowerBound - 1]
        for start in range {
            if bytes[start] == UInt8(ascii: "{"), [UInt8](",[]}".utf8).contains(before),
                let end = Self.flatEnd(of: bytes[start..<range.upperBound]), take(start..<end)
            {
                position = end
                return
            }
            if bytes[start] > 0x20 { before = bytes[start] }
        }
    }

    /// Reads a segment; false when there is none.
    private mutating func take(_ place: Range<Int>) -> Bool {
        guard let segment = Self.segment(bytes[place]) else { return false }
        segments.append(segment)
        places.append(place)
        return true
    }

    /// White space and commas.
    private static func isBetween(_ byte: UInt8) -> Bool {
        [0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: ",")].contains(byte)
    }

    /// Where the value that starts at `start` ends; nil when it does not.
    private static func end(of bytes: [UInt8], from start: Int) -> Int? {
        var (depth, isText, at) = (0, false, start)
        while at < bytes.count {
            let byte = bytes[at]
            if isText {
                if byte == UInt8(ascii: "\\") {
                    at += 1
                } else if byte == UInt8(ascii: "\"") {
                    isText = false
                    if depth == 0 { return at + 1 }
                }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isText = true
                case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"):
                    // The array's own end, after a number or a word; nothing else may end here.
                    if depth == 0 { return max(at, start + 1) }
                    depth -= 1
                    if depth == 0 { return at + 1 }
                case _ where depth == 0 && isBetween(byte): return at
                default: break
                }
            }
            at += 1
        }
        return nil
    }

    /// Where an object without others in it ends; nil when it does not, or holds what no such object does.
    private static func flatEnd(of bytes: ArraySlice<UInt8>) -> Int? {
        // What numbers and the three bare words are written with, and what stands between them.
        let signs = [UInt8](" \t\r\n,:+-.0123456789eEtrufalsn".utf8)
        var (isText, at) = (false, bytes.startIndex + 1)
        while at < bytes.endIndex {
            switch bytes[at] {
            case UInt8(ascii: "\\") where isText: at += 1
            case UInt8(ascii: "\""): isText.toggle()
            case _ where isText: if bytes[at] < 0x20 { return nil }
            case UInt8(ascii: "}"): return at + 1
            case let byte: if !signs.contains(byte) { return nil }
            }
            at += 1
        }
        return nil
    }

    private static func isValue(_ bytes: ArraySlice<UInt8>) -> Bool {
        (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
    }

    private static func segment(_ bytes: ArraySlice<UInt8>) -> TranscriptSegment? {
        guard let object = try? JSONDecoder().decode([String: Value].self, from: Data(bytes)) else {
            return nil
        }
        func field(_ names: String...) -> Value? { names.lazy.compactMap { object[$0] }.first }
        let (start, end) = (field("Start", "Start time")?.seconds, field("End", "End time")?.seconds)
        let (speaker, text) = (field("Speaker", "Speaker ID")?.label, field("Content")?.label)
        guard start != nil || end != nil || speaker != nil || text != nil else { return nil }
        return TranscriptSegment(speaker: speaker, start: start, end: end, text: text ?? "")
    }

    /// A field as models write it: times may be quoted, speakers may be words.
    private enum Value: Decodable {
        case number(Double)
        case text(String)
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else {
                self = .other
            }
        }

        /// A time; nil for what is none.
        var seconds: Double? {
            let value: Double? =
                switch self {
                case .number(let number): number
                case .text(let text): Double(text.trimmingCharacters(in: .whitespaces))
                case .other: nil
                }
            return value.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
        }

        var label: String? {
            switch self {
            case .number(let number):
                number == number.rounded() && abs(number) < 1e9 ? "\(Int(number))" : "\(number)"
            case .text(let text): text
            case .other: nil
            }
        }
    }
}

extension Transcript {
    /// The transcript that an answer makes. What can be read with certainty is; the rest stands as it is.
    package init(reply text: String, duration: Double, warnings: [Warning] = []) {
        var reply = ASRReply(text)
        reply.finish()
        var warnings = warnings
        if reply.unread != nil { warnings.append(.unread) }
        if reply.isTruncated && warnings.allSatisfy({ $0 == .unread }) { warnings.append(.truncated) }
        self.init(segments: reply.segments, duration: duration, unread: reply.unread, warnings: warnings)
    }
}

/// Whether an answer goes round in circles, by the rules of the authors' own client.
package enum ASRRepetition {
    /// How much of the answer's end is looked at, in characters.
    package static let window = 400
    private static let times = 10, shortest = 10

    /// How many characters at the end of a text are one pattern of at least ten characters, or one phrase of two to
    /// five words, ten times over or more; nil when it does not end so.
    package static func loop(in text: some StringProtocol) -> Int? {
        let end = Array(text.suffix(window))
        guard end.count >= shortest * times / 2 else { return nil }
        for length in stride(from: shortest, through: end.count / times, by: 1) {
            if let start = repetition(in: end, of: length) { return end.count - start }
        }
        let words = end.indices.split { end[$0].isWhitespace }
        let spelled = words.map { end[$0] }
        for length in 2...5 {
            if let start = repetition(in: spelled, of: length) { return end.count - words[start].startIndex }
        }
        return nil
    }

    /// Where the values begin to repeat every `length` until their end, often enough to count.
    private static func repetition<Value: Equatable>(in values: [Value], of length: Int) -> Int? {
        guard values.count >= length * times else { return nil }
        var start = values.count - length
        while start > 0, values[start - 1] == values[start - 1 + length] { start -= 1 }
        return values.count - start >= length * times ? start : nil
    }
}
