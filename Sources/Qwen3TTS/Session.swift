import NeuralLayers
import SpeechCore

/// One utterance being spoken: what a request is *doing*. Used from the engine's thread only.
final class Session {
    /// Rows still to be given to the talker before it speaks, from the prompt; emptied by the prefill.
    let prompt: Prompt
    let conditioning: Conditioning
    let rules: Rules
    /// Row of the batch's cache that is this session's.
    let slot: Int
    /// Rows in the cache so far.
    var position = 0
    /// First codes drawn so far, the end token included.
    var history: [Int32] = []
    var frameCount = 0
    var sampler: Sampler
    /// Hidden state and scores of the last row, from which the next frame is drawn.
    var hidden: [Float] = []
    var scores: [Float] = []
    /// Projected rows of the text still to come, one a frame.
    var trailing: [Float] = []
    var ending: AudioChunk.Ending?
    /// The frame just drawn; its embedding is the talker's next row.
    var lastFrame: CodeFrame?

    /// How this session draws, every choice made.
    struct Rules: Sendable {
        var first: Sampler.Rules
        var others: Sampler.Rules
        var maximumTokens: Int
        var seed: UInt64
    }

    init(_ prompt: Prompt, _ conditioning: Conditioning, _ rules: Rules, slot: Int) {
        self.prompt = prompt
        self.conditioning = conditioning
        self.rules = rules
        self.slot = slot
        sampler = Sampler(seed: rules.seed)
    }

    /// Draws the first code of the next frame; nil when the utterance is over.
    func drawFirst(endToken: Int32) -> Int32? {
        let token = Int32(scores.withUnsafeBufferPointer { sampler.draw($0, rules.first, history: history) })
        history.append(token)
        if token == endToken {
            ending = .natural
        } else if history.count >= rules.maximumTokens {
            // The last token drawn is never expanded, as upstream.
            ending = .limit
        }
        return ending == nil ? token : nil
    }
}
