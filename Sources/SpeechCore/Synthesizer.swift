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

    package init(
        family: String, variant: String, size: String, sampleRate: Int, languages: [String],
        speakers: [String],
        clones: Bool, designs: Bool, takesInstructions: Bool
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
    }
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

/// Seconds spent and work done in each stage.
public struct StageTimings: Sendable, Codable, Equatable {
    /// Seconds in prompts, and rows of them.
    public var prefillSeconds = 0.0, prefillRows = 0
    /// Seconds in the talker and in the predictor, and frames each made.
    public var talkerSeconds = 0.0, predictorSeconds = 0.0, frames = 0
    /// Seconds in the codec's decoder, and frames it decoded.
    public var codecSeconds = 0.0, codecFrames = 0
    /// Prompt rows taken from a stored prefix.
    public var reusedRows = 0

    package init() {}
}
