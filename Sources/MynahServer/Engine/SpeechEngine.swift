package import SpeechCore

/// What a server asks of models, and what answers: those of this machine, each in a process of its own
/// (`ModelPool`), or in tests a fake.
package protocol SpeechEngine: Sendable {
    /// Every model that may be asked for, in the order in which one is chosen when none is named.
    func models() async -> [EngineModel]

    /// What a model can do, read from its configuration; it need not be loaded.
    ///
    /// - Throws: `EngineError`.
    func card(of model: String) async throws -> EngineCard

    /// Speaks. Returns when the request has a place in the model's queue; sound follows as it is made. Letting go of
    /// the stream stops the work within one frame.
    ///
    /// - Throws: `EngineError`; so does the stream.
    func speak(_ order: SpeechOrder) async throws -> AsyncThrowingStream<AudioChunk, any Error>

    /// Writes down a recording. As `speak`.
    func transcribe(_ order: TranscriptionOrder) async throws
        -> AsyncThrowingStream<TranscriptionEvent, any Error>

    /// What a model needs of a recording to speak in its voice.
    ///
    /// - Throws: `EngineError`.
    func clone(_ recording: Recording, name: String, model: String) async throws -> VoiceProfile
}

/// A request to speak, every name in it looked up.
package struct SpeechOrder: Sendable {
    /// A name that `models` lists.
    package var model: String
    /// What is said, in order; more than one are a dialogue.
    package var utterances: [Utterance]
    package var options: SynthesisOptions

    package init(model: String, utterances: [Utterance], options: SynthesisOptions) {
        (self.model, self.utterances, self.options) = (model, utterances, options)
    }
}

/// A request to write down a recording.
package struct TranscriptionOrder: Sendable {
    /// A name that `models` lists.
    package var model: String
    package var audio: AudioBuffer
    package var options: TranscriptionOptions

    package init(model: String, audio: AudioBuffer, options: TranscriptionOptions) {
        (self.model, self.audio, self.options) = (model, audio, options)
    }
}

/// What a model can do.
package enum EngineCard: Sendable, Equatable {
    case speaks(ModelCard)
    case listens(TranscriberCard)
}

/// A model as the server lists it.
package struct EngineModel: Sendable, Equatable {
    /// How it stands.
    package enum State: Sendable, Equatable {
        /// On disk; the first request loads it.
        case idle
        /// Being loaded, this share of it done (0 to 1) where that can be told.
        case loading(Double?)
        /// In memory.
        case ready
        /// Its process failed again and again; it is not tried before the time has passed (seconds).
        case resting(Double)
    }

    package var name: String
    package var listens: Bool
    package var state: State

    package init(name: String, listens: Bool, state: State) {
        (self.name, self.listens, self.state) = (name, listens, state)
    }
}

/// Why an engine could not do what it was asked.
package enum EngineError: Error, Sendable, Equatable {
    /// No model of that name; these there are.
    case unknownModel(String, known: [String])
    /// A model that listens was asked to speak, or the other way round.
    case wrongKind(String, listens: Bool)
    /// The model is being loaded; ask again after these seconds.
    case loading(String, progress: Double?, retryAfter: Int)
    /// As many requests wait as may; ask again after these seconds.
    case busy(String, retryAfter: Int)
    /// The model's process ended while it worked on this request.
    case crashed(String)
    /// This very request ended the model's process before, more than once.
    case quarantined(String)
    /// The request took longer than it may.
    case late(seconds: Int)
    /// The server is going down.
    case closing
    /// What the model says of the request.
    case speech(SpeechError)
}
