package import Foundation

extension BytePairTokenizer {
    /// The three files of a checkpoint, each asked for by name: `vocab.json`, `merges.txt` and
    /// `tokenizer_config.json`, whose `added_tokens_decoder` has the added tokens.
    ///
    /// - Throws: `TokenizerError`, or whatever `files` throws.
    package init(files: (String) throws -> Data) throws {
        let name = "tokenizer_config.json"
        let config = try Self.parse(TokenizerConfigFile.self, try files(name), file: name)
        let added = try config.addedTokensDecoder.map { key, token throws(TokenizerError) in
            guard let id = Int(key) else { throw .notJSON(file: name, reason: "\(key) is not an id") }
            return try token.checked(id: id)
        }
        try self.init(
            vocabulary: try files("vocab.json"), merges: try files("merges.txt"),
            addedTokens: added.sorted { $0.id < $1.id })
    }

    /// - Parameters:
    ///   - vocabulary: `vocab.json`, ids by token.
    ///   - merges: `merges.txt`, a pair a line, best first. Only a first line that begins `#version:` is a comment.
    package init(vocabulary: Data, merges: Data, addedTokens: [AddedToken]) throws(TokenizerError) {
        let base = try Self.parse([String: Int].self, vocabulary, file: "vocab.json")
        try self.init(base: base, merges: try Self.pairs(merges), addedTokens: addedTokens)
    }

    /// Every byte a token of its own, from 0 on, and added tokens: for what comes as ids, whose words nobody needs.
    package init(bytesAnd addedTokens: [AddedToken]) throws(TokenizerError) {
        var base: [String: Int] = [:]
        for (scalar, byte) in ByteAlphabet.bytes.enumerated() {
            guard let byte, let scalar = Unicode.Scalar(UInt32(scalar)) else { continue }
            base[String(scalar)] = Int(byte)
        }
        try self.init(base: base, merges: [], addedTokens: addedTokens)
    }

    /// As `init(vocabulary:merges:addedTokens:)`, for tables published without their added tokens.
    ///
    /// - Parameter added: tokens that take the ids after the vocabulary's last, in order.
    package init(
        vocabulary: Data, merges: Data, followedBy added: [(content: String, isSpecial: Bool)]
    ) throws(TokenizerError) {
        let base = try Self.parse([String: Int].self, vocabulary, file: "vocab.json")
        // An id beyond the highest is refused with the vocabulary.
        let first = min(base.values.max() ?? 0, Vocabulary.highestID) + 1
        let tokens = added.enumerated().map { index, token in
            AddedToken(content: token.content, id: Int32(first + index), isSpecial: token.isSpecial)
        }
        try self.init(base: base, merges: try Self.pairs(merges), addedTokens: tokens)
    }

    /// `tokenizer.json`, one file with the model, its merges and the added tokens.
    package init(tokenizerJSON: Data) throws(TokenizerError) {
        let name = "tokenizer.json"
        let file = try Self.parse(TokenizerFile.self, tokenizerJSON, file: name)
        guard file.model.type ?? "BPE" == "BPE" else { throw .unsupportedModel(file.model.type ?? "") }
        var added: [AddedToken] = []
        for token in file.addedTokens {
            guard let id = token.id else { throw .notJSON(file: name, reason: "\(token.content) has no id") }
            added.append(try token.checked(id: id))
        }
        try self.init(base: file.model.vocab, merges: file.model.merges.pairs, addedTokens: added)
    }

    private init(
        base: [String: Int], merges pairs: [MergePair], addedTokens: [AddedToken]
    ) throws(TokenizerError) {
        let vocabulary = try Vocabulary(base: base, added: addedTokens)
        var merges = MergeTable(capacity: pairs.count)
        for (index, pair) in pairs.enumerated() {
            let left = try vocabulary.token(pair.left, merge: index)
            let right = try vocabulary.token(pair.right, merge: index)
            guard let result = vocabulary.id(of: left.bytes + right.bytes) else {
                throw .missingToken(merge: index, token: String(pair.left + pair.right))
            }
            guard index < Vocabulary.highestID else { throw .malformedMerge(index: index) }
            guard merges.add(left.id, right.id, rank: UInt32(index), result: result) else {
                throw .duplicateMerge(index: index)
            }
        }
        self.init(vocabulary: vocabulary, merges: merges, matcher: AddedTokenMatcher(addedTokens))
    }

    private static func pairs(_ merges: Data) throws(TokenizerError) -> [MergePair] {
        guard let text = String(data: merges, encoding: .utf8) else { throw .notUTF8(file: "merges.txt") }
        var lines = text.utf8.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.map(
            Substring.init)[...]
        if let first = lines.first, first.hasPrefix("#version:") { lines = lines.dropFirst() }
        var result: [MergePair] = []
        result.reserveCapacity(lines.count)
        for line in lines {
            guard let pair = MergePair(line) else { throw .malformedMerge(index: result.count) }
            result.append(pair)
        }
        return result
    }

    private static func parse<Value: Decodable>(
        _ type: Value.Type, _ data: Data, file: String
    ) throws(TokenizerError) -> Value {
        do {
            let decoder = JSONDecoder()
            return try decoder.decode(type, from: data)
        } catch let error as TokenizerError {
            throw error
        } catch {
            throw .notJSON(file: file, reason: String(describing: error))
        }
    }
}

extension Vocabulary {
    fileprivate func token(
        _ spelling: Substring, merge: Int
    ) throws(TokenizerError) -> (bytes: [UInt8], id: Int32) {
        guard let bytes = ByteAlphabet.decode(spelling), let id = id(of: bytes) else {
            throw .missingToken(merge: merge, token: String(spelling))
        }
        return (bytes, id)
    }
}

/// The two halves of a merge, in the byte alphabet.
private struct MergePair {
    let left: Substring
    let right: Substring

    /// `left right`; nil unless it is two words with one space between.
    init?(_ line: Substring) {
        guard let space = line.utf8.firstIndex(of: UInt8(ascii: " ")) else { return nil }
        left = line[..<space]
        right = line[line.utf8.index(after: space)...]
        guard !left.isEmpty, !right.isEmpty, !right.utf8.contains(UInt8(ascii: " ")) else { return nil }
    }

    init(left: String, right: String) {
        self.left = left[...]
        self.right = right[...]
    }
}

private struct TokenizerConfigFile: Decodable {
    let addedTokensDecoder: [String: AddedTokenEntry]

    enum CodingKeys: String, CodingKey {
        case addedTokensDecoder = "added_tokens_decoder"
    }
}

private struct TokenizerFile: Decodable {
    struct Model: Decodable {
        let type: String?
        let vocab: [String: Int]
        let merges: MergeList
    }

    let model: Model
    let addedTokens: [AddedTokenEntry]

    enum CodingKeys: String, CodingKey {
        case model
        case addedTokens = "added_tokens"
    }
}

/// Merges as `"left right"`, as older files have them, or as `["left", "right"]`.
private struct MergeList: Decodable {
    let pairs: [MergePair]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let lines = try? container.decode([String].self) {
            pairs = try lines.enumerated().map { index, line in
                guard let pair = MergePair(line[...]) else {
                    throw TokenizerError.malformedMerge(index: index)
                }
                return pair
            }
        } else {
            pairs = try container.decode([[String]].self).enumerated().map { index, pair in
                guard pair.count == 2 else { throw TokenizerError.malformedMerge(index: index) }
                return MergePair(left: pair[0], right: pair[1])
            }
        }
    }
}

private struct AddedTokenEntry: Decodable {
    /// Only in `tokenizer.json`; elsewhere the id is the key.
    let id: Int?
    let content: String
    let special: Bool
    let lstrip: Bool
    let rstrip: Bool
    let normalized: Bool
    let singleWord: Bool

    enum CodingKeys: String, CodingKey {
        case id, content, special, lstrip, rstrip, normalized
        case singleWord = "single_word"
    }

    func checked(id: Int) throws(TokenizerError) -> AddedToken {
        guard !lstrip, !rstrip, !normalized, !singleWord else { throw .unsupportedAddedToken(content) }
        guard (0...Vocabulary.highestID).contains(id) else { throw .idOutOfRange(token: content, id: id) }
        return AddedToken(content: content, id: Int32(id), isSpecial: special)
    }
}
