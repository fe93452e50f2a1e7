/// Cuts text into the words inside which bytes are merged, as Qwen2's pattern does:
///
///     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*
///     |\s*[\r\n]+|\s+(?!\S)|\s+
///
/// Written by hand: each alternative looks ahead over one run at most, so the time is linear whatever the text.
struct WordPattern {
    /// What the pattern asks of a scalar.
    enum Class: UInt8 {
        case letter, number, newline, space, other
    }

    private let scalars: [Unicode.Scalar]
    private let classes: [Class]

    init(_ scalars: [Unicode.Scalar]) {
        self.scalars = scalars
        classes = scalars.map(Self.classify)
    }

    /// The words in order, as ranges of scalars; together they are the whole text.
    func words() -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start = 0
        while start < scalars.count {
            let end = endOfWord(from: start)
            result.append(start..<end)
            start = end
        }
        return result
    }

    /// The alternatives of the pattern in their order.
    private func endOfWord(from start: Int) -> Int {
        if let end = endOfContraction(from: start) { return end }
        let first = classes[start]
        let second = start + 1 < classes.count ? classes[start + 1] : nil
        if first == .letter { return endOfRun(from: start) { $0 == .letter } }
        if first != .newline, first != .number, second == .letter {
            return endOfRun(from: start + 1) { $0 == .letter }
        }
        if first == .number { return start + 1 }
        if first == .other || (scalars[start] == " " && second == .other) {
            return endOfRun(from: endOfRun(from: start + 1) { $0 == .other }) { $0 == .newline }
        }
        return endOfWhitespace(from: start)
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last line break of the run; else all but its last scalar, which the
    /// next word may begin with; else that scalar.
    private func endOfWhitespace(from start: Int) -> Int {
        let end = endOfRun(from: start) { $0 == .space || $0 == .newline }
        if let newline = classes[start..<end].lastIndex(of: .newline) { return newline + 1 }
        return end == classes.count || end - start == 1 ? end : end - 1
    }

    private func endOfRun(from start: Int, where holds: (Class) -> Bool) -> Int {
        var end = start
        while end < classes.count, holds(classes[end]) { end += 1 }
        return end
    }

    private func endOfContraction(from start: Int) -> Int? {
        guard scalars[start] == "'", start + 1 < scalars.count else { return nil }
        let first = Self.folded(scalars[start + 1])
        if first == "s" || first == "t" || first == "m" || first == "d" { return start + 2 }
        guard start + 2 < scalars.count else { return nil }
        switch (first, Self.folded(scalars[start + 2])) {
        case ("r", "e"), ("v", "e"), ("l", "l"): return start + 3
        default: return nil
        }
    }

    /// Case folding, for the letters of the contractions: ſ folds to s.
    private static func folded(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar {
        case "A"..."Z": Unicode.Scalar(UInt8(scalar.value) + 32)
        case "\u{17F}": "s"
        default: scalar
        }
    }

    static func classify(_ scalar: Unicode.Scalar) -> Class {
        switch scalar {
        case "a"..."z", "A"..."Z": .letter
        case "0"..."9": .number
        case "\r", "\n": .newline
        case "\u{9}", "\u{B}", "\u{C}", " ": .space
        case "\0"..."\u{7F}": .other
        default: classify(scalar.properties)
        }
    }

    /// By the categories of Unicode 16, which the reference tokenizer has: a letter of a later version is none.
    private static func classify(_ properties: Unicode.Scalar.Properties) -> Class {
        if properties.isWhitespace { return .space }
        guard properties.isIn(version: 16) else { return .other }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            return .letter
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return .other
        }
    }
}
