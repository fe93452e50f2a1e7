package import HTTPTypes
import Hummingbird
package import HummingbirdCore
import NIOCore
package import SpeechCore

/// What a client is told when its request cannot be honoured, in the form OpenAI's clients read.
package struct APIError: Error, Sendable, Equatable {
    /// The class of an error.
    package enum Kind: String, Sendable {
        case invalidRequest = "invalid_request_error"
        case authentication = "authentication_error"
        case permission = "permission_error"
        case notFound = "not_found_error"
        case rateLimit = "rate_limit_error"
        case server = "server_error"
    }

    package var status: HTTPResponse.Status
    package var kind: Kind
    package var code: String
    package var message: String
    /// The field that is at fault.
    package var param: String?
    /// Seconds after which asking again may help; nil says that it will not.
    package var retryAfter: Int?
    /// Methods that the path has, of a request by another.
    package var allow: String?
    /// Whether the connection is of no more use: the rest of the request is not read.
    package var closes = false

    package init(
        _ status: HTTPResponse.Status, _ kind: Kind, _ code: String, _ message: String, param: String? = nil,
        retryAfter: Int? = nil
    ) {
        (self.status, self.kind, self.code, self.message) = (status, kind, code, message)
        (self.param, self.retryAfter) = (param, retryAfter)
    }

    /// The envelope.
    package var body: JSONValue {
        [
            "error": [
                "message": .text(message), "type": .text(kind.rawValue), "param": .optional(param),
                "code": .text(code),
            ]
        ]
    }

    /// What stands in the head beside the envelope.
    package var headers: HTTPFields {
        var headers: HTTPFields = [.contentType: "application/json"]
        if let retryAfter {
            headers[.retryAfter] = "\(retryAfter)"
            headers[.shouldRetry] = "true"
        } else if status.code >= 500 || status.code == 429 {
            headers[.shouldRetry] = "false"
        }
        if let allow { headers[.allow] = allow }
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
        if closes { headers[.connection] = "close" }
        return headers
    }

    package var response: Response {
        Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body.encoded())))
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name(known: "x-request-id")
    static let shouldRetry = HTTPField.Name(known: "x-should-retry")
    static let contentTypeOptions = HTTPField.Name(known: "x-content-type-options")

    /// A name that is known to be one.
    init(known name: String) {
        guard let field = HTTPField.Name(name) else { preconditionFailure("'\(name)' is no name of a field") }
        self = field
    }
}

extension APIError {
    /// What is told of any error that a route throws.
    package init(describing error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as EngineError: self.init(error)
        case let error as SpeechError: self.init(error)
        case let error as HTTPError where error.status == .notFound: self = .noRoute()
        case let error as any HTTPResponseError where error.status == .contentTooLarge:
            self = .bodyTooLarge(limit: nil)
        case is CancellationError: self.init(EngineError.closing)
        default: self = .unexpected()
        }
    }

    /// The table of the library's codes.
    private static let table: [SpeechError.Code: (HTTPResponse.Status, Kind, param: String?)] = [
        .invalidInput: (.badRequest, .invalidRequest, nil),
        .unsupported: (.badRequest, .invalidRequest, nil),
        .unknownVoice: (.badRequest, .invalidRequest, "voice"),
        .unknownLanguage: (.badRequest, .invalidRequest, "language"),
        .unknownModel: (.notFound, .notFound, "model"),
        .notEnoughMemory: (.internalServerError, .server, nil),
        .cancelled: (.serviceUnavailable, .server, nil),
        .missingFile: (.internalServerError, .server, nil),
        .wrongFormat: (.internalServerError, .server, nil),
        .corruptData: (.internalServerError, .server, nil),
        .inputOutput: (.internalServerError, .server, nil),
        .network: (.internalServerError, .server, nil),
        .outOfBounds: (.internalServerError, .server, nil),
        .unexpected: (.internalServerError, .server, nil),
    ]

    package init(_ error: SpeechError) {
        let (status, kind, param) = Self.table[error.code] ?? (.internalServerError, .server, nil)
        let code = error.code == .unknownModel ? "model_not_found" : error.code.rawValue
        // What lies beneath a fault of ours may name files of this machine: it stands in the log alone.
        let message = status.code < 500 ? error.description : "\(error.message) \(error.remedy)"
        self.init(
            status, kind, code, message, param: param, retryAfter: status == .serviceUnavailable ? 1 : nil)
    }

    /// The same of a recording that a client sent: what is wrong with it is the client's to put right.
    init(_ error: SpeechError, recordingIn param: String) {
        let faults: Set<SpeechError.Code> = [.wrongFormat, .corruptData, .unsupported, .invalidInput]
        if faults.contains(error.code) {
            self.init(
                .badRequest, .invalidRequest, error.code.rawValue, "\(error.message) \(error.remedy)",
                param: param)
        } else {
            self.init(error)
        }
    }

    /// The table of the engine's errors.
    package init(_ error: EngineError) {
        switch error {
        case .unknownModel(let name, let known): self = .noModel(name, known: known)
        case .wrongKind(let name, let listens):
            self.init(
                .badRequest, .invalidRequest, "unsupported_model",
                listens
                    ? "The model '\(name)' writes down recordings and does not speak. "
                        + "GET /v1/models tells which do."
                    : "The model '\(name)' speaks and does not write recordings down. "
                        + "GET /v1/models tells which do.",
                param: "model")
        case .loading(let name, let progress, let seconds):
            let share = progress.map { " (\(Int(($0 * 100).rounded())) %)" } ?? ""
            self.init(
                .serviceUnavailable, .server, "model_loading",
                "The model '\(name)' is being loaded\(share). Ask again in \(seconds) s.", retryAfter: seconds
            )
        case .busy(let name, let seconds):
            self.init(
                .serviceUnavailable, .server, "queue_full",
                "As many requests wait for the model '\(name)' as may. Ask again in \(seconds) s.",
                retryAfter: seconds)
        case .crashed(let name):
            self.init(
                .internalServerError, .server, "engine_crashed",
                "The process of the model '\(name)' ended while it worked on this request. "
                    + "It is being started again.",
                retryAfter: 1)
        case .quarantined(let name):
            self.init(
                .internalServerError, .server, "request_quarantined",
                "This very request ended the process of the model '\(name)' more than once and is not "
                    + "tried again. "
                    + "Please report it.")
        case .late(let seconds):
            self.init(
                .gatewayTimeout, .server, "deadline_exceeded",
                "The request took longer than \(seconds) s. Send a shorter text or recording, or raise "
                    + "limits.request_seconds.")
        case .closing:
            self.init(
                .serviceUnavailable, .server, "shutting_down", "The server is going down. Ask again in 5 s.",
                retryAfter: 5)
        case .speech(let error): self.init(error)
        }
    }
}
