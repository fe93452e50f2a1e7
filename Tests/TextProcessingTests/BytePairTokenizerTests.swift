import Foundation
import Testing
import TextProcessing

@Suite struct BytePairTokenizerTests {
    @Test func `every text of the corpus has the reference's ids in the tiny vocabulary`() throws {
        let tokenizer = try BytePairTokenizer.tiny()
        for entry in try Corpus.load().cases {
            #expect(tokenizer.encode(entry.text) == entry.tiny, "\(entry.text.unicodeScalars.map(\.value))")
        }
    }

    @Test(.enabled(if: Place.hasVocabulary, "scripts/fetch-vocabulary.sh has not been run"))
    func `every text of the corpus has the reference's ids in the real vocabulary`() throws {
        let corpus = try Corpus.load()
        let tokenizer = try BytePairTokenizer.full(corpus)
        for entry in corpus.cases {
            #expect(tokenizer.encode(entry.text) == entry.full, "\(entry.text.unicodeScalars.map(\.value))")
        }
        #expect(tokenizer[token: "assistant"] == 77091)
        #expect(tokenizer[token: "\n"] == 198)
        #expect(tokenizer[token: "<tts_text_eod>"] == 151673)
        #expect(tokenizer[token: "<tts_eos>"] == nil)
        #expect(tokenizer.idLimit == 151676)
    }

    @Test func `decoding gives the text back, normalized`() throws {
        let tokenizer = try BytePairTokenizer.tiny()
        for entry in try Corpus.load().cases {
            let text = tokenizer.decode(tokenizer.encode(entry.text))
            #expect(text == entry.text, "\(entry.text.unicodeScalars.map(\.value))")
        }
    }

    @Test func `a stream holds back a character until its last byte`() throws {
        let tokenizer = try BytePairTokenizer.tiny()
        for entry in try Corpus.load().cases {
            var stream = tokenizer.stream()
            var text = ""
            for id in entry.tiny {
                let piece = stream.append(id)
                #expect(!piece.unicodeScalars.contains("\u{FFFD}") || entry.text.contains("\u{FFFD}"))
                text.unicodeScalars += piece.unicodeScalars
            }
            text.unicodeScalars += stream.finish().unicodeScalars
            #expect(Array(text.utf8) == Array(tokenizer.decode(entry.tiny).utf8))
        }
    }

    @Test func `a stream of bytes that are not UTF-8 gives what decoding them at once gives`() throws {
        let tokenizer = try BytePairTokenizer.tiny()
        var generator = SystemRandomNumberGenerator()
        // The bytes above ASCII, where every broken sequence lies, and one of ASCII.
        let single = (0..<256).map { Int32($0) }.filter { tokenizer.decode([$0]) == "\u{FFFD}" } + [0]
        for _ in 0..<2000 {
            let ids = (0..<8).compactMap { _ in single.randomElement(using: &generator) }
            var stream = tokenizer.stream()
            var text = ids.map { stream.append($0) }.joined()
            text += stream.finish()
            #expect(Array(text.utf8) == Array(tokenizer.decode(ids).utf8), "\(ids)")
        }
    }

    @Test func `special tokens can be left out of the text, and ids without a token have none`() throws {
        let tokenizer = try BytePairTokenizer.tiny()
        let ids = tokenizer.encode("<|im_start|>hi<think>") + [511, -1, Int32.max]
        #expect(tokenizer.decode(ids) == "<|im_start|>hi<think>")
        #expect(tokenizer.decode(ids, skippingSpecial: true) == "hi<think>")
    }

    @Test(arguments: [
        "a", "ab", "'", " ", " \n", " x", "\r\n", "<|im_start", "<", "\u{301}", "\u{301}\u{323}",
        "\u{1112}\u{1161}\u{11AB}",
        "\u{4F60}", "\u{1F469}\u{200D}", "0", "!", "\0",
    ])
    func `a hundred thousand characters of one kind take a moment`(unit: String) throws {
        let tokenizer = try BytePairTokenizer.tiny()
        let text = String(repeating: unit, count: 100_000 / unit.unicodeScalars.count)
        var ids: [Int32] = []
        let time = ContinuousClock().measure { ids = tokenizer.encode("a" + text) }
        #expect(tokenizer.decode(ids) == "a" + text)
        // About 0.1 s; a quadratic algorithm takes minutes.
        #expect(time < .seconds(5))
    }

    @Test func `tokenizer.json makes the same tokenizer, however it spells its merges`() throws {
        let corpus = try Corpus.load()
        for joined in [true, false] {
            let tokenizer = try BytePairTokenizer(tokenizerJSON: tinyTokenizerJSON(joinedMerges: joined))
            for entry in corpus.cases { #expect(tokenizer.encode(entry.text) == entry.tiny) }
        }
    }
}

/// The tiny tokenizer's three files as one `tokenizer.json`.
private func tinyTokenizerJSON(joinedMerges: Bool) throws -> Data {
    func json(_ name: String) throws -> [String: Any] {
        let data = try Data(contentsOf: Place.tiny.appending(path: name))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }
    let config = try json("tokenizer_config.json")
    let decoder = try #require(config["added_tokens_decoder"] as? [String: [String: Any]])
    let added = decoder.map { id, token in token.merging(["id": Int(id) ?? -1]) { $1 } }
    let text = try String(contentsOf: Place.tiny.appending(path: "merges.txt"), encoding: .utf8)
    let merges = text.split(separator: "\n").dropFirst().map(String.init)
    let model: [String: Any] = [
        "type": "BPE", "vocab": try json("vocab.json"),
        "merges": joinedMerges ? merges as Any : merges.map { $0.split(separator: " ").map(String.init) },
    ]
    return try JSONSerialization.data(withJSONObject: ["model": model, "added_tokens": added])
}
