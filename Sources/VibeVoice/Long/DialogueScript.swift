import Foundation

/// Who says what, in order: lines `Speaker 1: …`.
package struct DialogueScript: Equatable, Sendable {
    package let turns: [Turn]

    /// What one speaker says until another does.
    package struct Turn: Equatable, Sendable {
        /// The speaker as the model counts, from 0.
        package let speaker: Int
        /// Without white space at its ends; never empty.
        package let text: String
    }

    /// Speakers that the model was trained to tell apart.
    package static let mostSpeakers = 4

    /// What is subtracted from the numbers as written: 1 unless some speaker is 0.
    private let first: Int

    /// The speakers, each once, in the order of their numbers.
    package var speakers: [Int] { Array(Set(turns.map(\.speaker))).sorted() }

    /// A speaker's number as written.
    package func written(_ speaker: Int) -> Int { speaker + first }

    /// Reads a script. A text in which no line names a speaker is one speaker's, a turn each line.
    package init(_ text: String) throws(DialogueError) {
        var (lines, isLabelled): ([(number: Int, line: Line)], Bool) = ([], false)
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .enumerated()
        {
            let line = line.trimmingCharacters(in: .whitespaces)
            guard !line.isEmpty else { continue }
            let parsed = try Line(line, number: index + 1)
            if parsed.speaker != nil { isLabelled = true }
            lines.append((index + 1, parsed))
        }
        guard !lines.isEmpty else { throw .empty }
        if isLabelled, let bare = lines.first(where: { $0.line.speaker == nil }) {
            throw .noSpeaker(line: bare.number)
        }
        for (number, line) in lines where line.text.isEmpty { throw .emptyTurn(line: number) }
        try self.init(lines.map { ($0.line.speaker ?? 1, $0.line.text) })
    }

    /// Turns that are known, speakers numbered as written.
    init(_ lines: [(speaker: Int, text: String)]) throws(DialogueError) {
        guard !lines.isEmpty else { throw .empty }
        let numbers = lines.map(\.speaker)
        let first = numbers.contains(0) ? 0 : 1
        guard Set(numbers).count <= Self.mostSpeakers else { throw .tooManySpeakers(Set(numbers).count) }
        if let beyond = numbers.first(where: { $0 - first >= Self.mostSpeakers }) {
            throw .unknownSpeaker(beyond)
        }
        self.first = first
        turns = lines.map {
            Turn(speaker: $0.speaker - first, text: $0.text.trimmingCharacters(in: .whitespaces))
        }
    }

    /// One line; no speaker where it does not begin with one.
    private struct Line {
        let speaker: Int?, text: String

        init(_ line: String, number: Int) throws(DialogueError) {
            let afterWord = line.dropFirst(7)
            let afterSpace = afterWord.drop(while: \.isWhitespace)
            let digits = afterSpace.prefix { $0.isASCII && $0.isNumber }
            let rest = afterSpace.dropFirst(digits.count).drop(while: \.isWhitespace)
            guard line.prefix(7).lowercased() == "speaker", afterSpace.startIndex != afterWord.startIndex,
                !digits.isEmpty, rest.first == ":"
            else {
                self.init(speaker: nil, text: line)
                return
            }
            guard let speaker = Int(digits), speaker < 1 << 30 else { throw .unreadableNumber(line: number) }
            self.init(speaker: speaker, text: rest.dropFirst().trimmingCharacters(in: .whitespaces))
        }

        private init(speaker: Int?, text: String) { (self.speaker, self.text) = (speaker, text) }
    }
}

/// Why a dialogue cannot be spoken. Speakers are numbered as written.
package enum DialogueError: Error, Equatable {
    case empty
    case emptyTurn(line: Int)
    /// A turn, from 1, of which the same is to be said where there are no lines.
    case silentTurn(Int)
    /// A turn whose speaker has had another voice before.
    case twoVoices(turn: Int)
    /// A line without a speaker among others that have one.
    case noSpeaker(line: Int)
    case unreadableNumber(line: Int)
    case tooManySpeakers(Int)
    /// A number beyond those that the model was trained with.
    case unknownSpeaker(Int)
    case missingVoice(speaker: Int)
    /// A voice for a speaker who says nothing.
    case unusedVoice(speaker: Int)
}
