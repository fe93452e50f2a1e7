/// What a model is and can do, as `models` and the page show it.
public struct ModelCard: Sendable, Codable, Equatable {
    /// The family, as the checkpoint's `model_type` names it.
    public var family: String
    /// The variant within it: `base`, `custom_voice`, `voice_design`.
    public var variant: String
    /// Size as its authors label it.
    public var size: String
    /// Samples per second of what it makes.
    public var sampleRate: Int
    /// Languages a caller may name, `auto` among them.
    public var languages: [String]
    /// Preset speakers; empty where there are none.
    public var speakers: [String]
    /// Whether it takes a voice from a recording.
    public var clones: Bool
    /// Whether it takes a voice described in words.
    public var designs: Bool
    /// Whether it takes an instruction on how to speak.
    public var takesInstructions: Bool
    /// How it takes a text that is still being written.
    public var textIntake: TextIntake
    /// How it finds what to say, and so which choices about that it takes.
    public var generation: Generation
    /// The most speakers of a dialogue that it speaks in one go; 1 where it speaks turns one after the other.
    public var dialogueSpeakers: Int

    package init(
        family: String, variant: String, size: String, sampleRate: Int, languages: [String],
        speakers: [String],
        clones: Bool, designs: Bool, takesInstructions: Bool, textIntake: TextIntake = .whole,
        generation: Generation = .sampling, dialogueSpeakers: Int = 1
    ) {
        self.family = family
        self.variant = variant
        self.size = size
        self.sampleRate = sampleRate
        self.languages = languages
        self.speakers = speakers
        self.clones = clones
        self.designs = designs
        self.takesInstructions = takesInstructions
        self.textIntake = textIntake
        self.generation = generation
        self.dialogueSpeakers = dialogueSpeakers
    }
}

/// What voices a model has, as far as its configuration says.
package struct VoiceGifts: Sendable, Equatable {
    /// Names of its presets, in order.
    package var presets: [String]
    /// Whether it takes a voice from a recording.
    package var clones: Bool
    /// The family of the profiles that it makes of recordings, and speaks; nil where only loading it tells.
    package var profileFamily: String?

    package init(presets: [String], clones: Bool, profileFamily: String? = nil) {
        (self.presets, self.clones, self.profileFamily) = (presets, clones, profileFamily)
    }
}

/// How a model takes a text that is still being written.
public enum TextIntake: String, Sendable, Codable {
    /// A few tokens at a time: sound leaves while the text comes, and is that of the whole text.
    case streaming
    /// A sentence at a time, each spoken as a text of its own.
    case sentences
    /// Not before it is whole.
    case whole
}

/// How a model finds what to say.
public enum Generation: String, Sendable, Codable {
    /// It draws tokens: sampling and a penalty on repetition are its choices.
    case sampling
    /// A diffusion makes its frames: steps and guidance are its choices.
    case diffusion
}

/// A loaded model that speaks several requests at once, a step at a time. Used from one thread.
///
/// Requests join between steps and leave when they end or are cancelled; what one of them sounds like does not
/// depend on the others.
package protocol Synthesizer: AnyObject {
    var card: ModelCard { get }

    /// Whether another request may begin now.
    var hasRoom: Bool { get }

    /// Checks a request and takes it in. Nothing is computed before the next step.
    ///
    /// - Returns: the request's number in what `step` returns.
    /// - Throws: `SpeechError` when the model cannot honour it.
    func begin(_ utterance: Utterance, _ options: SynthesisOptions) throws -> Int

    /// As `begin` for an utterance, whose words are those of `text` as they come.
    func begin(_ utterance: Utterance, reading text: IncomingText, _ options: SynthesisOptions) throws -> Int

    /// Refuses words that it cannot read as they come.
    ///
    /// - Throws: `SpeechError`.
    func check(_ text: String) throws

    /// As `begin` for an utterance, for utterances that are the turns of one dialogue.
    func begin(dialogue: [Utterance], _ options: SynthesisOptions) throws -> Int

    /// Whether every request waits for text, so that a step would do nothing.
    var isStarved: Bool { get }

    /// Moves every request on by one frame, and returns the sound that is ready; a chunk with an ending is a
    /// request's last. Empty when there is no request.
    func step() throws -> [(request: Int, chunk: AudioChunk)]

    /// Forgets a request.
    func cancel(_ request: Int)

    /// What the model needs of a recording to speak in its voice, computed once.
    func prepare(_ recording: Recording, name: String) throws -> VoiceProfile

    /// Where time went since the model was loaded, for `bench`.
    var timings: StageTimings { get }
}

extension Synthesizer {
    package func begin(
        _ utterance: Utterance, reading text: IncomingText, _ options: SynthesisOptions
    ) throws -> Int {
        preconditionFailure("a model of this card is given text whole, not as it comes")
    }

    package func check(_ text: String) throws {}

    package func begin(dialogue: [Utterance], _ options: SynthesisOptions) throws -> Int {
        preconditionFailure("a model of this card is given a turn at a time, not a dialogue")
    }

    package var isStarved: Bool { false }
}

/// Seconds spent and work done in each stage.
public struct StageTimings: Sendable, Codable, Equatable {
    /// Seconds in prompts, and rows of them.
    public var prefillSeconds = 0.0, prefillRows = 0
    /// Seconds in the talker and in the predictor, and frames each made.
    public var talkerSeconds = 0.0, predictorSeconds = 0.0, frames = 0
    /// Seconds in the codec's decoder, and frames it decoded.
    public var codecSeconds = 0.0, codecFrames = 0
    /// Seconds in what hears the sound that goes back into the model, where there is such.
    public var listenerSeconds = 0.0
    /// Prompt rows taken from a stored prefix.
    public var reusedRows = 0

    package init() {}
}
