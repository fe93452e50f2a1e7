/// What is wrong with the files of a tokenizer.
package enum TokenizerError: Error, Equatable, Sendable {
    /// A file is not the JSON it should be; `reason` is the parser's.
    case notJSON(file: String, reason: String)
    /// A text file is not UTF-8.
    case notUTF8(file: String)
    /// A token is spelled with a character that stands for no byte.
    case strayCharacter(token: String)
    /// No token stands for this byte alone, so some texts could not be encoded.
    case missingByte(UInt8)
    /// Two tokens have the same id.
    case duplicateID(Int)
    /// One token, or one added token, has two ids.
    case duplicateToken(String)
    /// An id below 0 or beyond what a vocabulary may hold.
    case idOutOfRange(token: String, id: Int)
    /// A merge is not two tokens; `index` counts merges from 0.
    case malformedMerge(index: Int)
    /// A merge joins, or makes, a token that the vocabulary does not have.
    case missingToken(merge: Int, token: String)
    /// A pair is merged twice.
    case duplicateMerge(index: Int)
    /// An added token is empty.
    case emptyAddedToken(id: Int)
    /// An added token asks for what this tokenizer does not do: stripping, whole words, or normalization.
    case unsupportedAddedToken(String)
    /// The file describes a tokenizer that is not byte-level BPE.
    case unsupportedModel(String)
}
