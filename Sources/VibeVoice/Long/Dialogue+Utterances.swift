import SpeechCore

extension Dialogue {
    /// Utterances in order as one dialogue. Who speaks is told by the utterances' `speaker`, or where that is nil by
    /// their voices. Speakers named `Speaker 1` and so on are numbered so, others in the order in which they speak.
    init(_ utterances: [Utterance]) throws(DialogueError) {
        var cast: [(utterance: Utterance, number: Int?)] = []
        var places: [Int] = []
        for (turn, utterance) in utterances.enumerated() {
            guard utterance.text.contains(where: { !$0.isWhitespace }) else {
                throw .silentTurn(turn + 1)
            }
            if let known = cast.firstIndex(where: { $0.utterance.isSpeaker(of: utterance) }) {
                guard cast[known].utterance.voice.isSame(as: utterance.voice) else {
                    throw .twoVoices(turn: turn + 1)
                }
                places.append(known)
            } else {
                places.append(cast.count)
                cast.append((utterance, utterance.speaker.flatMap(Self.number)))
            }
        }
        let numbers = cast.compactMap(\.number)
        let isNumbered = numbers.count == cast.count && Set(numbers).count == cast.count
        let written = cast.indices.map { isNumbered ? numbers[$0] : $0 + 1 }
        let script = try DialogueScript(
            places.enumerated().map { turn, place in
                let lines = utterances[turn].text.split(whereSeparator: \.isNewline)
                return (written[place], lines.joined(separator: " "))
            })
        var voices: [Int: Voice] = [:]
        for (place, member) in cast.enumerated() {
            if case .standard = member.utterance.voice { continue }
            voices[written[place]] = member.utterance.voice
        }
        self.init(script, voices: voices)
    }

    /// The number of a speaker who has no other name.
    private static func number(_ name: String) -> Int? {
        let words = name.lowercased().split(whereSeparator: \.isWhitespace)
        guard words.count == 2, words[0] == "speaker", let number = Int(words[1]),
            (0..<1 << 30).contains(number)
        else { return nil }
        return number
    }
}

extension Utterance {
    fileprivate func isSpeaker(of other: Utterance) -> Bool {
        guard let speaker, let name = other.speaker else {
            return speaker == nil && other.speaker == nil && voice.isSame(as: other.voice)
        }
        return speaker.lowercased() == name.lowercased()
    }
}

extension Voice {
    fileprivate func isSame(as other: Voice) -> Bool {
        switch (self, other) {
        case (.standard, .standard): true
        case (.preset(let one), .preset(let two)): one.lowercased() == two.lowercased()
        case (.cloned(let one), .cloned(let two)): one.audio == two.audio && one.transcript == two.transcript
        case (.described(let one), .described(let two)): one == two
        case (.prepared(let one), .prepared(let two)): one == two
        default: false
        }
    }
}
