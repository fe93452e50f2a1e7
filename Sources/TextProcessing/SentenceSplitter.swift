/// Cuts text of any length into pieces of at most a number of tokens, at the best places there are: ends of
/// paragraphs, then of sentences, then of clauses, then between words, and only then inside a word.
///
/// Short sentences stay together as far as the budget allows, for the sake of prosody. Nothing is dropped but
/// whitespace at the joints.
package struct SentenceSplitter {
    private let budget: Int
    private let count: (Substring) -> Int

    /// - Parameters:
    ///   - budget: the most tokens of a piece, at least 1. A single grapheme that has more is a piece by itself.
    ///   - count: the tokens of a text. It is asked about stretches that together are a few times the text.
    package init(budget: Int, count: @escaping (Substring) -> Int) {
        precondition(budget > 0, "a budget is positive, not \(budget)")
        self.budget = budget
        self.count = count
    }

    /// The pieces in order, without whitespace at their ends; none for text of whitespace alone.
    package func split(_ text: String) -> [String] {
        // Grapheme by grapheme is slow over bridged or foreign strings.
        var text = text
        text.makeContiguousUTF8()
        var units: [Unit] = []
        var start = text.startIndex
        for (end, strength) in SentenceBoundaries(text[...]).ends() {
            let stretch = text[start..<end]
            let size = count(stretch)
            if size <= budget {
                units.append(Unit(text: stretch, size: size, strength: strength))
            } else {
                units += shatter(stretch, size: size, strength: strength)
            }
            start = end
        }
        return pack(units, in: text)
    }

    /// Whether a sentence ends with `text`, if a word follows it.
    package static func isSentenceEnd(_ text: String) -> Bool {
        let followed = text + " A"
        let end = followed.index(followed.endIndex, offsetBy: -2)
        return SentenceBoundaries(followed[...]).ends().contains {
            $0.end == end && $0.strength >= .sentence
        }
    }

    /// A stretch with no place to cut inside, and how good the place after it is.
    private struct Unit {
        let text: Substring
        let size: Int
        let strength: BoundaryStrength
    }

    /// Cuts a word beyond the budget at graphemes, evenly, and again what is still beyond it. As many parts are made
    /// at once as the size asks for, so that few rounds of counting do.
    private func shatter(_ word: Substring, size: Int, strength: BoundaryStrength) -> [Unit] {
        var result: [Unit] = []
        var pending = [Unit(text: word, size: size, strength: strength)]
        while let unit = pending.popLast() {
            let graphemes = unit.size > budget ? unit.text.count : 1
            guard graphemes > 1 else {
                result.append(unit)
                continue
            }
            let parts = min(graphemes, (unit.size - 1) / budget + 1)
            let length = (graphemes + parts - 1) / parts
            var rest = unit.text
            var units: [Unit] = []
            while !rest.isEmpty {
                let part = rest.prefix(length)
                rest = rest[part.endIndex...]
                units.append(
                    Unit(text: part, size: count(part), strength: rest.isEmpty ? unit.strength : .word))
            }
            pending += units.reversed()
        }
        return result
    }

    /// Fills pieces from the front. Sizes add up only nearly, since tokens may join across a joint or part at it, so
    /// a piece that is too long after all is made again with less.
    private func pack(_ units: [Unit], in text: String) -> [String] {
        var pieces: [String] = []
        var start = 0
        var limit = budget
        while start < units.count {
            let (end, size) = end(of: units, from: start, limit: limit)
            let piece = text[units[start].text.startIndex..<units[end - 1].text.endIndex].trimmingWhitespace
            let actual = piece.isEmpty ? 0 : count(piece)
            if actual > budget, end - start > 1 {
                limit = min(size - 1, limit - (actual - budget))
                continue
            }
            if actual > budget {
                pieces += shatter(piece, size: actual, strength: .word).map { String($0.text) }
            } else if !piece.isEmpty {
                pieces.append(String(piece))
            }
            start = end
            limit = budget
        }
        return pieces
    }

    /// Where a piece ends: at the last of the best places, unless that would make it needlessly short.
    private func end(of units: [Unit], from start: Int, limit: Int) -> (end: Int, size: Int) {
        var size = 0
        var end = start
        var last: [(end: Int, size: Int)?] = BoundaryStrength.allCases.map { _ in nil }
        while end < units.count, end == start || size + units[end].size <= limit {
            size += units[end].size
            end += 1
            last[units[end - 1].strength.rawValue] = (end, size)
        }
        guard end < units.count else { return (end, size) }
        for (strength, share) in [(BoundaryStrength.paragraph, 0.5), (.sentence, 0.25), (.clause, 0.25)] {
            if let place = last[strength.rawValue], Double(place.size) >= share * Double(size) {
                return place
            }
        }
        let better = [BoundaryStrength.sentence, .paragraph, .clause].lazy.compactMap { last[$0.rawValue] }
        return better.first ?? (end, size)
    }
}

extension Substring {
    fileprivate var trimmingWhitespace: Substring {
        guard let last = lastIndex(where: { !$0.isBlank }) else { return self[startIndex..<startIndex] }
        return self[...last].drop { $0.isBlank }
    }
}
