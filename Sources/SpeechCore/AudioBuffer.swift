/// Mono sound held in memory.
public struct AudioBuffer: Sendable, Equatable {
    /// Samples in [-1, 1], one channel.
    public var samples: [Float]
    /// Samples per second.
    public let sampleRate: Int

    /// Wraps samples that are already mono.
    public init(samples: [Float], sampleRate: Int) {
        precondition(sampleRate > 0, "a sample rate is positive, not \(sampleRate)")
        self.samples = samples
        self.sampleRate = sampleRate
    }

    /// Length in seconds.
    public var duration: Double { Double(samples.count) / Double(sampleRate) }
}

/// A piece of speech as it leaves the model.
public struct AudioChunk: Sendable {
    /// The new sound; chunks laid end to end are the whole.
    public let audio: AudioBuffer
    /// Codec frames made so far in this request, this chunk included.
    public let frames: Int
    /// The turn of a dialogue that is being spoken, from 1; nil where there is no dialogue.
    public let turn: Int?
    /// Whether the model ended by itself, was cut by its limit, or is still going.
    public let ending: Ending?

    /// How an utterance came to its end.
    public enum Ending: String, Sendable, Codable {
        /// The model drew its end token.
        case natural
        /// The frame limit came first: the sound may break off.
        case limit
    }

    /// A chunk of `audio`, after `frames` frames.
    public init(audio: AudioBuffer, frames: Int, turn: Int? = nil, ending: Ending? = nil) {
        self.audio = audio
        self.frames = frames
        self.turn = turn
        self.ending = ending
    }
}
