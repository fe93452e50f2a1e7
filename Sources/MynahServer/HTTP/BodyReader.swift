import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// Reads bodies, no more of them than a route takes.
enum BodyReader {
    /// A JSON object.
    ///
    /// - Throws: `APIError`.
    static func object(_ request: Request, limit: Int) async throws -> [String: JSONValue] {
        try await sizedObject(request, limit: limit).fields
    }

    /// A JSON object, and how many bytes it came in.
    ///
    /// - Throws: `APIError`.
    static func sizedObject(
        _ request: Request, limit: Int
    ) async throws -> (fields: [String: JSONValue], bytes: Int) {
        guard mediaType(request) == "application/json" else {
            throw APIError.wrongMediaType("'application/json'")
        }
        let bytes = try await bytes(request, limit: limit)
        let value: JSONValue
        do throws(JSONProblem) {
            value = try JSONValue(bytes.readableBytesView)
        } catch let problem {
            throw APIError.notJSON(problem)
        }
        guard case .object(let fields) = value else {
            throw APIError.invalid(
                nil, "The body must be an object, not \(value.kind).", code: "invalid_type")
        }
        return (fields, bytes.readableBytes)
    }

    private static func bytes(_ request: Request, limit: Int) async throws -> ByteBuffer {
        try checkLength(request, limit: limit)
        var all = ByteBuffer()
        for try await buffer in request.body {
            guard all.readableBytes + buffer.readableBytes <= limit else {
                throw APIError.bodyTooLarge(limit: limit)
            }
            all.writeImmutableBuffer(buffer)
        }
        return all
    }

    /// - Throws: `APIError` when the request says itself that it is too large.
    static func checkLength(_ request: Request, limit: Int) throws {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw APIError.bodyTooLarge(limit: limit)
        }
    }

    /// What the body is, in lower case and without parameters.
    static func mediaType(_ request: Request) -> String {
        let text = request.headers[.contentType] ?? ""
        return text.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
    }
}

extension Response {
    /// A JSON answer.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.encoded())))
    }

    /// A plain answer.
    static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
        Response(
            status: .ok, headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
