/// Something to say: the text and every choice about how.
public struct Utterance: Sendable, ExpressibleByStringLiteral {
    /// What is said.
    public var text: String
    /// Who says it.
    public var voice: Voice
    /// The language's name as the model spells it (`english`), or `auto`.
    public var language: Language
    /// How it is said.
    public var delivery: Delivery
    /// Who says it in a dialogue, by a name of the caller's; nil leaves it to the voice, so that utterances in one
    /// voice are one speaker's.
    public var speaker: String?

    /// An utterance; what is not given is left to the model.
    public init(
        _ text: String, voice: Voice = .standard, language: Language = .auto, delivery: Delivery = .plain,
        speaker: String? = nil
    ) {
        self.text = text
        self.voice = voice
        self.language = language
        self.delivery = delivery
        self.speaker = speaker
    }

    /// An utterance with every choice left to the model.
    public init(stringLiteral text: String) { self.init(text) }
}

/// A language by name. Which names a model knows is on its card; an unknown one is an error, never a default.
public struct Language: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// Lower-case name.
    public let name: String

    /// A language by its name in any case.
    public init(_ name: String) { self.name = name.lowercased() }

    /// A language by its name in any case.
    public init(stringLiteral name: String) { self.init(name) }

    /// Let the model tell from the text.
    public static let auto = Language("auto")
    /// English.
    public static let english = Language("english")
    /// Mandarin Chinese.
    public static let chinese = Language("chinese")

    /// The name.
    public var description: String { name }
}

/// Who speaks.
public enum Voice: Sendable {
    /// The model's own choice: its first preset, or no speaker where the model knows none.
    case standard
    /// A speaker that came with the checkpoint.
    case preset(String)
    /// A speaker heard in a recording.
    case cloned(Recording)
    /// A speaker described in words (voice-design models).
    case described(String)
    /// A voice made earlier by `clone`, with what the model computed from it.
    case prepared(VoiceProfile)
}

/// A recording of a speaker.
public struct Recording: Sendable {
    /// What was recorded.
    public var audio: AudioBuffer
    /// What is said in it. With a transcript a model that can clones in context; without, by speaker vector alone.
    public var transcript: String?

    /// A recording and, where known, its words.
    public init(_ audio: AudioBuffer, transcript: String? = nil) {
        self.audio = audio
        self.transcript = transcript
    }
}

/// What a model made of a recording, once, so that speaking need not do it again.
public struct VoiceProfile: Sendable, Equatable {
    /// The name in the voice library.
    public var name: String
    /// Which kind of model computed it (`qwen3_tts`, talker width): another kind refuses it.
    public var family: String
    /// The speaker vector.
    public var speakerVector: [Float]
    /// The recording's codes, frame by frame, or empty when cloned by vector alone.
    public var codes: [[Int32]]
    /// What the recording says; nil when cloned by vector alone.
    public var transcript: String?
    /// The file with what a model had computed when it had heard the voice, for models that speak in such presets;
    /// nil for a voice that was cloned.
    public var presetFile: String?

    /// A profile from its parts.
    public init(
        name: String, family: String, speakerVector: [Float], codes: [[Int32]] = [],
        transcript: String? = nil,
        presetFile: String? = nil
    ) {
        self.name = name
        self.family = family
        self.speakerVector = speakerVector
        self.codes = codes
        self.transcript = transcript
        self.presetFile = presetFile
    }
}

/// How it is said.
public enum Delivery: Sendable, Equatable {
    /// As the model likes.
    case plain
    /// As told, in words: "slowly, in a warm voice".
    case instructed(String)
}
