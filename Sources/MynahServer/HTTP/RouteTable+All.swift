import HTTPTypes
import Hummingbird
import HummingbirdCore
import SpeechCore

extension RouteTable {
    /// Every route of the server.
    init(_ parts: ServerParts) {
        routes =
            Self.state(parts) + Self.speech(parts) + Self.voices(parts) + Self.consents(parts)
            + [Self.description(parts)] + PageRoutes(parts: parts).routes
    }

    private static func state(_ parts: ServerParts) -> [Route] {
        let state = StateRoutes(parts: parts)
        let status = Operation.Answer.json(Schema.object(["status": ["type": "string"]]))
        return [
            Route(
                method: .get, path: "/health", access: .everybody,
                operation: Operation(name: "health", summary: "Whether the server runs.", answer: status),
                handler: state.health),
            Route(
                method: .get, path: "/ready", access: .everybody,
                operation: Operation(
                    name: "ready", summary: "Whether there is a model to ask.", answer: status,
                    ownErrors: [503]),
                handler: state.ready),
            Route(
                method: .get, path: "/metrics", access: .keyed,
                operation: Operation(
                    name: "metrics", summary: "Numbers for Prometheus.",
                    answer: .init(content: [("text/plain", Schema.text)]), ownErrors: [404]),
                handler: state.metrics),
            Route(
                method: .get, path: "/v1/models", access: .keyed,
                operation: Operation(
                    name: "listModels", summary: "The models that may be asked.",
                    answer: .json(Schema.list("data", Schema.model))),
                handler: state.models),
            Route(
                method: .get, path: "/v1/models/{model+}", access: .keyed,
                operation: Operation(
                    name: "showModel", summary: "One model.",
                    parameters: [Schema.part("model", "The model's name.")],
                    answer: .json(Schema.model), reach: .models),
                handler: state.model),
        ]
    }

    private static func speech(_ parts: ServerParts) -> [Route] {
        let listening = TranscriptionRoute(parts: parts)
        return [
            Route(
                method: .post, path: "/v1/audio/speech", access: .counted,
                operation: Operation(
                    name: "createSpeech", summary: "Speaks a text.",
                    body: .json(SpeechRequest.fields(parts.settings.limits), required: ["input"]),
                    answer: .init(
                        content: Set(SoundFormat.allCases.map(\.mediaType)).sorted().map {
                            ($0, Schema.bytes)
                        } + [(ServerSentEvent.mediaType, Schema.text)]), reach: .models),
                handler: SpeechRoute(parts: parts).callAsFunction),
            Route(
                method: .post, path: "/v1/audio/transcriptions", access: .counted,
                operation: Operation(
                    name: "createTranscription", summary: "Writes down a recording.",
                    body: .form(TranscriptionRequest.fields, required: ["file"]),
                    answer: .init(content: [
                        ("application/json", Schema.transcript),
                        ("text/plain", Schema.text), ("application/x-subrip", Schema.text),
                        ("text/vtt", Schema.text), (ServerSentEvent.mediaType, Schema.text),
                    ]), reach: .models),
                handler: listening.transcribe),
            Route(
                method: .post, path: "/v1/audio/translations", access: .counted,
                operation: Operation(
                    name: "createTranslation",
                    summary:
                        "Writes down a recording in English. No model here can yet: it is refused in words.",
                    body: .form(TranscriptionRequest.translationFields, required: ["file"]),
                    answer: nil, reach: .models),
                handler: listening.translate),
        ]
    }

    private static func voices(_ parts: ServerParts) -> [Route] {
        let voices = VoiceRoutes(parts: parts)
        let id = Schema.part("voice", "The voice's id.")
        return [
            Route(
                method: .get, path: "/v1/audio/voices", access: .keyed,
                operation: Operation(
                    name: "listVoices", summary: "The voices that may be asked for.",
                    parameters: [
                        Schema.query("model", ["type": "string"], "Only voices of this model."),
                        Schema.query(
                            "legacy", ["type": "string", "enum": ["true", "false", "1", "0"]], "Ids alone."),
                    ],
                    answer: .json(
                        Schema.list("voices", ["anyOf": [Schema.voice, ["type": "string"]]])),
                    reach: .disk, ownErrors: [404]),
                handler: voices.list),
            Route(
                method: .post, path: "/v1/audio/voices", access: .counted,
                operation: Operation(
                    name: "createVoice", summary: "Keeps a voice, from a recording or from words.",
                    body: .formOrJSON(VoiceRoutes.fields, required: ["name"]), answer: .json(Schema.voice),
                    reach: .models, ownErrors: [409]),
                handler: voices.create),
            Route(
                method: .get, path: "/v1/audio/voices/{voice}", access: .keyed,
                operation: Operation(
                    name: "showVoice", summary: "One kept voice.", parameters: [id],
                    answer: .json(Schema.voice), reach: .disk),
                handler: voices.show),
            Route(
                method: .delete, path: "/v1/audio/voices/{voice}", access: .keyed,
                operation: Operation(
                    name: "deleteVoice", summary: "Forgets a kept voice.", parameters: [id],
                    answer: .json(Schema.deleted), reach: .disk),
                handler: voices.delete),
        ]
    }

    private static func consents(_ parts: ServerParts) -> [Route] {
        let consents = ConsentRoutes(parts: parts)
        let id = Schema.part("consent", "The consent's id.")
        return [
            Route(
                method: .get, path: "/v1/audio/voice_consents", access: .keyed,
                operation: Operation(
                    name: "listConsents", summary: "The consents that are kept, oldest first.",
                    parameters: [
                        Schema.query(
                            "limit", ["type": "integer", "minimum": 1, "maximum": 100], "So many; else 20."),
                        Schema.query("after", ["type": "string"], "Those behind this one."),
                    ], answer: .json(Schema.list("data", Schema.consent))),
                handler: consents.list),
            Route(
                method: .post, path: "/v1/audio/voice_consents", access: .counted,
                operation: Operation(
                    name: "createConsent", summary: "Keeps what a speaker agreed to, recorded.",
                    body: .form(ConsentRoutes.fields, required: ["name", "language", "recording"]),
                    answer: .json(Schema.consent), reach: .disk, ownErrors: [409]),
                handler: consents.create),
            Route(
                method: .get, path: "/v1/audio/voice_consents/{consent}", access: .keyed,
                operation: Operation(
                    name: "showConsent", summary: "One consent.", parameters: [id],
                    answer: .json(Schema.consent)),
                handler: consents.show),
            Route(
                method: .post, path: "/v1/audio/voice_consents/{consent}", access: .keyed,
                operation: Operation(
                    name: "renameConsent", summary: "Gives a consent another name.", parameters: [id],
                    body: .json(ConsentRoutes.renaming, required: ["name"]), answer: .json(Schema.consent),
                    reach: .disk),
                handler: consents.rename),
            Route(
                method: .delete, path: "/v1/audio/voice_consents/{consent}", access: .keyed,
                operation: Operation(
                    name: "deleteConsent", summary: "Forgets a consent.", parameters: [id],
                    answer: .json(Schema.deleted), reach: .disk, ownErrors: [409]),
                handler: consents.delete),
        ]
    }

    private static func description(_ parts: ServerParts) -> Route {
        Route(
            method: .get, path: "/openapi.json", access: .everybody,
            operation: Operation(
                name: "describe", summary: "This description.", answer: .json(["type": "object"])),
            handler: { _, _ in .json(Description.of(RouteTable(parts), asksForKeys: parts.gate.asksForKeys)) }
        )
    }
}
