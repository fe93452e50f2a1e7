import Foundation
import TextProcessing

/// Text as the realtime model takes it: tokens, five at a time.
struct PromptBuilder: Sendable {
    private let tokenizer: BytePairTokenizer

    /// Tokens read before each window of speech, and frames spoken after.
    static let textWindow = 5, speechWindow = 6

    init(_ tokenizer: BytePairTokenizer) { self.tokenizer = tokenizer }

    /// The ids of `text`: trimmed, curly quotes made straight as the authors' demo does, and a line's end after it,
    /// without which the model does not know that the text is over. None for a text of white space.
    func ids(_ text: String) -> [Int32] {
        var text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !text.isEmpty else { return [] }
        for (curly, straight) in [
            ("\u{2018}", "'"), ("\u{2019}", "'"), ("\u{201C}", "\""), ("\u{201D}", "\""),
        ] {
            text = text.replacingOccurrences(of: curly, with: straight)
        }
        return tokenizer.encode(text + "\n")
    }
}
