import Foundation
public import SpeechCore

/// A dialogue as people write it: who says what, in order.
///
/// Either lines that each begin with a speaker and a colon (`Ann: Is it raining?`, `Speaker 1: Good morning.`), empty
/// lines between them allowed; or JSON, a list of `{"speaker": "Ann", "text": "Is it raining?"}`, or one alone.
public struct Script: Sendable, Equatable {
    /// The turns, in order; none is empty.
    public let turns: [Turn]

    /// What one speaker says until another does.
    public struct Turn: Sendable, Equatable {
        /// The speaker's name, as first written.
        public let speaker: String
        /// What is said.
        public let text: String
        /// The line of the text it stands in, from 1; nil in JSON.
        public let line: Int?
    }

    /// The speakers, each once, in the order in which they first speak.
    public var speakers: [String] {
        turns.reduce(into: []) { names, turn in
            if !names.contains(turn.speaker) { names.append(turn.speaker) }
        }
    }

    /// Reads a script.
    ///
    /// - Throws: `SpeechError` of code `invalidInput`, naming the line, when a line has no speaker, or a speaker
    ///   nothing to say.
    public init(_ text: String) throws {
        let start = text.first { !$0.isWhitespace && $0 != "\u{FEFF}" }
        var turns = try start == "[" || start == "{" ? Self.list(text) : Self.lines(text)
        guard !turns.isEmpty else { throw SpeechError.noText }
        // A name is one name however it is capitalised.
        var names: [String: String] = [:]
        turns = turns.map { turn in
            let key = Self.key(turn.speaker)
            let name = names[key] ?? turn.speaker
            names[key] = name
            return Turn(speaker: name, text: turn.text, line: turn.line)
        }
        self.turns = turns
    }

    /// The turns as utterances, each in its speaker's voice.
    ///
    /// - Parameters:
    ///   - voices: by speaker, in any capitals; a number alone is `Speaker` with that number. None at all leaves the
    ///     voices to the model.
    ///   - otherwise: the voice of those whom `voices` does not name; without it they are an error.
    /// - Throws: `SpeechError` of code `unknownVoice` for a speaker without a voice, `invalidInput` for a voice without
    ///   a speaker.
    public func utterances(
        voices: [String: Voice], otherwise: Voice? = nil, language: Language = .auto,
        delivery: Delivery = .plain
    ) throws -> [Utterance] {
        let known = Dictionary(voices.map { (Self.key($0.key), $0.value) }) { first, _ in first }
        let speakers = speakers
        let utterances = try turns.map { turn in
            guard
                let voice = known[Self.key(turn.speaker)] ?? otherwise ?? (known.isEmpty ? .standard : nil)
            else {
                let place = turn.line.map { " (line \($0))" } ?? ""
                throw SpeechError(
                    .unknownVoice, "The speaker '\(turn.speaker)'\(place) has no voice.",
                    remedy: "Give one for each speaker, as in: --speaker \"\(turn.speaker)=VOICE\".")
            }
            return Utterance(
                turn.text, voice: voice, language: language, delivery: delivery, speaker: turn.speaker)
        }
        if let stranger = voices.keys.sorted().first(where: { name in
            !speakers.contains { Self.key($0) == Self.key(name) }
        }) {
            throw SpeechError(
                .invalidInput, "There is a voice for '\(stranger)', who says nothing in the script.",
                remedy: "Its speakers are: \(speakers.joined(separator: ", ")).")
        }
        return utterances
    }

    /// What a name is compared by.
    private static func key(_ name: String) -> String {
        let words = name.lowercased().split(whereSeparator: \.isWhitespace)
        let isNumber = words.count == 1 && words[0].allSatisfy { $0.isASCII && $0.isNumber }
        return isNumber ? "speaker \(words[0])" : words.joined(separator: " ")
    }

    // MARK: reading

    private static func lines(_ text: String) throws -> [Turn] {
        var turns: [Turn] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            let line = line.trimmingCharacters(in: .whitespaces)
            guard !line.isEmpty else { continue }
            // A name is a few words; a colon further on belongs to what is said.
            guard let colon = line.firstIndex(of: ":"), line.distance(from: line.startIndex, to: colon) <= 40,
                case let name = line[..<colon].trimmingCharacters(in: .whitespaces), !name.isEmpty
            else {
                throw SpeechError(
                    .invalidInput, "Line \(index + 1) of the script does not say who speaks.",
                    remedy: "Begin it with its speaker: 'Ann: Good morning.'")
            }
            let words = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            guard !words.isEmpty else { throw silent(name, "line \(index + 1)") }
            turns.append(Turn(speaker: name, text: words, line: index + 1))
        }
        return turns
    }

    private struct Entry: Decodable {
        let speaker: Name
        let text: String

        /// A name, or a number alone.
        enum Name: Decodable {
            case text(String), number(Int)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let number = try? container.decode(Int.self) {
                    self = .number(number)
                } else {
                    self = .text(try container.decode(String.self))
                }
            }
        }
    }

    private static func list(_ text: String) throws -> [Turn] {
        let entries: [Entry]
        do {
            let (data, decoder) = (Data(text.utf8), JSONDecoder())
            entries =
                try text.first { !$0.isWhitespace } == "{"
                ? [decoder.decode(Entry.self, from: data)] : decoder.decode([Entry].self, from: data)
        } catch {
            throw SpeechError(
                .invalidInput, "The script begins as JSON, but is no list of speakers and texts.",
                remedy:
                    "Write it as [{\"speaker\": \"Ann\", \"text\": \"Good morning.\"}], or one such turn alone.",
                underlying: error)
        }
        return try entries.enumerated().map { index, entry in
            let name =
                switch entry.speaker {
                case .text(let name): name.trimmingCharacters(in: .whitespaces)
                case .number(let number): "Speaker \(number)"
                }
            guard !name.isEmpty else {
                throw SpeechError(
                    .invalidInput, "Turn \(index + 1) of the script does not say who speaks.",
                    remedy: "Give each turn a \"speaker\".")
            }
            // A line's end inside a turn is no other turn's beginning.
            let words = entry.text.split(whereSeparator: \.isNewline).joined(separator: " ")
                .trimmingCharacters(in: .whitespaces)
            guard !words.isEmpty else { throw silent(name, "turn \(index + 1)") }
            return Turn(speaker: name, text: words, line: nil)
        }
    }

    private static func silent(_ name: String, _ place: String) -> SpeechError {
        SpeechError(
            .invalidInput, "'\(name)' has nothing to say in \(place) of the script.",
            remedy: "Give words, or leave the turn out.")
    }
}
