import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import Mynah
import SpeechCore

/// `/v1/audio/voices`: OpenAI's own calls, and the list that others have.
struct VoiceRoutes: Sendable {
    /// What a voice is made of.
    private enum Kind: String, CaseIterable {
        case recorded = "audio_sample"
        case described = "prompt"
    }

    let parts: ServerParts

    static let fields: [Field] = [
        Field(
            "name", ["type": "string", "pattern": Schema.somePattern, "maxLength": 200],
            "What the voice is called."),
        Field(
            "type", ["type": "string", "enum": ["audio_sample", "prompt"]], "audio_sample when left out."),
        Field(
            "audio_sample", aliases: ["audio", "file"], ["type": "string", "format": "binary"],
            "Three to thirty seconds of one person speaking."),
        Field(
            "consent", aliases: ["consent_attestation"], ["type": "string"],
            "The id of a consent, or what the speaker agreed to in words."),
        Field(
            "ref_text", aliases: ["transcript", "reference_text"], ["type": "string"],
            "What the recording says."),
        Field(
            "prompt", aliases: ["speaker_description"], ["type": "string"],
            "The voice in words, for the type prompt."),
        Field("script_hint", ["type": "string"], "Words that show a described voice off."),
        Field("model", ["type": "string"], "The model that makes the voice; auto when left out."),
        Field("language", ["type": "string"], "What the recording's language is; not needed."),
    ]

    // MARK: what there is

    func list(_ request: Request, _ context: ServerContext) async throws -> Response {
        let asked = try request.query.words("model")
        let models = await parts.engine.models()
        if let asked, !models.contains(where: { $0.name == asked }) {
            throw APIError.noModel(asked, known: models.map(\.name))
        }
        let isLegacy = try request.query.truth("legacy") ?? false
        let speakers = models.filter { !$0.listens && (asked == nil || $0.name == asked) }
        var listed = try kept(for: asked)
        for model in speakers {
            guard case .speaks(let card) = try? await parts.engine.card(of: model.name) else { continue }
            listed += card.speakers.map { speaker in
                [
                    "id": .text(speaker), "object": "audio.voice", "name": .text(speaker), "type": "preset",
                    "model": .text(model.name),
                ]
            }
        }
        if isLegacy {
            return .json(["voices": .array(listed.compactMap { $0[key: "id"] })])
        }
        return .json(["object": "list", "voices": .array(listed)])
    }

    private func kept(for model: String?) throws -> [JSONValue] {
        try parts.voices.kept(for: model).map(described) + parts.voices.register.designs.map(described)
    }

    func show(_ request: Request, _ context: ServerContext) async throws -> Response {
        let id = try context.part("voice")
        guard VoiceLibrary.isName(id) else { throw APIError.noThing("voice", id) }
        if let voice = try parts.voices.find(id) { return .json(try described(voice)) }
        if let design = parts.voices.register.design(id) { return .json(described(design)) }
        throw APIError.noThing("voice", id)
    }

    private func described(_ voice: KeptVoice) throws -> JSONValue {
        let stored = try? voice.library.voice(named: voice.file)
        var fields: [String: JSONValue] = [
            "id": .text(voice.id), "object": "audio.voice", "name": .text(voice.name), "type": "audio_sample",
            "created_at": .whole(Int(stored?.created.timeIntervalSince1970 ?? 0)),
        ]
        if let stored {
            fields["model"] = .text(stored.model)
            fields["has_transcript"] = .truth(stored.profile.transcript != nil)
            fields["seconds"] = .number(stored.source.duration)
        }
        if let ground = parts.voices.register.ground(of: voice.file) { fields["consent"] = .text(ground) }
        return .object(fields)
    }

    private func described(_ design: DesignedVoice) -> JSONValue {
        var fields: [String: JSONValue] = [
            "id": .text(design.id), "object": "audio.voice", "name": .text(design.name), "type": "prompt",
            "prompt": .text(design.prompt), "created_at": .whole(design.created),
        ]
        if let model = design.model { fields["model"] = .text(model) }
        if let script = design.script { fields["script_hint"] = .text(script) }
        return .object(fields)
    }

    // MARK: making and forgetting

    func create(_ request: Request, _ context: ServerContext) async throws -> Response {
        let limits = parts.settings.limits
        let form =
            BodyReader.mediaType(request) == "application/json"
            ? try await Form.readJSON(request, Self.fields, limit: limits.jsonBytes)
            : try await Form.read(
                request, Self.fields, files: ["audio_sample"], fileLimit: limits.voiceBytes, parts: parts)
        guard let name = try form.fields.text("name"), !name.allSatisfy(\.isWhitespace) else {
            throw APIError.missing("name")
        }
        guard name.unicodeScalars.count <= 200 else {
            throw APIError.invalid("name", "'name' may have 200 characters.")
        }
        switch try form.fields.choice("type", Kind.self) ?? .recorded {
        case .recorded: return try await clone(form, name: name)
        case .described: return try await design(form, name: name)
        }
    }

    private func clone(_ form: Form, name: String) async throws -> Response {
        let consent = try consent(form)
        if try form.fields.text("prompt") != nil {
            throw APIError.invalid("prompt", "'prompt' belongs to a voice of the type prompt.")
        }
        let sample = try form.file("audio_sample")
        let transcript = try form.fields.words("ref_text")
        let recording = try await RecordingReader.recording(
            sample.upload, transcript: transcript, longest: parts.settings.limits.referenceSeconds,
            param: "audio_sample")
        let model = try await maker(try form.fields.text("model")) { $0.clones }
        let wish = [name, consent.id ?? "", consent.words ?? ""].joined(separator: "\0")
        let digest = OrderDigest(recording, name: wish, model: model)
        let voice = try await parts.voices.making.voice(digest) { [parts] in
            let file = try parts.voices.freeFile(for: name)
            let profile = try await parts.engine.clone(recording, name: file.name, model: model)
            return try parts.voices.keep(
                StoredVoice(
                    profile, model: model, recording: recording.audio, fileName: sample.name,
                    consent: consent.words),
                name: name, ground: consent.id)
        }
        guard case .object(var fields) = try described(voice) else { throw APIError.unexpected() }
        fields["advice"] = .array(recording.advice.map { .text($0) })
        return .json(.object(fields))
    }

    private func design(_ form: Form, name: String) async throws -> Response {
        guard let prompt = try form.fields.text("prompt"), !prompt.allSatisfy(\.isWhitespace) else {
            throw APIError.missing("prompt")
        }
        let most = parts.settings.limits.textCharacters
        guard prompt.unicodeScalars.count <= most else {
            throw APIError.invalid("prompt", "'prompt' may have \(most) characters.")
        }
        if form.files["audio_sample"] != nil {
            throw APIError.invalid("audio_sample", "A voice of the type prompt has no recording.")
        }
        let model = try await maker(try form.fields.text("model")) { $0.designs }
        let design = try parts.voices.register.add(
            design: name, prompt: prompt, script: try form.fields.text("script_hint"), model: model)
        return .json(described(design))
    }

    /// What a voice is kept on: a recorded consent by its id, or a note in words.
    private func consent(_ form: Form) throws -> (id: String?, words: String?) {
        guard let given = try form.fields.words("consent") else {
            guard parts.settings.voices.requireConsent else { return (nil, nil) }
            throw APIError.missing("consent")
        }
        if given.hasPrefix("cons_") {
            guard let consent = parts.voices.register.consent(given) else {
                throw APIError.noConsent(given)
            }
            return (consent.id, "\(consent.name) (\(consent.id))")
        }
        return (nil, given)
    }

    /// The model that makes a voice: the one asked for, or the first that can.
    private func maker(_ asked: String?, _ can: (ModelCard) -> Bool) async throws -> String {
        if let asked, !asked.isEmpty, asked != "auto" {
            return try await parts.names.speaker(asked).name
        }
        for model in await parts.engine.models() where !model.listens {
            if case .speaks(let card) = try? await parts.engine.card(of: model.name), can(card) {
                return model.name
            }
        }
        throw APIError.cannotHonour(
            "model", "No model here makes voices of this kind. 'mynah models' lists those that do.")
    }

    func delete(_ request: Request, _ context: ServerContext) async throws -> Response {
        let id = try context.part("voice")
        guard VoiceLibrary.isName(id) else { throw APIError.noThing("voice", id) }
        if let voice = try parts.voices.find(id) {
            try parts.voices.remove(voice)
        } else if let design = parts.voices.register.design(id) {
            _ = try parts.voices.register.remove(design: design.id)
        } else {
            throw APIError.noThing("voice", id)
        }
        return .json(["id": .text(id), "object": "audio.voice.deleted", "deleted": true])
    }
}
