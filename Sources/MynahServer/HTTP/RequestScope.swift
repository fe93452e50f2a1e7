import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import Synchronization

/// Around every request: its id, who may ask, errors in the form clients read, the log and the metrics.
struct RequestScope: RouterMiddleware {
    typealias Context = ServerContext

    let parts: ServerParts
    let routes: RouteTable

    func handle(
        _ request: Request, context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        if let tag = RequestTag.accepted(request.headers[.requestID]) { context.tag = tag }
        context.logger = parts.logger
        context.logger[metadataKey: "request"] = .string(context.tag)
        let route = routes.route(of: request)
        let record = RequestRecord(
            metrics: parts.metrics, logger: context.logger, method: request.method,
            route: route?.path ?? "none",
            asked: request.uri.path)
        var response: Response
        var origin: String?
        do {
            response = try await answer(request, context, route, record, &origin, next)
        } catch {
            let told = APIError(describing: error)
            if told.status.code >= 500 { record.note(error) }
            response = told.response
            record.code = told.code
        }
        dress(&response, context, origin)
        record.status = response.status.code
        let body = response.body
        // The record ends when the last byte has left, or when nobody is there to take it.
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            defer { record.end() }
            do {
                try await body.write(writer)
            } catch {
                record.breakOff(error)
                throw error
            }
        }
        return response
    }

    private func answer(
        _ request: Request, _ context: ServerContext, _ route: Route?, _ record: RequestRecord,
        _ origin: inout String?, _ next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        try parts.gate.checkHost(request)
        origin = try parts.gate.checkOrigin(request)
        if request.method == .options, let origin, request.headers[.accessControlRequestMethod] != nil {
            return preflight(origin)
        }
        guard let route else {
            let allowed = routes.methods(at: request.uri.path)
            throw allowed.isEmpty ? APIError.noRoute() : .noMethod(allowed)
        }
        if route.access != .everybody {
            let key = try parts.gate.checkKey(request)
            record.key = key
            if route.access == .counted { record.place = try parts.gate.enter(key) }
        }
        try route.checkQuery(of: request)
        return try await next(request, context)
    }

    private func preflight(_ origin: String) -> Response {
        Response(
            status: .noContent,
            headers: [
                .accessControlAllowMethods: "GET, POST, DELETE",
                .accessControlAllowHeaders: "authorization, content-type, x-request-id",
                .accessControlMaxAge: "600",
            ])
    }

    private func dress(_ response: inout Response, _ context: ServerContext, _ origin: String?) {
        response.headers[.requestID] = context.tag
        response.headers[.contentTypeOptions] = "nosniff"
        if !parts.settings.server.origins.isEmpty { response.headers[.vary] = "Origin" }
        if let origin {
            response.headers[.accessControlAllowOrigin] = origin
            response.headers[.accessControlExposeHeaders] = "x-request-id, retry-after, x-should-retry"
        }
    }
}

/// One request in the log and the metrics, once, however it ends.
final class RequestRecord: Sendable {
    private struct State {
        var status = 0
        var key: Int?
        var code: String?
        var fault: String?
        var place: Gate.Place?
        var isOver = false
    }

    private let metrics: ServerMetrics
    private let logger: Logger
    private let method: HTTPRequest.Method
    private let route, asked: String
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    init(
        metrics: ServerMetrics, logger: Logger, method: HTTPRequest.Method, route: String, asked: String
    ) {
        (self.metrics, self.logger, self.method) = (metrics, logger, method)
        (self.route, self.asked) = (route, asked)
    }

    deinit { end() }

    var status: Int {
        get { state.withLock { $0.status } }
        set { state.withLock { $0.status = newValue } }
    }

    var key: Int? {
        get { state.withLock { $0.key } }
        set { state.withLock { $0.key = newValue } }
    }

    var code: String? {
        get { state.withLock { $0.code } }
        set { state.withLock { $0.code = newValue } }
    }

    var place: Gate.Place? {
        get { state.withLock { $0.place } }
        set { state.withLock { $0.place = newValue } }
    }

    /// Keeps a fault for the log.
    func note(_ error: any Error) {
        state.withLock { $0.fault = "\(error)" }
    }

    /// The answer did not reach its end.
    func breakOff(_ error: any Error) {
        if let told = error as? APIError ?? (error as? EngineError).map(APIError.init),
            told.status.code >= 500
        {
            note(error)
            code = told.code
        } else if code == nil {
            code = "client_left"
        }
    }

    func end() {
        let ended: State? = state.withLock { state in
            guard !state.isOver else { return nil }
            state.isOver = true
            defer { state.place = nil }
            return state
        }
        guard let ended else { return }
        let time = ContinuousClock.now - start
        metrics.answered(
            route: route, method: method.rawValue.bounded, status: ended.status, after: time)
        var metadata: Logger.Metadata = [
            "method": "\(method.rawValue.bounded)", "path": "\(asked.bounded)", "status": "\(ended.status)",
            "seconds": "\(Double((time / .milliseconds(1)).rounded()) / 1000)",
        ]
        if let key = ended.key { metadata["key"] = "\(key + 1)" }
        if let code = ended.code { metadata["code"] = "\(code)" }
        if let fault = ended.fault { metadata["error"] = "\(fault)" }
        logger.log(level: ended.fault == nil ? .info : .error, "request", metadata: metadata)
    }
}
