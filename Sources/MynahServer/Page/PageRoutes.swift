import HTTPTypes
import Hummingbird
import Mynah
import SpeechCore

/// The page's own routes: its files, and the look at a recording before a voice is made of it.
struct PageRoutes: Sendable {
    let parts: ServerParts

    private static let fields = [
        Field("file", ["type": "string", "format": "binary"], "A recording to take a voice from.")
    ]

    var routes: [Route] {
        let page = Operation.Answer(content: [("text/html", ["type": "string"])])
        return [
            Route(
                method: .get, path: "/", access: .everybody,
                operation: Operation(name: "page", summary: "The page.", answer: page), handler: file),
            Route(
                method: .get, path: "/page/{file}", access: .everybody,
                operation: Operation(name: "pageFile", summary: "What the page is made of.", answer: page),
                handler: file),
            Route(
                method: .post, path: "/page/recording", access: .counted,
                operation: Operation(
                    name: "checkRecording", summary: "Whether a recording will do.",
                    body: .form(Self.fields, required: ["file"]), answer: .json(["type": "object"])),
                handler: check),
        ]
    }

    private func file(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard parts.settings.servesPage, let file = Page.file(at: request.uri.path) else {
            throw APIError.noRoute()
        }
        return Page.response(file, to: request)
    }

    /// What keeping a voice would say of a recording, without a model being asked.
    private func check(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard parts.settings.servesPage else { throw APIError.noRoute() }
        let limits = parts.settings.limits
        let form = try await Form.read(
            request, Self.fields, files: ["file"], fileLimit: limits.voiceBytes, parts: parts)
        let recording = try await RecordingReader.recording(
            form.file("file").upload, transcript: nil, longest: limits.referenceSeconds, param: "file")
        return .json([
            "duration": .number(recording.audio.duration), "sample_rate": .whole(recording.audio.sampleRate),
            "advice": .array(recording.advice.map { .text($0) }),
        ])
    }
}
