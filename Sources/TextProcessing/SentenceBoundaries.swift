/// Where text may be cut, from the best place to the worst.
package enum BoundaryStrength: Int, Comparable, CaseIterable {
    case word, clause, sentence, paragraph

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Finds the places at which text may be cut, in one pass.
package struct SentenceBoundaries {
    private let text: Substring

    package init(_ text: Substring) { self.text = text }

    private static let terminators: Set<Character> = [
        ".", "!", "?", "…", "‼", "⁇", "⁈", "⁉", "。", "！", "？", "｡", "．", "؟", "۔", "।", "॥", "։", "።", "፧",
        "។", "၊", "။",
    ]
    /// Those after which a sentence ends even where no space follows.
    private static let wideTerminators: Set<Character> = ["。", "！", "？", "｡", "।", "॥", "។", "။", "።"]
    private static let clauseMarks: Set<Character> = [",", ";", ":", "—", "–", "،", "؛", "፣", "፤"]
    private static let wideClauseMarks: Set<Character> = ["、", "，", "；", "：", "—", "､"]
    /// What may stand between a mark and the space after it.
    private static let closers: Set<Character> = [
        "\"", "'", "”", "’", "»", "›", ")", "]", "}", "）", "」", "』", "】", "》", "〉", "］", "｝", "*", "_",
    ]
    /// Lower case, without the final full stop.
    private static let abbreviations: Set<String> = [
        "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "vs", "no", "vol", "fig", "pp", "ed", "eds", "cf",
        "approx",
        "inc", "ltd", "co", "corp", "gen", "col", "lt", "sgt", "capt", "rev", "hon", "gov", "sen", "rep",
        "dept", "est",
        "mt", "ave", "blvd", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov",
        "dec", "e.g",
        "i.e", "a.m", "p.m", "u.s", "u.k", "nr", "bzw", "ca", "z.b", "d.h", "u.a", "hr", "fr", "str", "abb",
        "mme",
        "mlle", "av", "sra", "dra", "ud", "uds", "sig", "dott", "ing", "г", "ул", "стр", "рис", "тыс", "т.е",
        "т.д",
    ]

    /// Ends of runs of text with the strength of the cut after each, the last being that of the text. Whitespace
    /// belongs to what follows it, as it does in the tokens of a text.
    package func ends() -> [(end: String.Index, strength: BoundaryStrength)] {
        var result: [(end: String.Index, strength: BoundaryStrength)] = []
        var index = endOfWhitespace(from: text.startIndex)
        var wordStart = index
        while index < text.endIndex {
            let character = text[index]
            var end = text.index(after: index)
            var strength: BoundaryStrength? = nil
            if character.isBlank {
                end = index
                strength = .word
            } else if let mark = self.strength(of: character, wordStart: wordStart, at: index) {
                end = endOfMarks(from: end)
                strength = mark
            }
            index = end
            guard let strength else { continue }
            index = endOfWhitespace(from: end)
            result.append((end, max(strength, self.strength(ofSpace: text[end..<index]))))
            wordStart = index
        }
        if result.last?.end != text.endIndex { result.append((text.endIndex, .paragraph)) }
        return result
    }

    /// A blank line ends a paragraph. A single line break may be no more than the width of a page.
    private func strength(ofSpace space: Substring) -> BoundaryStrength {
        switch space.lazy.filter(\.isNewline).prefix(2).count {
        case 0: .word
        case 1: space.contains("\u{2029}") ? .paragraph : .clause
        default: .paragraph
        }
    }

    /// The strength of the cut after a mark; nil if it is no mark, or ends nothing here.
    private func strength(
        of character: Character, wordStart: String.Index, at index: String.Index
    ) -> BoundaryStrength? {
        if Self.wideTerminators.contains(character) { return .sentence }
        if Self.wideClauseMarks.contains(character) { return .clause }
        let isTerminator = Self.terminators.contains(character)
        guard isTerminator || Self.clauseMarks.contains(character) else { return nil }
        // A mark inside a word, as in 3.14, 12:30 or example.org, cuts nothing.
        let end = endOfMarks(from: text.index(after: index))
        guard end == text.endIndex || text[end].isBlank else { return nil }
        guard isTerminator else { return .clause }
        if character == ".", text.index(after: index) == end {
            return endsSentence(word: text[wordStart..<index], followedBy: end) ? .sentence : .word
        }
        return character == "…" || isEllipsis(index) ? strengthOfEllipsis(followedBy: end) : .sentence
    }

    private func isEllipsis(_ index: String.Index) -> Bool {
        let next = text.index(after: index)
        return text[index] == "." && next < text.endIndex && text[next] == "."
    }

    /// A pause inside a sentence goes on in lower case.
    private func strengthOfEllipsis(followedBy end: String.Index) -> BoundaryStrength {
        text[end...].first { !$0.isBlank }.map { $0.isLowercase ? .clause : .sentence } ?? .sentence
    }

    /// Whether a full stop after `word` ends a sentence, and not an abbreviation or an initial.
    private func endsSentence(word: Substring, followedBy end: String.Index) -> Bool {
        // Longer than any abbreviation: no need to look, which also bounds the work.
        guard word.utf8.count <= 24 else { return true }
        let bare = word.drop { !$0.isLetter && !$0.isNumber }
        if bare.count == 1, bare.first?.isUppercase == true { return false }
        if Self.abbreviations.contains(bare.lowercased()) { return false }
        return text[end...].first { !$0.isBlank }.map { !$0.isLowercase } ?? true
    }

    private func endOfMarks(from start: String.Index) -> String.Index {
        var index = start
        while index < text.endIndex,
            Self.terminators.contains(text[index]) || Self.closers.contains(text[index])
        {
            index = text.index(after: index)
        }
        return index
    }

    private func endOfWhitespace(from start: String.Index) -> String.Index {
        var index = start
        while index < text.endIndex, text[index].isBlank { index = text.index(after: index) }
        return index
    }
}

extension Character {
    /// Whether it is whitespace and nothing more: a space may carry a combining mark.
    var isBlank: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }
}
