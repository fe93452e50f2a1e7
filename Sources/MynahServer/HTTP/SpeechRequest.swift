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
    var options: Options

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
                "'input' has \(input.unicodeScalars.count) characters; at most \(limits.textCharacters) are taken. "
                    + "Send the text in parts, or raise limits.text_characters.",
                code: "string_above_max_length")
        }
        self.input = input
        model = try fields.text("model")
        voice = try Self.voice(fields["voice"])
        instructions = try fields.text("instructions").flatMap { $0.isEmpty ? nil : $0 }
        if let instructions, instructions.unicodeScalars.count > limits.textCharacters {
            throw APIError.invalid(
                "instructions", "'instructions' may have \(limits.textCharacters) characters.")
        }
        format = try fields.choice("response_format", SoundFormat.self) ?? .mp3
        speed = try fields.number("speed", 0.25...4) ?? 1
        streamFormat = try fields.choice("stream_format", StreamFormat.self) ?? .audio
        streams = try fields.truth("stream") ?? true
        language = try fields.text("language").flatMap { $0.isEmpty ? nil : $0 }
        reference = try fields.text("ref_audio")
        referenceText = try fields.text("ref_text").flatMap { $0.isEmpty ? nil : $0 }
        if referenceText != nil, reference == nil {
            throw APIError.invalid("ref_text", "'ref_text' is what 'ref_audio' says; send both.")
        }
        if try fields.truth("x_vector_only_mode") == true { referenceText = nil }
        options = try Self.options(fields)
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
    private static func voice(_ value: JSONValue?) throws -> String? {
        switch value {
        case nil: return nil
        case .text(let name): return name.isEmpty ? nil : name
        case .object(let object):
            guard object.count == 1, case .text(let id) = object["id"] else {
                throw APIError.wrongKind(
                    "voice", expected: "a string or {\"id\": …}", found: "another object")
            }
            return id
        case .some(let other):
            throw APIError.wrongKind("voice", expected: "a string or {\"id\": …}", found: other.kind)
        }
    }
}

extension SpeechRequest {
    /// Every field there is, as the description and the documentation show them.
    static let fields: [Field] = [
        Field("input", ["type": "string", "minLength": 1], "What is said."),
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
            ["enum": .array(SoundFormat.allCases.map { .text($0.rawValue) } + [.null])], "mp3 when left out."),
        Field(
            "speed", ["type": ["number", "null"], "minimum": 0.25, "maximum": 4],
            "How fast, at the same pitch."),
        Field(
            "stream_format", ["enum": ["audio", "sse", .null]],
            "Sound as it is, or events that carry it in base64."),
        Field(
            "stream", ["type": ["boolean", "null"]],
            "False: the whole sound in one piece, its length in its header. Otherwise it leaves as it is made."
        ),
        Field(
            "language", aliases: ["lang_code", "source_lang"], ["type": ["string", "null"]],
            "A name or code; told from the text when left out."),
        Field("seed", ["type": ["integer", "null"], "minimum": 0], "Same seed, same request, same sound."),
        Field(
            "ref_audio", aliases: ["voice_ref", "reference_audio"], ["type": ["string", "null"]],
            "A recording of the voice to speak in, as a data URL."),
        Field(
            "ref_text", aliases: ["reference_text"], ["type": ["string", "null"]], "What the recording says."),
        Field(
            "x_vector_only_mode", ["type": ["boolean", "null"]],
            "Take the voice alone from the recording, not its manner."),
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
