/// Byte-level byte-pair encoding with Qwen2's word pattern, as in the Qwen2, Qwen2.5 and Qwen3 families.
///
/// Added tokens are cut out of the text first, wherever they stand: a text may so contain the model's control
/// tokens (`checkPlain` refuses them). What lies between is normalized to NFC, cut into words by `WordPattern`, and each word's bytes are
/// merged.
package struct BytePairTokenizer: Sendable {
    private let vocabulary: Vocabulary
    private let merges: MergeTable
    private let matcher: AddedTokenMatcher

    init(vocabulary: Vocabulary, merges: MergeTable, matcher: AddedTokenMatcher) {
        self.vocabulary = vocabulary
        self.merges = merges
        self.matcher = matcher
    }

    /// The ids of `text`; nothing is put before or after. Empty text has none.
    package func encode(_ text: String) -> [Int32] {
        var text = text
        return text.withUTF8 { bytes in
            var ids: [Int32] = []
            for piece in matcher.pieces(of: bytes) {
                switch piece {
                case .token(let id): ids.append(id)
                case .text(let range): encode(piece: bytes[range], into: &ids)
                }
            }
            return ids
        }
    }

    /// The first control token that stands in `text`; nil when there is none.
    func controlToken(in text: String) -> String? {
        var text = text
        let pieces = text.withUTF8 { matcher.pieces(of: $0) }
        return pieces.lazy.compactMap { piece in
            if case .token(let id) = piece, vocabulary.isSpecial(id) { decode([id]) } else { nil }
        }.first
    }

    private func encode(piece: Slice<UnsafeBufferPointer<UInt8>>, into ids: inout [Int32]) {
        let scalars = CanonicalComposition.shared(String(decoding: piece, as: UTF8.self))
        for range in WordPattern(scalars).words() {
            var word: [Int32] = []
            for scalar in scalars[range] {
                for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                    word.append(vocabulary.id(ofByte: byte))
                }
            }
            merges.apply(to: &word)
            ids += word
        }
    }

    /// The text of `ids`; bytes that are not UTF-8 become U+FFFD. An id with no token, of which a model's output
    /// layer may have a few, has no text.
    package func decode(_ ids: some Sequence<Int32>, skippingSpecial: Bool = false) -> String {
        var bytes: [UInt8] = []
        for id in ids { append(id, to: &bytes, skippingSpecial: skippingSpecial) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A decoder for ids that come one at a time.
    package func stream(skippingSpecial: Bool = false) -> TextStream {
        TextStream(tokenizer: self, skippingSpecial: skippingSpecial)
    }

    func append(_ id: Int32, to bytes: inout [UInt8], skippingSpecial: Bool) {
        if skippingSpecial, vocabulary.isSpecial(id) { return }
        bytes += vocabulary.bytes(of: id)
    }

    /// The id of the token with this text, an added token before one of the vocabulary; nil if there is none.
    package subscript(token token: String) -> Int32? { vocabulary[token] }

    /// Whether some added token has white space in it.
    var hasTokensWithSpaces: Bool { matcher.hasSpaces }

    /// One more than the highest id.
    package var idLimit: Int { vocabulary.idLimit }
}
