import Mynah
import SpeechCore

/// The body of `POST /v1/audio/speech`, every field of the kind it must be; names are not looked up yet.
struct SpeechRequest: Sendable {
    enum StreamFormat: String, CaseIterable { case audio, sse }

    var input: String
    var model: String?
    var voice: String?
    var instructions: String?
    var format: SoundFormat
    var speed: Double
    var streamFormat: StreamFormat
    /// Whether sound leaves as it is made, and not in one piece with its length known.
    var streams: Bool
    var language: String?
    var reference: String?
    var referenceText: String?
    /// Whether only the voice is taken from the reference, and not how it speaks.
    var takesVoiceAlone: Bool
    /// Who is who, where the input is the script of a dialogue.
    var speakers: [String: Speaker]?
    var options: Options

    /// Whose voice a speaker of a dialogue has.
    enum Speaker: Sendable, Equatable {
        case named(String)
        case recorded(String, text: String?)
    }

    /// Choices about generation.
    struct Options: Sendable {
        var seed: Int?
        var temperature: Double?
        var topK: Int?
        var topP: Double?
        var guidance: Double?
        var steps: Int?
        var repetitionPenalty: Double?
        var maximumTokens: Int?
    }

    /// - Throws: `APIError` that names the field at fault.
    init(_ object: [String: JSONValue], limits: Settings.Limits) throws {
        let fields = try FieldReader(object, Self.fields)
        guard let input = try fields.text("input") else { throw APIError.missing("input") }
        guard input.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw APIError.invalid("input", "'input' holds nothing to say.")
        }
        guard input.unicodeScalars.count <= limits.textCharacters else {
            throw APIError.invalid(
                "input",
                "'input' has \(input.unicodeScalars.count) characters; "
                    + "at most \(limits.textCharacters) are taken. "
                    + "Send the text in parts, or raise limits.text_characters.",
                code: "string_above_max_length")
        }
        self.input = input
        model = try fields.text("model")
        voice = try Self.voice(fields.value("voice"))
        instructions = try fields.words("instructions")
        if let instructions, instructions.unicodeScalars.count > limits.textCharacters {
            throw APIError.invalid(
                "instructions", "'instructions' may have \(limits.textCharacters) characters.")
        }
        format = try fields.choice("response_format", SoundFormat.self) ?? .mp3
        speed = try fields.number("speed", 0.25...4) ?? 1
        streamFormat = try fields.choice("stream_format", StreamFormat.self) ?? .audio
        streams = try fields.truth("stream") ?? true
        language = try fields.words("language")
        reference = try fields.text("ref_audio")
        referenceText = try fields.words("ref_text")
        if referenceText != nil, reference == nil {
            throw APIError.invalid("ref_text", "'ref_text' is what 'ref_audio' says; send both.")
        }
        takesVoiceAlone = try fields.truth("x_vector_only_mode") ?? false
        if takesVoiceAlone, reference == nil {
            throw APIError.invalid(
                "x_vector_only_mode", "'x_vector_only_mode' is how 'ref_audio' is taken; send both.")
        }
        if takesVoiceAlone { referenceText = nil }
        speakers = try Self.speakers(fields.value("speakers"))
        if speakers != nil, reference != nil {
            throw APIError.invalid(
                "ref_audio",
                "'ref_audio' is one speaker's; in a dialogue it stands beside a name in 'speakers'.")
        }
        options = try Self.options(fields)
    }

    /// - Throws: `APIError` that names a choice which this model does not have.
    func check(against model: String, _ card: ModelCard) throws {
        let foreign: [(field: String, isGiven: Bool)] =
            switch card.generation {
            case .sampling: [("cfg_scale", options.guidance != nil), ("steps", options.steps != nil)]
            case .diffusion:
                [
                    ("temperature", options.temperature != nil), ("top_k", options.topK != nil),
                    ("top_p", options.topP != nil),
                    ("repetition_penalty", options.repetitionPenalty != nil),
                    ("x_vector_only_mode", takesVoiceAlone),
                ]
            }
        guard let field = foreign.first(where: \.isGiven)?.field else { return }
        throw APIError.cannotHonour(
            field, "The model '\(model)' has no use for '\(field)'. Leave it out, or name another model.")
    }

    /// Bytes of the recordings in a request, as they are written.
    static func recordingBytes(in object: [String: JSONValue]) -> Int {
        let speakers =
            if case .object(let entries) = object["speakers"] { Array(entries.values) } else { [JSONValue]() }
        let recordings =
            ["ref_audio", "voice_ref", "reference_audio"].map { object[$0] }
            + speakers.map { $0[key: "ref_audio"] }
        return recordings.reduce(0) { $0 + ($1?.text?.utf8.count ?? 0) }
    }

    private static func options(_ fields: FieldReader) throws -> Options {
        Options(
            seed: try fields.whole("seed", 0...Int.max),
            temperature: try fields.number("temperature", 0.01...10),
            topK: try fields.whole("top_k", 0...1_000_000),
            topP: try fields.number("top_p", 0.001...1),
            guidance: try fields.number("cfg_scale", 0...20),
            steps: try fields.whole("steps", 1...1_000),
            repetitionPenalty: try fields.number("repetition_penalty", 0.1...10),
            maximumTokens: try fields.whole("max_new_tokens", 1...1_000_000))
    }

    /// A name, or an object that holds an id.
    private static func voice(_ value: JSONValue?, param: String = "voice") throws -> String? {
        switch value {
        case nil: return nil
        case .text(let name): return name.isEmpty ? nil : name
        case .object(let object):
            guard object.count == 1, case .text(let id) = object["id"] else {
                throw APIError.wrongKind(
                    param, expected: "a string or {\"id\": …}", found: "another object")
            }
            return id.isEmpty ? nil : id
        case .some(let other):
            throw APIError.wrongKind(param, expected: "a string or {\"id\": …}", found: other.kind)
        }
    }
}

extension SpeechRequest {
    // A dialogue's speakers.

    private static func speakers(_ value: JSONValue?) throws -> [String: Speaker]? {
        guard let value else { return nil }
        guard case .object(let entries) = value else {
            throw APIError.wrongKind("speakers", expected: "an object of voices by name", found: value.kind)
        }
        return try Dictionary(uniqueKeysWithValues: entries.map { ($0, try speaker($0, $1)) })
    }

    private static func speaker(_ name: String, _ value: JSONValue) throws -> Speaker {
        if case .object(let object) = value, object["id"] == nil {
            let fields = try FieldReader(object, speakerFields)
            if let audio = try fields.words("ref_audio") {
                return .recorded(audio, text: try fields.words("ref_text"))
            }
        } else if let voice = try voice(value, param: "speakers") {
            return .named(voice)
        }
        throw APIError.invalid(
            "speakers",
            "'\(name.bounded)' in 'speakers' has no voice: give a name, {\"id\": …} or {\"ref_audio\": …}.")
    }

    private static let speakerFields = [
        Field(
            "ref_audio", ["type": "string", "pattern": recordingPattern],
            "A recording of the voice, as a data URL."),
        Field("ref_text", ["type": ["string", "null"]], "What the recording says."),
    ]

    private static let speakerSchema: JSONValue = [
        "anyOf": [
            ["type": "string", "minLength": 1],
            [
                "type": "object", "properties": ["id": ["type": "string", "minLength": 1]],
                "required": ["id"], "additionalProperties": false,
            ],
            [
                "type": "object",
                "properties": .object(
                    Dictionary(uniqueKeysWithValues: speakerFields.map { ($0.name, $0.schema) })),
                "required": ["ref_audio"], "additionalProperties": false,
            ],
        ]
    ]

    /// A recording in base64.
    private static let recordingPattern: JSONValue = "^data:[^,]{0,180};base64,[A-Za-z0-9+/]+={0,2}$"

    /// The fields as the description shows them.
    static func fields(_ limits: Settings.Limits) -> [Field] {
        fields.map { field in
            ["input", "instructions"].contains(field.name) ? field.upTo(limits.textCharacters) : field
        }
    }

    /// Every field there is.
    static let fields: [Field] = [
        Field("input", ["type": "string", "pattern": Schema.somePattern], "What is said."),
        Field(
            "model", ["type": ["string", "null"]],
            "A model that `/v1/models` lists, or one of OpenAI's names for the default."),
        Field(
            "voice",
            [
                "anyOf": [
                    ["type": "string"],
                    [
                        "type": "object", "properties": ["id": ["type": "string"]], "required": ["id"],
                        "additionalProperties": false,
                    ],
                    ["type": "null"],
                ]
            ], "A voice that `/v1/audio/voices` lists, or one of OpenAI's names."),
        Field(
            "instructions", ["type": ["string", "null"]],
            "How it is said, in words; a voice-design model takes it for the voice."),
        Field(
            "response_format",
            ["enum": .array(SoundFormat.allCases.map { .text($0.rawValue) } + [.null])],
            "mp3 when left out."),
        Field(
            "speed", ["type": ["number", "null"], "minimum": 0.25, "maximum": 4],
            "How fast, at the same pitch."),
        Field(
            "stream_format", ["enum": ["audio", "sse", .null]],
            "Sound as it is, or events that carry it in base64."),
        Field(
            "stream", ["type": ["boolean", "null"]],
            "False: the whole sound in one piece, its length in its header. "
                + "Otherwise it leaves as it is made."
        ),
        Field(
            "language", aliases: ["lang_code", "source_lang"], ["type": ["string", "null"]],
            "A name or code; told from the text when left out."),
        Field(
            "seed", ["type": ["integer", "null"], "minimum": 0, "maximum": .whole(.max)],
            "Same seed, same request, same sound."),
        Field(
            "ref_audio", aliases: ["voice_ref", "reference_audio"],
            ["type": ["string", "null"], "pattern": recordingPattern],
            "A recording of the voice to speak in, as a data URL."),
        Field(
            "ref_text", aliases: ["reference_text"], ["type": ["string", "null"]],
            "What the recording says."),
        Field(
            "speakers", ["type": ["object", "null"], "additionalProperties": speakerSchema],
            "Voices by speaker: the input is then the script of a dialogue. "
                + "None at all leaves them to the model."),
        Field(
            "x_vector_only_mode", ["type": ["boolean", "null"]],
            "Take the voice alone from `ref_audio`, not its manner."),
        Field(
            "temperature", ["type": ["number", "null"], "minimum": 0.01, "maximum": 10],
            "Liveliness of the delivery."),
        Field(
            "top_k", ["type": ["integer", "null"], "minimum": 0, "maximum": 1_000_000],
            "Draw among so many of the likeliest; 0 is all."),
        Field(
            "top_p", ["type": ["number", "null"], "minimum": 0.001, "maximum": 1],
            "Draw among the likeliest of this share."),
        Field(
            "repetition_penalty", ["type": ["number", "null"], "minimum": 0.1, "maximum": 10],
            "Above 1, what was drawn becomes less likely."),
        Field(
            "max_new_tokens", ["type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000],
            "Most frames for one piece of text."),
        Field(
            "cfg_scale", aliases: ["guidance", "guidance_scale"],
            ["type": ["number", "null"], "minimum": 0, "maximum": 20], "Guidance of a diffusion model."),
        Field(
            "steps", aliases: ["diffusion_steps", "inference_steps"],
            ["type": ["integer", "null"], "minimum": 1, "maximum": 1_000], "Steps of a diffusion model."),
    ]
}
