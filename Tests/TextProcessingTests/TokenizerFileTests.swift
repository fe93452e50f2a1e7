import Foundation
import Testing
import TextProcessing

/// Files that are not what they should be.
@Suite struct TokenizerFileTests {
    /// A vocabulary of the 256 bytes, with the byte as the id.
    private var bytes: [String: Int] {
        let printable = Array(33...126) + Array(161...172) + Array(174...255)
        let others = (0...255).filter { !printable.contains($0) }
        let spelled = printable.map { ($0, $0) } + others.enumerated().map { ($1, 256 + $0) }
        return Dictionary(
            uniqueKeysWithValues: spelled.compactMap { byte, scalar in
                Unicode.Scalar(UInt32(scalar)).map { (String(Character($0)), byte) }
            })
    }

    private func make(
        _ extra: [String: Int] = [:], without: String? = nil, merges: String = "", added: [AddedToken] = []
    ) throws -> BytePairTokenizer {
        var vocabulary = bytes.merging(extra) { $1 }
        if let without { vocabulary[without] = nil }
        return try BytePairTokenizer(
            vocabulary: JSONEncoder().encode(vocabulary), merges: Data(merges.utf8), addedTokens: added)
    }

    private func added(_ content: String, _ id: Int32) -> AddedToken {
        AddedToken(content: content, id: id, isSpecial: true)
    }

    @Test func `a vocabulary of bytes alone spells every text`() throws {
        #expect(try make().encode("hé\n") == [104, 0xC3, 0xA9, 10])
    }

    @Test func `the lowest line is merged first, wherever it stands`() throws {
        let tokenizer = try make(["ab": 256, "bc": 257, "abc": 258], merges: "b c\na b\na bc\n")
        #expect(tokenizer.encode("abcab") == [258, 256])
    }

    @Test func `a first line is a comment only when it names the version`() throws {
        #expect(try make(["##": 256], merges: "#version: 0.2\n# #\n").encode("##") == [256])
        #expect(try make(["##": 256], merges: "# #\n").encode("##") == [256])
        #expect(try make(["##": 256], merges: "# #\r\n").encode("##") == [256])
    }

    @Test func `what is not JSON is refused by file`() throws {
        #expect(throws: TokenizerError.self) {
            try BytePairTokenizer(vocabulary: Data("{".utf8), merges: Data(), addedTokens: [])
        }
        #expect(throws: TokenizerError.self) { try BytePairTokenizer(tokenizerJSON: Data("[]".utf8)) }
        #expect(throws: TokenizerError.notUTF8(file: "merges.txt")) {
            try BytePairTokenizer(
                vocabulary: JSONEncoder().encode(bytes), merges: Data([0xFF]), addedTokens: [])
        }
    }

    @Test func `a vocabulary that contradicts itself is refused`() throws {
        #expect(throws: TokenizerError.missingByte(UInt8(ascii: "q"))) { try make(without: "q") }
        #expect(throws: TokenizerError.duplicateID(255)) { try make(["zz": 255]) }
        #expect(throws: TokenizerError.strayCharacter(token: "a b")) { try make(["a b": 256]) }
        #expect(throws: TokenizerError.strayCharacter(token: "")) { try make(["": 256]) }
        #expect(throws: TokenizerError.idOutOfRange(token: "zz", id: -1)) { try make(["zz": -1]) }
        #expect(throws: TokenizerError.idOutOfRange(token: "zz", id: 1 << 40)) { try make(["zz": 1 << 40]) }
    }

    @Test func `a merge of what is no token is refused`() throws {
        #expect(throws: TokenizerError.missingToken(merge: 0, token: "xy")) { try make(merges: "x y\n") }
        #expect(throws: TokenizerError.missingToken(merge: 1, token: "yy")) {
            try make(["xy": 256], merges: "x y\nx yy\n")
        }
        #expect(throws: TokenizerError.duplicateMerge(index: 1)) {
            try make(["xy": 256], merges: "x y\nx y\n")
        }
        for line in ["xy", "x  y", " xy", "xy ", "x y z"] {
            #expect(throws: TokenizerError.malformedMerge(index: 0)) { try make(["xy": 256], merges: line) }
        }
    }

    @Test func `added tokens that collide or are empty are refused`() throws {
        #expect(throws: TokenizerError.duplicateID(97)) { try make(added: [added("<x>", 97)]) }
        #expect(throws: TokenizerError.duplicateToken("<x>")) {
            try make(added: [added("<x>", 256), added("<x>", 257)])
        }
        #expect(throws: TokenizerError.emptyAddedToken(id: 256)) { try make(added: [added("", 256)]) }
        #expect(try make(added: [added("a", 97)]).encode("ba") == [98, 97])
    }

    @Test func `the longest of the added tokens that begin at one place is taken`() throws {
        let tokenizer = try make(added: [added("<a", 256), added("<ab>", 257), added("<abc", 258)])
        #expect(tokenizer.encode("<ab<ab><abcd<") == [256, 98, 257, 258, 100, 60])
    }

    @Test func `an added token that strips its neighbours is refused`() throws {
        let config = """
            {"added_tokens_decoder": {"256": {"content": "<x>", "special": true, "lstrip": true, "rstrip": false,
            "normalized": false, "single_word": false}}}
            """
        #expect(throws: TokenizerError.unsupportedAddedToken("<x>")) {
            try BytePairTokenizer { name in
                switch name {
                case "vocab.json": try JSONEncoder().encode(bytes)
                case "merges.txt": Data()
                default: Data(config.utf8)
                }
            }
        }
    }

    @Test func `a tokenizer.json of another kind is refused`() throws {
        let file = #"{"model": {"type": "Unigram", "vocab": {}, "merges": []}, "added_tokens": []}"#
        #expect(throws: TokenizerError.unsupportedModel("Unigram")) {
            try BytePairTokenizer(tokenizerJSON: Data(file.utf8))
        }
    }
}
