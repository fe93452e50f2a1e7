package import SpeechCore

extension BytePairTokenizer {
    /// Refuses a text in which a control token stands, for the model would take it for one that steers it.
    ///
    /// - Parameter name: what the text is, as a sentence begins with it.
    /// - Throws: `SpeechError` of code `invalidInput`.
    package func checkPlain(_ text: String, _ name: String) throws(SpeechError) {
        guard let token = controlToken(in: text) else { return }
        throw SpeechError(
            .invalidInput, "\(name) holds '\(token)', one of the model's control tokens.",
            remedy: "Leave it out.")
    }
}
