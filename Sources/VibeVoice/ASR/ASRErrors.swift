package import SpeechCore

extension SpeechError {
    /// The authors' prompt asks for what is said, with speakers and times, and knows no other task.
    package static let cannotTranslate = SpeechError(
        .unsupported,
        "VibeVoice-ASR writes what is said in the language it is said in; it was not trained to translate.",
        remedy: "Leave the translation out, and translate the transcript with a language model.")
}

extension ASRConfigurationError: ExplainedError {
    var explanation: SpeechError {
        let again = "Fetch the checkpoint again, or report it if it is one its authors publish."
        return switch self {
        case .unreadable(let why):
            SpeechError(.wrongFormat, "config.json is not the JSON it should be: \(why).", remedy: again)
        case .missingKey(let key): SpeechError(.wrongFormat, "config.json has no '\(key)'.", remedy: again)
        case .wrongValue(let key, let why):
            SpeechError(.unsupported, "config.json: '\(key)' \(why).", remedy: again)
        }
    }
}

extension ASRPromptError: ExplainedError {
    package var explanation: SpeechError {
        switch self {
        case .noTokenizer:
            SpeechError(
                .missingFile, "The model has no tokenizer files; its authors publish it without.",
                remedy: "Put vocab.json and merges.txt of Qwen/Qwen2.5-7B beside its config.json.")
        case .missingToken(let token):
            SpeechError(
                .corruptData, "The tokenizer has no token '\(token)'.",
                remedy: "Use the tokenizer files of Qwen/Qwen2.5-7B.")
        case .tokenBeyondVocabulary(_, let id, let vocabulary):
            SpeechError(
                .corruptData, "The tokenizer has a token \(id), but the model knows \(vocabulary).",
                remedy: "Use the tokenizer files of Qwen/Qwen2.5-7B.")
        }
    }
}
