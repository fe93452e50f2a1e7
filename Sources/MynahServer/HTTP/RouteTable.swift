import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore

/// One operation: where it is, who may use it, what it does, and what is said of it in the description.
struct Route: Sendable {
    /// Who may use a route.
    enum Access: Sendable {
        /// Anybody who reaches the server.
        case everybody
        /// Whoever shows a key, where keys are asked for.
        case keyed
        /// The same, and it counts among the requests of the key.
        case counted
    }

    let method: HTTPRequest.Method
    /// With `{name}` for a part that is free, and `{name+}` at the end for a rest that may hold slashes.
    let path: String
    let access: Access
    let operation: Operation
    let handler: @Sendable (Request, ServerContext) async throws -> Response

    /// The parts of the path.
    var parts: [Substring] { path.split(separator: "/") }

    /// Whether a path is this route's.
    func matches(_ asked: [Substring]) -> Bool {
        for (index, part) in parts.enumerated() {
            guard index < asked.count else { return false }
            if part.hasSuffix("+}") { return true }
            guard part.hasPrefix("{") || part == asked[index] else { return false }
        }
        return asked.count == parts.count
    }

    /// - Throws: `APIError` for what this route of the API does not take. Pages may carry what they like.
    func checkQuery(of request: Request) throws {
        guard path.hasPrefix("/v1/") else { return }
        let known = operation.parameters.filter { $0.place == .query }.map(\.name)
        let unknown = request.uri.queryParameters.map { String($0.key) }.first { !known.contains($0) }
        if let unknown { throw APIError.unknownQuery(unknown, known: known) }
    }

    /// The pattern as the router writes it.
    var pattern: RouterPath {
        let parts = parts.map { part in part.hasSuffix("+}") ? "**" : String(part) }
        return RouterPath("/" + parts.joined(separator: "/"))
    }
}

/// Every route, in one table: the router, the description and the answers to wrong methods come from it.
struct RouteTable: Sendable {
    let routes: [Route]

    func route(of request: Request) -> Route? {
        let asked = request.uri.path.split(separator: "/")
        let method = request.method == .head ? .get : request.method
        return routes.first { $0.method == method && $0.matches(asked) }
    }

    /// The methods that a path has.
    func methods(at path: String) -> [String] {
        let asked = path.split(separator: "/")
        let methods = routes.filter { $0.matches(asked) }.map(\.method)
        return (methods + (methods.contains(.get) ? [.head] : [])).map(\.rawValue).sorted()
    }

    /// A router over the table.
    func router(_ parts: ServerParts) -> Router<ServerContext> {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestScope(parts: parts, routes: self))
        for route in routes {
            router.on(route.pattern, method: route.method, use: route.handler)
        }
        return router
    }
}

extension ServerContext {
    /// A free part of the path.
    func part(_ name: String) throws -> String {
        guard
            let text = coreContext.parameters.get(name)
                ?? coreContext.parameters.getCatchAll().first.map({ _ in
                    coreContext.parameters.getCatchAll().joined(separator: "/")
                })
        else { throw APIError.noRoute() }
        return text.removingPercentEncoding ?? text
    }
}
