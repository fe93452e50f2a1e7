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
        let text = Self.straightened(text).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? [] : tokenizer.encode(text + "\n")
    }

    /// The ids of a part of a text, with nothing put around it.
    func ids(ofPart text: String) -> [Int32] { tokenizer.encode(text) }

    /// Refuses a text that holds control tokens.
    func check(_ text: String) throws { try tokenizer.checkPlain(text, "The text") }

    /// Parts of a text that may be made into tokens apart.
    func joints() -> TextJoints { TextJoints(of: tokenizer) }

    static func straightened(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar {
                    case "\u{2018}", "\u{2019}": "'"
                    case "\u{201C}", "\u{201D}": "\""
                    default: scalar
                    }
                }))
    }
}
