import TextProcessing

/// A dialogue as the language model reads it.
struct LongPrompt: Equatable {
    let ids: [Int32]
    /// Where in the ids the rows of the voices' frames stand, voice by voice.
    let voicePlaces: [Int]
    /// Ids of the turns alone.
    let textCount: Int
}

/// Prompts in the words that the model was trained on.
struct LongPromptBuilder: Sendable {
    private let tokenizer: BytePairTokenizer
    /// Speech begins, ends, goes on by a frame; all is said.
    let start: Int32, end: Int32, frame: Int32, endOfText: Int32

    init(_ tokenizer: BytePairTokenizer, vocabulary: Int) throws(ASRPromptError) {
        func id(_ token: String) throws(ASRPromptError) -> Int32 {
            guard let id = tokenizer[token: token] else { throw .missingToken(token) }
            return id
        }
        guard tokenizer.idLimit <= vocabulary else {
            throw .tokenBeyondVocabulary("", id: Int32(tokenizer.idLimit - 1), vocabulary: vocabulary)
        }
        self.tokenizer = tokenizer
        start = try id("<|vision_start|>")
        end = try id("<|vision_end|>")
        frame = try id("<|vision_pad|>")
        endOfText = try id("<|endoftext|>")
    }

    /// - Parameter voices: each speaker's frames, in the speakers' order; none leaves the voices to the model.
    func prompt(
        _ turns: [DialogueScript.Turn], voices: [(speaker: Int, frames: Int)]
    ) throws -> LongPrompt {
        var ids = tokenizer.encode(
            " Transform the text provided by various speakers into speech output, "
                + "utilizing the distinct voice of each respective speaker.\n")
        var places: [Int] = []
        if !voices.isEmpty { ids += tokenizer.encode(" Voice input:\n") }
        for (speaker, frames) in voices {
            ids += tokenizer.encode(" Speaker \(speaker):") + [start]
            places += ids.count..<ids.count + frames
            ids += [Int32](repeating: frame, count: frames) + [end] + tokenizer.encode("\n")
        }
        ids += tokenizer.encode(" Text input:\n")
        let before = ids.count
        for (index, turn) in turns.enumerated() {
            let text = turn.text.replacing("\u{2019}", with: "'")
            try tokenizer.checkPlain(text, turns.count == 1 ? "The text" : "Turn \(index + 1) of the script")
            ids += tokenizer.encode(" Speaker \(turn.speaker): \(text)\n")
        }
        let textCount = ids.count - before
        ids += tokenizer.encode(" Speech output:\n") + [start]
        return LongPrompt(ids: ids, voicePlaces: places, textCount: textCount)
    }
}
