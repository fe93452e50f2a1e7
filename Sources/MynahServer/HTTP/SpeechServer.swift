import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// The HTTP server over an engine.
package struct SpeechServer: Service {
    private let parts: ServerParts
    private let whenBound: @Sendable (Int) async -> Void

    /// - Parameter whenBound: told the port, once connections are taken.
    package init(_ parts: ServerParts, whenBound: @escaping @Sendable (Int) async -> Void = { _ in }) {
        (self.parts, self.whenBound) = (parts, whenBound)
    }

    /// Serves until it is told to end; then no connection is taken, and what streams goes on to its end.
    package func run() async throws {
        let settings = parts.settings
        let (parts, limits, whenBound) = (parts, settings.limits, whenBound)
        // The framework's own lines are for those who look at it.
        var logger = Logger(label: "mynah.http")
        logger.logLevel = settings.log.level == "trace" ? .trace : .warning
        let application = Application(
            responder: RouteTable(parts).router(parts).buildResponder(),
            server: HTTPServerBuilder { GuardedChannel(responder: $0, parts: parts) },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.server.host, port: settings.server.port), serverName: nil,
                availableConnectionsDelegate: MaximumAvailableConnections(limits.connections, logger: logger)),
            onServerRunning: { channel in
                if let port = channel.localAddress?.port { await whenBound(port) }
            },
            logger: logger)
        try await application.run()
    }
}
