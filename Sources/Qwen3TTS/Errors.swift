import NeuralLayers
import SpeechCore
import TextProcessing

// What this family's own errors say to a caller. Those of the layers below are put into words by the library.

extension SpeechError {
    /// Runs `body`; a configuration or prompt that cannot be used becomes an error in words.
    static func translating<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ConfigurationError {
            throw SpeechError(error)
        } catch let error as PromptError {
            throw SpeechError(error)
        }
    }

    private init(_ error: PromptError) {
        switch error {
        case .emptyText:
            self.init(.invalidInput, "There is no text to say.", remedy: "Give some words.")
        case .unknownLanguage(let name, let known):
            self.init(
                .unknownLanguage, "This model has no language '\(name)'.",
                remedy: "Choose one of: \(known.joined(separator: ", ")).")
        case .unknownSpeaker(let name, let known) where known.isEmpty:
            self.init(
                .unknownVoice, "This model has no preset voices, so there is no '\(name)'.",
                remedy: "Clone a voice from a recording, or use a CustomVoice checkpoint.")
        case .unknownSpeaker(let name, let known):
            self.init(
                .unknownVoice, "There is no voice named '\(name)' in this model.",
                remedy: "Choose one of: \(known.joined(separator: ", ")).")
        }
    }
}
