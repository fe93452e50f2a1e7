/// What is said, out of an answer that is still being written: the contents of its segments, a line each, as far as
/// they go. The answer is JSON; here it is only followed, what it means is for whoever has the whole.
struct LiveText {
    private enum Place { case between, key, content, text }

    private var place = Place.between
    /// The string that is being read, or the number after `Speaker`.
    private var word = "", lastKey = "", speaker = ""
    private var isEscaped = false
    /// Hexadecimal digits still to come of an escaped code unit, and what there is of it and of a pair's first half.
    private var digits = 0, unit: UInt32 = 0, high: UInt32?
    /// The beginning of a content that may be a mark of silence, of which nothing is shown.
    private var held = ""
    private static let silence = "[silence]"

    /// Whether the last line has not ended.
    private(set) var isMidLine = false

    /// Takes what was written next, and gives what is to be shown of it.
    mutating func append(_ piece: String) -> String {
        var shown = ""
        for scalar in piece.unicodeScalars { read(scalar, &shown) }
        return shown
    }

    private mutating func read(_ scalar: Unicode.Scalar, _ shown: inout String) {
        guard place != .between else { return readBetween(scalar) }
        if digits > 0 { return readDigit(scalar, &shown) }
        if isEscaped {
            isEscaped = false
            switch scalar {
            case "n", "r", "t", "b", "f": take(" ", &shown)
            case "u": (digits, unit) = (4, 0)
            default: take(scalar, &shown)
            }
        } else if scalar == "\\" {
            isEscaped = true
        } else if scalar == "\"" {
            end(&shown)
        } else {
            take(scalar.value < 0x20 ? " " : scalar, &shown)
        }
    }

    private mutating func readBetween(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"":
            place = lastKey.isEmpty ? .key : lastKey == "Content" ? .content : .text
            word = ""
        case "0"..."9" where lastKey == "Speaker" || lastKey == "Speaker ID":
            speaker.unicodeScalars.append(scalar)
        case "{": (lastKey, speaker) = ("", "")
        case ",", "}": lastKey = ""
        default: break
        }
    }

    private mutating func readDigit(_ scalar: Unicode.Scalar, _ shown: inout String) {
        unit = unit << 4 | UInt32(Character(scalar).hexDigitValue ?? 0)
        digits -= 1
        guard digits == 0 else { return }
        if let first = high, (0xDC00..<0xE000).contains(unit) {
            high = nil
            take(Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (unit - 0xDC00)) ?? "\u{FFFD}", &shown)
        } else if (0xD800..<0xDC00).contains(unit) {
            high = unit
        } else {
            take(Unicode.Scalar(unit) ?? "\u{FFFD}", &shown)
        }
    }

    /// A character of the string that is being read.
    private mutating func take(_ scalar: Unicode.Scalar, _ shown: inout String) {
        guard place == .content else {
            word.unicodeScalars.append(scalar)
            return
        }
        if !isMidLine {
            held.unicodeScalars.append(scalar)
            if Self.silence.hasPrefix(held.lowercased()) { return }
            shown += speaker.isEmpty ? "" : "Speaker \(speaker): "
            shown += held
            (held, isMidLine) = ("", true)
        } else {
            shown.unicodeScalars.append(scalar)
        }
    }

    /// The string that is being read ends.
    private mutating func end(_ shown: inout String) {
        switch place {
        case .key: lastKey = word
        case .content:
            if !isMidLine, !held.isEmpty, held.lowercased() != Self.silence {
                shown += (speaker.isEmpty ? "" : "Speaker \(speaker): ") + held
                isMidLine = true
            }
            if isMidLine { shown += "\n" }
            (held, isMidLine) = ("", false)
        case .text: if lastKey.hasPrefix("Speaker") { speaker = word }
        case .between: break
        }
        place = .between
    }
}
