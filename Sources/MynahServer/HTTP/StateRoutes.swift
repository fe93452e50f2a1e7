import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import SpeechCore

/// What the server says of itself: `/health`, `/ready`, `/metrics`, and its models.
struct StateRoutes: Sendable {
    let parts: ServerParts

    func health(_ request: Request, _ context: ServerContext) async throws -> Response {
        .json(["status": "ok"])
    }

    /// Whether there is anything to ask for.
    func ready(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard await !parts.engine.models().isEmpty else { throw APIError.notReady() }
        return .json(["status": "ready"])
    }

    func metrics(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard parts.settings.servesMetrics else { throw APIError.noRoute() }
        parts.metrics.count(await parts.engine.models())
        return .text(parts.metrics.registry.text(), type: "text/plain; version=0.0.4; charset=utf-8")
    }

    // MARK: models

    func models(_ request: Request, _ context: ServerContext) async throws -> Response {
        var listed: [JSONValue] = []
        for model in await parts.engine.models() {
            listed.append(described(model, try? await parts.engine.card(of: model.name)))
        }
        return .json(["object": "list", "data": .array(listed)])
    }

    func model(_ request: Request, _ context: ServerContext) async throws -> Response {
        let name = try context.part("model")
        let models = await parts.engine.models()
        guard let model = models.first(where: { $0.name == name }) else {
            throw APIError.noModel(name, known: models.map(\.name))
        }
        return .json(described(model, try await parts.engine.card(of: name)))
    }

    private func described(_ model: EngineModel, _ card: EngineCard?) -> JSONValue {
        var fields: [String: JSONValue] = [
            "id": .text(model.name), "object": "model", "created": .whole(parts.began), "owned_by": "mynah",
            "kind": .text(model.listens ? "transcription" : "speech"), "state": .text(model.state.name),
        ]
        switch card {
        case .speaks(let card):
            fields["sample_rate"] = .whole(card.sampleRate)
            fields["languages"] = .array(card.languages.map { .text($0) })
            fields["voices"] = .array(card.speakers.map { .text($0) })
            fields["clones"] = .truth(card.clones)
            fields["designs"] = .truth(card.designs)
            fields["takes_instructions"] = .truth(card.takesInstructions)
            fields["generation"] = .text(card.generation.rawValue)
            fields["dialogue_speakers"] = .whole(card.dialogueSpeakers)
        case .listens(let card):
            fields["longest_recording"] = .number(card.longestRecording)
            fields["tells_speakers"] = .truth(card.tellsSpeakers)
        case nil: break
        }
        return .object(fields)
    }
}

extension APIError {
    static func notReady() -> APIError {
        APIError(
            .serviceUnavailable, .server, "not_ready",
            "No model is installed. Run 'mynah models pull qwen3-tts-0.6b'.",
            retryAfter: 10)
    }
}
