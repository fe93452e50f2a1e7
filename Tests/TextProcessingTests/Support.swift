import Foundation
import TextProcessing

/// The texts and ids that `scripts/tokenizer_reference.py` wrote.
struct Corpus: Decodable {
    struct Case: Decodable {
        let text: String
        let tiny: [Int32]
        let full: [Int32]
    }
    struct Token: Decodable {
        let content: String
        let id: Int32
        let special: Bool
    }

    let addedTokens: [Token]
    let cases: [Case]
}

/// Where things are in the repository.
enum Place {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let corpus = root.appending(path: "Tests/Fixtures/tokenizer/corpus.json")
    static let tiny = root.appending(path: "Tests/Fixtures/qwen3-tts/tiny-base")
    static let vocabulary = root.appending(path: ".deps/qwen-vocabulary")

    static var hasVocabulary: Bool {
        FileManager.default.fileExists(atPath: vocabulary.appending(path: "vocab.json").path)
    }
}

extension Corpus {
    static func load(_ file: URL = Place.corpus) throws -> Corpus {
        try JSONDecoder().decode(Corpus.self, from: Data(contentsOf: file))
    }
}

extension BytePairTokenizer {
    /// The tokenizer of the tiny checkpoints.
    static func tiny() throws -> BytePairTokenizer {
        try BytePairTokenizer { try Data(contentsOf: Place.tiny.appending(path: $0)) }
    }

    /// The real tokenizer of Qwen3-TTS.
    static func full(_ corpus: Corpus) throws -> BytePairTokenizer {
        try BytePairTokenizer(
            vocabulary: Data(contentsOf: Place.vocabulary.appending(path: "vocab.json")),
            merges: Data(contentsOf: Place.vocabulary.appending(path: "merges.txt")),
            addedTokens: corpus.addedTokens.map {
                AddedToken(content: $0.content, id: $0.id, isSpecial: $0.special)
            })
    }
}
