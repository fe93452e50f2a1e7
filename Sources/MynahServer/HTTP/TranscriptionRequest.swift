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
        model = try form.text("model").flatMap { $0.isEmpty ? nil : $0 }
        language = try Self.language(form)
        let words = form.list("keywords")
        context = ([try form.text("prompt") ?? ""] + (words.isEmpty ? [] : [words.joined(separator: ", ")]))
            .filter { !$0.isEmpty }.joined(separator: "\n")
        format = try Self.choice("response_format", form) ?? .json
        streams = try Self.truth("stream", form) ?? false
        seed = try Self.seed(form)
        try Self.refuse(form, format: format)
        if streams, ![.json, .text, .diarized].contains(format) {
            throw APIError.cannotHonour(
                "response_format",
                "A stream is given as json, text or diarized_json, not as \(format.rawValue).")
        }
    }

    /// A hint that the models need not have: they tell the language themselves.
    private static func language(_ form: Form) throws -> String? {
        guard let text = try form.text("language"), !text.isEmpty else { return nil }
        guard text.utf8.count <= 35,
            text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
        else { throw APIError.invalid("language", "'language' is no language: '\(text.bounded)'.") }
        return text
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ form: Form
    ) throws -> Choice? where Choice.RawValue == String {
        guard let text = try form.text(name), !text.isEmpty else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw APIError.outOfRange(name, "'\(text.bounded)'", "one of \(all)")
        }
        return choice
    }

    private static func truth(_ name: String, _ form: Form) throws -> Bool? {
        switch try form.text(name)?.lowercased() {
        case nil, "": nil
        case "true", "1": true
        case "false", "0": false
        case .some(let other):
            throw APIError.wrongKind(name, expected: "true or false", found: "'\(other.bounded)'")
        }
    }

    private static func seed(_ form: Form) throws -> UInt64 {
        guard let text = try form.text("seed"), !text.isEmpty else { return 0 }
        guard let seed = UInt64(text) else {
            throw APIError.wrongKind("seed", expected: "a whole number", found: "'\(text.bounded)'")
        }
        return seed
    }

    /// What the client may ask and no model here can do.
    private static func refuse(_ form: Form, format: Format) throws {
        if let text = try form.text("temperature"), !text.isEmpty {
            guard let number = Double(text), (0...1).contains(number) else {
                throw APIError.outOfRange("temperature", "'\(text.bounded)'", "a number from 0 to 1")
            }
            guard number == 0 else {
                throw APIError.cannotHonour(
                    "temperature", "Transcriptions are of the likeliest words: 'temperature' can only be 0.")
            }
        }
        for value in form.list("timestamp_granularities") {
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
        for value in form.list("include") {
            guard value == "logprobs" else {
                throw APIError.outOfRange("include", "'\(value.bounded)'", "logprobs")
            }
            throw APIError.cannotHonour(
                "include", "No model here tells how likely its words are; leave 'include' out.")
        }
        let chunking = try form.text("chunking_strategy") ?? form.text("chunking_strategy[type]") ?? ""
        guard ["", "auto"].contains(chunking) else {
            throw APIError.cannotHonour(
                "chunking_strategy", "Recordings are heard whole: 'chunking_strategy' can only be 'auto'.")
        }
        for name in ["known_speaker_names", "known_speaker_references"] where !form.list(name).isEmpty {
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
        Field("language", ["type": "string"], "A hint; the models tell the language themselves."),
        Field("languages", ["type": "array", "items": ["type": "string"]], "The same, several."),
        Field("prompt", ["type": "string"], "What the recording may be about: names, terms, topics."),
        Field("keywords", ["type": "array", "items": ["type": "string"]], "Words to listen for."),
        Field(
            "response_format",
            ["type": "string", "enum": .array(Format.allCases.map { .text($0.rawValue) })],
            "json when left out."),
        Field("temperature", ["type": "number", "minimum": 0, "maximum": 0], "Only 0."),
        Field(
            "timestamp_granularities", ["type": "array", "items": ["type": "string", "enum": ["segment"]]],
            "segment, with verbose_json."),
        Field("include", ["type": "array", "maxItems": 0], "Nothing yet."),
        Field("stream", ["type": "boolean"], "Segments as they are written."),
        Field("chunking_strategy", ["type": "string", "enum": ["auto"]], "Only auto."),
        Field("chunking_strategy[type]", ["type": "string", "enum": ["auto"]], "The same."),
        Field("chunking_strategy[threshold]", ["type": "string"], "Read only with a type that is refused."),
        Field(
            "chunking_strategy[prefix_padding_ms]", ["type": "string"],
            "Read only with a type that is refused."),
        Field(
            "chunking_strategy[silence_duration_ms]", ["type": "string"],
            "Read only with a type that is refused."),
        Field("known_speaker_names", ["type": "array", "maxItems": 0], "Nothing yet."),
        Field("known_speaker_references", ["type": "array", "maxItems": 0], "Nothing yet."),
        Field("seed", ["type": "integer", "minimum": 0], "For draws after a repetition."),
    ]

    static let translationFields = fields.filter {
        ["file", "model", "prompt", "response_format", "temperature"].contains($0.name)
    }
}
