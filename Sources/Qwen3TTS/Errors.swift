import NeuralLayers
import SpeechCore
import TextProcessing

// What this family's own errors say to a caller. Those of the layers below are put into words by the library.

extension PromptError: ExplainedError {
    var explanation: SpeechError {
        switch self {
        case .emptyText:
            SpeechError(.invalidInput, "There is no text to say.", remedy: "Give some words.")
        case .unknownLanguage(let name, let known):
            SpeechError(
                .unknownLanguage, "This model has no language '\(name)'.",
                remedy: "Choose one of: \(known.joined(separator: ", ")).")
        case .unknownSpeaker(let name, let known) where known.isEmpty:
            SpeechError(
                .unknownVoice, "This model has no preset voices, so there is no '\(name)'.",
                remedy: "Clone a voice from a recording, or use a CustomVoice checkpoint.")
        case .unknownSpeaker(let name, let known):
            SpeechError(
                .unknownVoice, "There is no voice named '\(name)' in this model.",
                remedy: "Choose one of: \(known.joined(separator: ", ")).")
        }
    }
}
