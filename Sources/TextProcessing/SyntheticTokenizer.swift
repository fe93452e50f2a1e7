/// The text tokenizer of a synthetic checkpoint: bytes, the template's `assistant`, and unreachable tokens up to the
/// released vocabulary's size, with as many merges, so that reading it costs what reading the real one costs.
package struct SyntheticTokenizer {
    private let tokens: [String]
    private let pairs: [(String, String)]

    /// - Parameters:
    ///   - count: tokens before the added ones.
    ///   - assistant: the id of the word `assistant`, which prompts count on being one token.
    package init(tokens count: Int, assistant: Int) {
        let bytes = Self.bytes
        let word = "assistant"
        var pairs: [(String, String)] = []
        var prefix = String(word.prefix(1))
        for letter in word.dropFirst() {
            pairs.append((prefix, String(letter)))
            prefix.append(letter)
        }
        var tokens = bytes + pairs.dropLast().map { $0.0 + $0.1 }
        // No merge makes a tilde's pair, so nothing that begins with one is ever reached.
        let atoms = (0..<400).map { "~~" + String($0, radix: 32) + "." }.prefix(
            max(0, count - tokens.count - 1))
        tokens += atoms
        fill: for left in atoms {
            for right in atoms {
                guard tokens.count < count - 1 else { break fill }
                pairs.append((left, right))
                tokens.append(left + right)
            }
        }
        tokens.insert(word, at: assistant)
        self.tokens = tokens
        self.pairs = pairs
    }

    /// `vocab.json`.
    package var vocabulary: String {
        "{" + tokens.enumerated().map { "\(Self.quoted($1)):\($0)" }.joined(separator: ",") + "}"
    }

    /// `merges.txt`.
    package var merges: String { "#version: 0.2\n" + pairs.map { "\($0) \($1)\n" }.joined() }

    /// `tokenizer_config.json`, with the added tokens right after the others.
    package var configuration: String {
        let added = Self.added.enumerated().map { index, token in
            """
            "\(tokens.count + index)": {"content": "\(token)", "lstrip": false, "normalized": false, \
            "rstrip": false, "single_word": false, "special": \(!Self.ordinary.contains(index))}
            """
        }
        return """
            {
            "add_bos_token": false, "add_prefix_space": false, "bos_token": null, "unk_token": null,
            "added_tokens_decoder": {\(added.joined(separator: ",\n"))},
            "clean_up_tokenization_spaces": false, "eos_token": "<|im_end|>", "errors": "replace",
            "model_max_length": 131072, "pad_token": "<|endoftext|>", "split_special_tokens": false,
            "tokenizer_class": "Qwen2Tokenizer"
            }

            """
    }

    /// The added tokens, in the order of their ids.
    private static let added = [
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
        "<|box_start|>",
        "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>",
        "<|vision_pad|>",
        "<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>",
        "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>",
        "</tool_response>",
        "<think>", "</think>", "<|audio_start|>", "<|audio_end|>", "<tts_pad>", "<tts_text_bos>",
        "<tts_text_eod>",
        "<tts_text_bos_single>", "<|audio_pad|>",
    ]
    /// Those that are text like any other.
    private static let ordinary = 14..<26

    /// One character a byte, in the order of their code points: bytes that print stand for themselves, the others
    /// for the code points from U+0100 on.
    private static let bytes: [String] = {
        let printing = Array(33...126) + Array(161...172) + Array(174...255)
        let others = 0x100..<0x100 + 256 - printing.count
        return (printing + others).compactMap(Unicode.Scalar.init).map(String.init)
    }()

    private static func quoted(_ token: String) -> String {
        token == "\"" || token == "\\" ? "\"\\\(token)\"" : "\"\(token)\""
    }
}
