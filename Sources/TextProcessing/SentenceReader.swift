/// Sentences of a text that comes in pieces, each as soon as something follows it; the same ones however the pieces
/// were cut.
package struct SentenceReader: Sendable {
    private var pending = ""
    /// Whether `pending` has words.
    private var hasBegun = false
    /// What holds no sentence's end in so many characters is given at its last space.
    private static let longest = 4096

    package init() {}

    /// Takes a piece, and gives the sentences that are certain by now, without white space at their ends.
    package mutating func append(_ text: String) -> [String] {
        var sentences: [String] = []
        for character in text {
            // Whether a mark ends a sentence is known by the first letter of the next word.
            let follows = !character.isBlank && pending.last?.isBlank == true
            if follows { sentences += taken(before: character) }
            pending.append(character)
        }
        return sentences
    }

    /// Gives the rest, unless it is white space.
    package mutating func finish() -> String? {
        defer { pending = "" }
        return trimmed(pending)
    }

    private mutating func taken(before next: Character) -> [String] {
        let end = pending.endIndex
        let text = pending + String(next)
        let boundaries = SentenceBoundaries(text[...]).ends()
        let place = text.index(text.startIndex, offsetBy: pending.count)
        let isEnd = boundaries.contains {
            $0.strength >= .sentence && $0.end < place && text[$0.end..<place].allSatisfy(\.isBlank)
        }
        guard isEnd || pending.utf8.count > Self.longest else { return [] }
        defer { pending = "" }
        return trimmed(pending[..<end]).map { [$0] } ?? []
    }

    private func trimmed(_ text: some StringProtocol) -> String? {
        guard let first = text.firstIndex(where: { !$0.isBlank }),
            let last = text.lastIndex(where: { !$0.isBlank })
        else { return nil }
        return String(text[first...last])
    }
}
