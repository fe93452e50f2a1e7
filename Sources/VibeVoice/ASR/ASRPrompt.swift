package import Checkpoints
import Foundation
package import SpeechCore
package import TextProcessing

/// The tokenizer of a checkpoint: its own, or Qwen2.5's beside it.
package enum ASRTokenizer {
    /// Qwen2.5's added tokens, which follow its others in this order.
    static let addedTokens =
        [
            "endoftext", "im_start", "im_end", "object_ref_start", "object_ref_end", "box_start", "box_end",
            "quad_start",
            "quad_end", "vision_start", "vision_end", "vision_pad", "image_pad", "video_pad",
        ].map { "<|\($0)|>" } + ["<tool_call>", "</tool_call>"]
        + ["fim_prefix", "fim_middle", "fim_suffix", "fim_pad", "repo_name", "file_sep"].map { "<|\($0)|>" }

    package static func load(_ files: ModelFiles) throws -> BytePairTokenizer {
        if files.has("tokenizer.json") {
            return try BytePairTokenizer(tokenizerJSON: files.data("tokenizer.json"))
        }
        guard files.has("vocab.json"), files.has("merges.txt") else { throw ASRPromptError.noTokenizer }
        if files.has("tokenizer_config.json") { return try BytePairTokenizer(files: files.data) }
        let added = addedTokens.enumerated().map { (content: $1, isSpecial: $0 < 14) }
        return try BytePairTokenizer(
            vocabulary: files.data("vocab.json"), merges: files.data("merges.txt"), followedBy: added)
    }

    /// A tokenizer of Qwen2.5's added tokens alone, for runs whose text comes as ids: they follow one another, and
    /// `config.json` says as `audio_token_id` where one of them stands. Nil where it does not say.
    static func ofControlTokens(_ files: ModelFiles, at token: String) throws -> BytePairTokenizer? {
        struct File: Decodable { var audioTokenId: Int32? }
        let file: File = try ASRConfiguration.decode(files.data("config.json"))
        guard let place = addedTokens.firstIndex(of: token), let id = file.audioTokenId, id >= 256 + place,
            id < 1 << 24
        else { return nil }
        let first = id - Int32(place)
        let control = addedTokens.prefix(14).enumerated().map { index, content in
            AddedToken(content: content, id: first + Int32(index), isSpecial: true)
        }
        return try BytePairTokenizer(bytesAnd: control)
    }
}

/// Why a request makes no prompt.
package enum ASRPromptError: Error, Equatable {
    case noTokenizer
    case missingToken(String)
    case tokenBeyondVocabulary(String, id: Int32, vocabulary: Int)
}

/// A prompt: ids, and where among them the frames' rows stand.
package struct ASRPrompt: Equatable {
    package let before: [Int32], after: [Int32]
    package let frames: Int
    /// The id that holds a frame's place in the ids.
    let placeholder: Int32

    var count: Int { before.count + frames + after.count }
    package var ids: [Int32] { before + [Int32](repeating: placeholder, count: frames) + after }
}

/// Questions to the model, in the words it was trained on.
package struct ASRPromptBuilder: Sendable {
    let tokenizer: BytePairTokenizer
    /// Ends the generation.
    let endOfText: Int32, endOfTurn: Int32
    /// Stands where a frame's row does.
    let placeholder: Int32

    package init(_ tokenizer: BytePairTokenizer, vocabulary: Int) throws(ASRPromptError) {
        func id(_ token: String) throws(ASRPromptError) -> Int32 {
            guard let id = tokenizer[token: token] else { throw .missingToken(token) }
            guard id < vocabulary else { throw .tokenBeyondVocabulary(token, id: id, vocabulary: vocabulary) }
            return id
        }
        self.tokenizer = tokenizer
        guard tokenizer.idLimit <= vocabulary else {
            throw .tokenBeyondVocabulary("", id: Int32(tokenizer.idLimit - 1), vocabulary: vocabulary)
        }
        endOfText = try id("<|endoftext|>")
        endOfTurn = try id("<|im_end|>")
        for token in ["<|im_start|>", "<|object_ref_start|>", "<|object_ref_end|>"] { _ = try id(token) }
        placeholder = try id("<|box_start|>")
    }

    /// The prompt for a recording.
    ///
    /// - Parameters:
    ///   - samples: at 24 kHz.
    ///   - frames: that the encoders made of them.
    ///   - context: names, terms or topics; blank is none.
    package func prompt(samples: Int, frames: Int, context: String) throws(SpeechError) -> ASRPrompt {
        let context = context.trimmingCharacters(in: .whitespacesAndNewlines)
        try tokenizer.checkPlain(context, "The context")
        let seconds = Self.twoDecimals(samples)
        let keys = "transcribe it with these keys: Start time, End time, Speaker ID, Content<|im_end|>\n"
        let tail =
            context.isEmpty
            ? "This is a \(seconds) seconds audio, please \(keys)"
            : "This is a \(seconds) seconds audio, with extra info: \(context)\n\nPlease \(keys)"
        let system =
            "You are a helpful assistant that transcribes audio input into text output in JSON format."
        return ASRPrompt(
            before: tokenizer.encode(
                "<|im_start|>system\n\(system)<|im_end|>\n<|im_start|>user\n<|object_ref_start|>"),
            after: tokenizer.encode("<|object_ref_end|>\n\(tail)"), frames: frames, placeholder: placeholder)
    }

    /// Seconds with two digits, the nearest to the double as C's formatting has it.
    private static func twoDecimals(_ samples: Int) -> String {
        String(format: "%.2f", Double(samples) / Double(ASRConfiguration.sampleRate))
    }
}
