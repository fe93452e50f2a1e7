import NeuralLayers
import SpeechCore
import TensorGraph

/// A dialogue being spoken: what a request is *doing*. Used from the engine's thread only.
///
/// A session has two slots of the batch's cache: all that was read and said, and, without the text, what was said
/// since speech last began. Each row goes into both. The second keeps it only where a frame follows, as in the
/// authors' code, which reads it no sooner; a row not kept is overwritten by the next.
final class LongSession {
    /// How a session speaks, every choice made.
    struct Rules: Sendable {
        let steps: Int
        let guidance: Float
        /// Most tokens chosen, frames among them.
        let maximumTokens: Int
        /// Frames that come before any other choice.
        var minimumFrames = 0
        /// Tokens that come before any choice, as a golden run has them.
        var told: [Int32] = []
    }

    /// What a step made.
    struct Frame {
        let latent, samples, semantic: [Float]
    }

    /// The session's own ears and voice, which one session has after the other: laying them out costs more than a
    /// reset.
    struct Streams {
        let decoder: DecoderStream
        let listener: EncoderStream

        init(_ model: LongModel, on device: Device) {
            decoder = DecoderStream(model.decoder, on: device)
            listener = EncoderStream(model.semantic, on: device)
        }

        /// Forgets what was said and heard.
        func reset() {
            decoder.reset()
            listener.reset()
        }
    }

    let rules: Rules
    let streams: Streams
    let slot: Int
    var noise: NoiseSource
    /// Rows `[count, width]` of the prompt, those of the voices in their places.
    let prompt: [Float]
    let promptRows: Int
    /// Rows read of the prompt and since, and rows that the slot without text keeps.
    var rows = 0, negativeRows = 0
    var hidden: [Float] = [], negativeHidden: [Float] = []
    var tokens: [Int32] = []
    var frames = 0
    var ending: AudioChunk.Ending?
    /// The frame that this step chose, and the row that stands after it.
    var frame: Frame?
    var next: [Float] = []

    init(
        prompt: [Float], width: Int, _ rules: Rules, _ noise: NoiseSource, _ streams: Streams, slot: Int
    ) {
        (self.prompt, self.rules, self.noise, self.streams) = (prompt, rules, noise, streams)
        self.slot = slot
        promptRows = prompt.count / width
        streams.reset()
    }

    /// The rows of the cache with the text, and without.
    var positiveSlot: Int { 2 * slot }
    var negativeSlot: Int { 2 * slot + 1 }

    var isReading: Bool { rows < promptRows }

    /// Rows that a slot must have room for.
    var capacity: Int { promptRows + rules.maximumTokens }

    /// The stretch of speech that goes on, from 1: the model ends one and begins the next between turns.
    private(set) var turn = 1

    /// Speech ends or begins: the one forgets what was heard, the other what was said without text.
    func turnOver(begins: Bool) {
        guard begins else { return streams.reset() }
        negativeRows = 0
        turn += 1
    }
}
