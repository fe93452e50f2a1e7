import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import Mynah

/// `/v1/audio/voice_consents`.
struct ConsentRoutes: Sendable {
    let parts: ServerParts

    static let fields: [Field] = [
        Field(
            "name", ["type": "string", "pattern": Schema.somePattern, "maxLength": 200],
            "Whose consent it is."),
        Field(
            "language", ["type": "string", "pattern": "^[A-Za-z0-9-]{1,35}$"],
            "The language of the recording, as BCP 47 writes it."),
        Field("recording", ["type": "string", "format": "binary"], "The speaker saying so."),
    ]
    static let renaming: [Field] = [fields[0]]

    func create(_ request: Request, _ context: ServerContext) async throws -> Response {
        let limits = parts.settings.limits
        let form = try await Form.read(
            request, Self.fields, files: ["recording"], fileLimit: limits.voiceBytes, parts: parts)
        let name = try checked(try form.fields.text("name"))
        guard let language = try form.fields.words("language") else { throw APIError.missing("language") }
        guard language.utf8.count <= 35,
            language.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
        else {
            throw APIError.invalid(
                "language", "'language' is no language: '\(language.bounded)'. Write it as 'en-GB'.")
        }
        let file = try form.file("recording")
        // Decoded once, so that what is kept is known to be a recording.
        _ = try await RecordingReader.audio(file.upload, longest: limits.referenceSeconds, param: "recording")
        let consent = try parts.voices.register.add(
            consentNamed: name, language: language, recording: file.upload)
        return .json(described(consent))
    }

    private func checked(_ name: String?) throws -> String {
        guard let name, !name.allSatisfy(\.isWhitespace) else { throw APIError.missing("name") }
        guard name.unicodeScalars.count <= 200 else {
            throw APIError.invalid("name", "'name' may have 200 characters.")
        }
        return name
    }

    func list(_ request: Request, _ context: ServerContext) async throws -> Response {
        let query = request.query
        let most = try query.whole("limit", 1...100) ?? 20
        var rest = parts.voices.register.consents[...]
        if let after = try query.words("after") {
            guard let place = rest.firstIndex(where: { $0.id == after }) else {
                throw APIError.invalid("after", "There is no consent '\(after.bounded)'.")
            }
            rest = rest[(place + 1)...]
        }
        let page = rest.prefix(most)
        return .json([
            "object": "list", "data": .array(page.map(described)), "first_id": .optional(page.first?.id),
            "last_id": .optional(page.last?.id), "has_more": .truth(page.count < rest.count),
        ])
    }

    func show(_ request: Request, _ context: ServerContext) async throws -> Response {
        let id = try context.part("consent")
        guard let consent = parts.voices.register.consent(id) else { throw APIError.noThing("consent", id) }
        return .json(described(consent))
    }

    func rename(_ request: Request, _ context: ServerContext) async throws -> Response {
        let id = try context.part("consent")
        let name = try checked(
            try FieldReader(
                try await BodyReader.object(request, limit: parts.settings.limits.jsonBytes), Self.renaming
            ).text("name"))
        guard let consent = try parts.voices.register.rename(consent: id, to: name) else {
            throw APIError.noThing("consent", id)
        }
        return .json(described(consent))
    }

    func delete(_ request: Request, _ context: ServerContext) async throws -> Response {
        let id = try context.part("consent")
        guard try parts.voices.remove(consent: id) else { throw APIError.noThing("consent", id) }
        return .json(["id": .text(id), "object": "audio.voice_consent.deleted", "deleted": true])
    }

    private func described(_ consent: VoiceConsent) -> JSONValue {
        [
            "id": .text(consent.id), "object": "audio.voice_consent", "name": .text(consent.name),
            "language": .text(consent.language), "created_at": .whole(consent.created),
        ]
    }
}
