/// Events as a stream of them is written.
enum ServerSentEvent {
    static let mediaType = "text/event-stream"
    /// A comment: a sign of life.
    static let ping = ": ping\n\n"
    /// What OpenAI's clients take for the end.
    static let done = "data: [DONE]\n\n"

    /// An event by its `type`.
    static func text(_ type: String, _ fields: [String: JSONValue]) -> String {
        var fields = fields
        fields["type"] = .text(type)
        return
            "event: \(type)\ndata: \(String(decoding: JSONValue.object(fields).encoded(), as: UTF8.self))\n\n"
    }

    /// What ends a stream that broke off, in the form that makes clients throw.
    static func failure(_ type: String, _ error: APIError) -> String {
        text(type, ["error": error.body[key: "error"] ?? .null])
    }
}
