import SpeechCore

extension SpeechError {
    /// Runs `body`; what its configuration or dialogue cannot be used for becomes an error in words.
    static func translatingLong<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try translating { try translatingASR(body) }
        } catch let error as DialogueError {
            throw SpeechError(error)
        }
    }

    private init(_ error: DialogueError) {
        let label = "Begin it with its speaker: 'Speaker 1: Good morning.'"
        let most = DialogueScript.mostSpeakers
        switch error {
        case .empty: self.init(.invalidInput, "There is no text to say.", remedy: "Give some words.")
        case .emptyTurn(let line):
            self.init(
                .invalidInput, "Line \(line) of the script gives its speaker nothing to say.",
                remedy: "Give words, or leave the line out.")
        case .silentTurn(let turn):
            self.init(
                .invalidInput, "Turn \(turn) of the dialogue has nothing to say.",
                remedy: "Give words, or leave the turn out.")
        case .twoVoices(let turn):
            self.init(
                .invalidInput, "In turn \(turn) of the dialogue its speaker has another voice than before.",
                remedy: "Give a speaker one voice, or the turns different speakers.")
        case .noSpeaker(let line):
            self.init(.invalidInput, "Line \(line) of the script does not say who speaks.", remedy: label)
        case .unreadableNumber(let line):
            self.init(
                .invalidInput, "The speaker's number in line \(line) of the script is too large.",
                remedy: label)
        case .tooManySpeakers(let count):
            self.init(
                .unsupported, "The script has \(count) speakers; the model tells \(most) apart.",
                remedy: "Leave some out, or speak it in parts.")
        case .unknownSpeaker(let number):
            self.init(
                .unsupported, "There is no speaker \(number): the model was trained with \(most).",
                remedy: "Number the speakers from 1 to \(most).")
        case .missingVoice(let speaker):
            self.init(
                .unknownVoice, "Speaker \(speaker) has no voice, while another speaker has one.",
                remedy: "Give a recording for each speaker, or for none.")
        case .unusedVoice(let speaker):
            self.init(
                .invalidInput, "There is a voice for speaker \(speaker), who says nothing.",
                remedy: "Leave the voice out, or give the speaker a line.")
        }
    }
}
