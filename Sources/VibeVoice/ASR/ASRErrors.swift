package import SpeechCore
import TextProcessing

extension SpeechError {
    /// The authors' prompt asks for what is said, with speakers and times, and knows no other task.
    package static let cannotTranslate = SpeechError(
        .unsupported,
        "VibeVoice-ASR writes what is said in the language it is said in; it was not trained to translate.",
        remedy: "Leave the translation out, and translate the transcript with a language model.")

    /// Runs `body`; a configuration or request that cannot be used becomes an error in words.
    static func translatingASR<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ASRConfigurationError {
            throw SpeechError(error)
        } catch let error as ASRPromptError {
            throw SpeechError(error)
        }
    }

    private init(_ error: ASRConfigurationError) {
        let again = "Fetch the checkpoint again, or report it if it is one its authors publish."
        switch error {
        case .unreadable(let why):
            self.init(.wrongFormat, "config.json is not the JSON it should be: \(why).", remedy: again)
        case .missingKey(let key): self.init(.wrongFormat, "config.json has no '\(key)'.", remedy: again)
        case .wrongValue(let key, let why):
            self.init(.unsupported, "config.json: '\(key)' \(why).", remedy: again)
        }
    }

    private init(_ error: ASRPromptError) {
        switch error {
        case .noTokenizer:
            self.init(
                .missingFile, "The model has no tokenizer files; its authors publish it without.",
                remedy: "Put vocab.json and merges.txt of Qwen/Qwen2.5-7B beside its config.json.")
        case .missingToken(let token):
            self.init(
                .corruptData, "The tokenizer has no token '\(token)'.",
                remedy: "Use the tokenizer files of Qwen/Qwen2.5-7B.")
        case .tokenBeyondVocabulary(_, let id, let vocabulary):
            self.init(
                .corruptData, "The tokenizer has a token \(id), but the model knows \(vocabulary).",
                remedy: "Use the tokenizer files of Qwen/Qwen2.5-7B.")
        }
    }
}
