package import SpeechCore

extension DialogueError: ExplainedError {
    package var explanation: SpeechError {
        let label = "Begin it with its speaker: 'Speaker 1: Good morning.'"
        let most = DialogueScript.mostSpeakers
        return switch self {
        case .empty: SpeechError(.invalidInput, "There is no text to say.", remedy: "Give some words.")
        case .emptyTurn(let line):
            SpeechError(
                .invalidInput, "Line \(line) of the script gives its speaker nothing to say.",
                remedy: "Give words, or leave the line out.")
        case .silentTurn(let turn):
            SpeechError(
                .invalidInput, "Turn \(turn) of the dialogue has nothing to say.",
                remedy: "Give words, or leave the turn out.")
        case .twoVoices(let turn):
            SpeechError(
                .invalidInput, "In turn \(turn) of the dialogue its speaker has another voice than before.",
                remedy: "Give a speaker one voice, or the turns different speakers.")
        case .noSpeaker(let line):
            SpeechError(.invalidInput, "Line \(line) of the script does not say who speaks.", remedy: label)
        case .unreadableNumber(let line):
            SpeechError(
                .invalidInput, "The speaker's number in line \(line) of the script is too large.",
                remedy: label)
        case .tooManySpeakers(let count):
            SpeechError(
                .unsupported, "The script has \(count) speakers; the model tells \(most) apart.",
                remedy: "Leave some out, or speak it in parts.")
        case .unknownSpeaker(let number):
            SpeechError(
                .unsupported, "There is no speaker \(number): the model was trained with \(most).",
                remedy: "Number the speakers from 1 to \(most).")
        case .missingVoice(let speaker):
            SpeechError(
                .unknownVoice, "Speaker \(speaker) has no voice, while another speaker has one.",
                remedy: "Give a recording for each speaker, or for none.")
        case .unusedVoice(let speaker):
            SpeechError(
                .invalidInput, "There is a voice for speaker \(speaker), who says nothing.",
                remedy: "Leave the voice out, or give the speaker a line.")
        }
    }
}
