import NeuralLayers
import SpeechCore

/// One utterance being spoken: what a request is *doing*. Used from the engine's thread only.
final class Session {
    private(set) var ids: [Int32]
    /// Whether `ids` is all there will be.
    private(set) var isWhole: Bool
    private(set) var rules: Rules
    /// The session's row of the lower cache; the upper one has two for each.
    let slot: Int
    /// Tokens read so far.
    var readCount = 0
    /// Frames spoken since the last window of text.
    var frameInWindow = 0
    /// Rows in the lower cache, and in the upper one with text and without.
    var lowerRows: Int, upperRows: Int, negativeRows: Int
    /// Hidden states of the last rows, which condition the next frame.
    var hidden: [Float], negativeHidden: [Float]
    var noise: NoiseSource
    /// The frame just spoken, in the head's domain.
    var latent: [Float] = []
    /// The stop classifier's last word.
    var stopLogit: Float = -.infinity
    var frames = 0
    var ending: AudioChunk.Ending?

    /// How this session speaks, every choice made.
    struct Rules: Sendable {
        let steps: Int
        let guidance: Float
        /// Most rows of the upper cache, the preset's among them.
        let rowLimit: Int
    }

    init(
        _ ids: [Int32], isWhole: Bool, _ preset: VoicePreset, _ rules: Rules, _ noise: NoiseSource, slot: Int
    ) {
        (self.ids, self.isWhole, self.rules, self.noise, self.slot) = (ids, isWhole, rules, noise, slot)
        (lowerRows, upperRows, negativeRows) = (preset.text.rows, preset.speech.rows, preset.negative.rows)
        (hidden, negativeHidden) = (preset.speech.hidden, preset.negative.hidden)
    }

    /// The rows of the upper cache that hold text and speech, and those that hold speech alone.
    var positiveSlot: Int { 2 * slot }
    var negativeSlot: Int { 2 * slot + 1 }

    /// Says what is known of the text by now.
    func read(_ ids: [Int32], isWhole: Bool, _ rules: Rules) {
        (self.ids, self.isWhole, self.rules) = (ids, isWhole, rules)
    }

    /// Whether the next window of text has not come yet. One with fewer tokens than it takes would be another.
    var isWaiting: Bool {
        frameInWindow == 0 && !isWhole && ids.count - readCount < PromptBuilder.textWindow && ending == nil
    }

    /// The tokens to read before the next frame; empty within a window, and when all are read.
    var nextWindow: ArraySlice<Int32> {
        frameInWindow == 0 ? ids[readCount...].prefix(PromptBuilder.textWindow) : []
    }
}

/// Where a frame's first noise comes from.
enum NoiseSource: Sendable {
    case seeded(GaussianSource)
    /// Values kept from a run of the authors' code, one after the other; zeros after the last.
    case recorded(ArraySlice<Float>)

    mutating func next(_ count: Int) -> [Float] {
        switch self {
        case .seeded(var source):
            let values = source.next(count)
            self = .seeded(source)
            return values
        case .recorded(let values):
            self = .recorded(values.dropFirst(count))
            let taken = Array(values.prefix(count))
            return taken + [Float](repeating: 0, count: count - taken.count)
        }
    }
}
