import Foundation

/// The form of `POST /v1/audio/transcriptions` and `/translations`, every field of the kind it must be.
struct TranscriptionRequest: Sendable {
    enum Format: String, CaseIterable, Sendable {
        case json, text, srt, vtt
        case verbose = "verbose_json"
        case diarized = "diarized_json"
    }

    var file: Form.File
    var model: String?
    var language: String?
    /// What the recording may be about: the prompt and the words to listen for.
    var context: String
    var format: Format
    var streams: Bool
    var seed: UInt64

    /// - Throws: `APIError` that names the field at fault.
    init(_ form: Form) throws {
        file = try form.file("file")
        let fields = form.fields
        model = try fields.words("model")
        language = try Self.language(fields)
        let words = fields.list("keywords")
        context = ([try fields.text("prompt") ?? ""] + (words.isEmpty ? [] : [words.joined(separator: ", ")]))
            .filter { !$0.isEmpty }.joined(separator: "\n")
        format = try fields.choice("response_format", Format.self) ?? .json
        streams = try fields.truth("stream") ?? false
        seed = UInt64(try fields.whole("seed", 0...Int.max) ?? 0)
        try Self.refuse(fields, format: format)
        if streams, ![.json, .text, .diarized].contains(format) {
            throw APIError.cannotHonour(
                "response_format",
                "A stream is given as json, text or diarized_json, not as \(format.rawValue).")
        }
    }

    /// A hint that the models need not have: they tell the language themselves.
    private static func language(_ fields: FieldReader) throws -> String? {
        let text = try fields.words("language")
        for hint in fields.list("languages") where !LanguageHint.isKnown(hint) {
            throw APIError.unknownLanguage(hint, param: "languages")
        }
        guard let text else { return nil }
        guard LanguageHint.isKnown(text) else { throw APIError.unknownLanguage(text, param: "language") }
        return text
    }

    /// What the client may ask and no model here can do.
    private static func refuse(_ fields: FieldReader, format: Format) throws {
        guard try fields.number("temperature", 0...1) ?? 0 == 0 else {
            throw APIError.cannotHonour(
                "temperature", "Transcriptions are of the likeliest words: 'temperature' can only be 0.")
        }
        for value in fields.list("timestamp_granularities") {
            guard ["segment", "word"].contains(value) else {
                throw APIError.outOfRange(
                    "timestamp_granularities", "'\(value.bounded)'", "one of segment, word")
            }
            guard value == "segment" else {
                throw APIError.cannotHonour(
                    "timestamp_granularities",
                    "No model here knows the times of single words; ask for 'segment'.")
            }
            guard format == .verbose else {
                throw APIError.cannotHonour(
                    "timestamp_granularities",
                    "'timestamp_granularities' needs the response_format verbose_json.")
            }
        }
        for value in fields.list("include") {
            guard value == "logprobs" else {
                throw APIError.outOfRange("include", "'\(value.bounded)'", "logprobs")
            }
            throw APIError.cannotHonour(
                "include", "No model here tells how likely its words are; leave 'include' out.")
        }
        for part in chunkingParts where try fields.words(part) != nil {
            throw APIError.cannotHonour(
                part, "Recordings are heard whole, not cut at pauses: leave '\(part)' out.")
        }
        let chunking =
            try fields.text("chunking_strategy") ?? fields.text("chunking_strategy[type]") ?? ""
        guard ["", "auto"].contains(chunking) else {
            throw APIError.cannotHonour(
                "chunking_strategy", "Recordings are heard whole: 'chunking_strategy' can only be 'auto'.")
        }
        for name in ["known_speaker_names", "known_speaker_references"] where !fields.list(name).isEmpty {
            throw APIError.cannotHonour(
                name,
                "No model here knows speakers by a recording; leave '\(name)' out and name them afterwards.")
        }
    }

    /// Every field there is.
    static let fields: [Field] = [
        Field(
            "file", ["type": "string", "format": "binary"], "The recording, of any kind that libav reads."),
        Field("model", ["type": "string"], "A model that listens, or one of OpenAI's names for the default."),
        Field(
            "language", ["type": "string"],
            "A hint, as a code or an English name; the models tell the language themselves."),
        Field("languages", ["type": "array", "items": ["type": "string"]], "The same, several."),
        Field("prompt", ["type": "string"], "What the recording may be about: names, terms, topics."),
        Field("keywords", ["type": "array", "items": ["type": "string"]], "Words to listen for."),
        formats(Format.allCases),
        Field("temperature", ["type": "number", "minimum": 0, "maximum": 0], "Only 0."),
        Field(
            "timestamp_granularities", ["type": "array", "items": ["type": "string", "enum": ["segment"]]],
            "segment, with verbose_json."),
        Field("include", ["type": "array", "maxItems": 0], "Nothing yet."),
        Field("stream", ["type": "boolean"], "Segments as they are written."),
        Field("chunking_strategy", ["type": "string", "enum": ["auto"]], "Only auto."),
        Field("chunking_strategy[type]", ["type": "string", "enum": ["auto"]], "The same."),
        noPart(chunkingParts[0]), noPart(chunkingParts[1]), noPart(chunkingParts[2]),
        Field("known_speaker_names", ["type": "array", "maxItems": 0], "Nothing yet."),
        Field("known_speaker_references", ["type": "array", "maxItems": 0], "Nothing yet."),
        Field(
            "seed", ["type": "integer", "minimum": 0, "maximum": .whole(.max)],
            "For draws after a repetition."),
    ]

    /// What OpenAI's clients say of a strategy that cuts recordings at pauses.
    private static let chunkingParts = ["threshold", "prefix_padding_ms", "silence_duration_ms"].map {
        "chunking_strategy[\($0)]"
    }

    private static func noPart(_ name: String) -> Field {
        Field(name, ["type": "string", "maxLength": 0], "Nothing yet.")
    }

    static let translationFields =
        fields.filter { ["file", "model", "prompt", "temperature"].contains($0.name) }
        + [formats(Format.allCases.filter { $0 != .diarized })]

    private static func formats(_ formats: [Format]) -> Field {
        Field(
            "response_format", ["type": "string", "enum": .array(formats.map { .text($0.rawValue) })],
            "json when left out.")
    }
}

/// What clients say of the language of a recording.
private enum LanguageHint {
    private static let codes = Set(Locale.LanguageCode.isoLanguageCodes.map(\.identifier))
    private static let names = Set(
        codes.filter { $0.count == 2 }.compactMap {
            Locale(identifier: "en").localizedString(forLanguageCode: $0)?.lowercased()
        })

    /// Whether it is a code, a region behind it or not, or a language's English name.
    static func isKnown(_ text: String) -> Bool {
        guard text.utf8.count <= 35 else { return false }
        let text = text.lowercased()
        return names.contains(text) || codes.contains(String(text.prefix { $0 != "-" && $0 != "_" }))
    }
}
