/// Cuts a text that comes in pieces into parts whose tokens may be made apart: the ids of the parts laid end to end
/// are the ids of the whole, however the pieces were cut.
///
/// A part ends before a space that follows something other than white space. There `WordPattern` always ends a word,
/// and looks no further to know it; no mark joins a space with what stands before; and only a token added with a
/// space inside could lie across, in which case nothing is cut. What follows the last such place waits, white space
/// at its end included: whoever trims the text can still do so.
package struct TextJoints {
    private let isUncuttable: Bool
    private var pending: [Unicode.Scalar] = []
    /// Where the white space that `pending` ends with begins, if a part may end there.
    private var joint: Int?

    /// Joints for the tokens of `tokenizer`.
    package init(of tokenizer: BytePairTokenizer) { isUncuttable = tokenizer.hasTokensWithSpaces }

    /// Takes a piece, and gives the parts that are certain by now.
    package mutating func append(_ text: String) -> [String] {
        var parts: [String] = []
        for scalar in text.unicodeScalars {
            if Self.isBlank(scalar) {
                if let last = pending.last, !Self.isBlank(last), !isUncuttable {
                    joint = scalar == " " || scalar == "\t" ? pending.count : nil
                }
            } else if let end = joint {
                parts.append(String(String.UnicodeScalarView(pending[..<end])))
                pending.removeFirst(end)
                joint = nil
            }
            pending.append(scalar)
        }
        return parts
    }

    /// Gives what was held back; nothing comes after it.
    package mutating func finish() -> String {
        defer { (pending, joint) = ([], nil) }
        return String(String.UnicodeScalarView(pending))
    }

    /// White space, and the space without width, which Foundation trims like it.
    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || scalar == "\u{200B}"
    }
}
