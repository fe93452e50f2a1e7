import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Speaks and listens for Home Assistant and others that know the Wyoming protocol.
package final class WyomingServer: Service {
    private let parts: ServerParts
    private let port: Int
    private let whenBound: @Sendable (Int) async -> Void
    private let connections = Mutex(0)
    private let memory: RecordingMemory

    /// A listener where the configuration says; nil when it says nowhere.
    ///
    /// - Parameter whenBound: told the port, once connections are taken.
    package init?(_ parts: ServerParts, whenBound: @escaping @Sendable (Int) async -> Void = { _ in }) {
        guard let port = parts.settings.wyoming.port else { return nil }
        (self.parts, self.port, self.whenBound) = (parts, port, whenBound)
        memory = RecordingMemory(most: parts.settings.limits.temporaryBytes)
    }

    /// Listens until the server goes down. Then no connection is taken, and those that are end with their work.
    package func run() async throws {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .bind(host: parts.settings.wyoming.host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(WyomingDecoder()))
                    return try NIOAsyncChannel<WyomingEvent, ByteBuffer>(
                        wrappingChannelSynchronously: channel)
                }
            }
        let port = listener.channel.localAddress?.port ?? self.port
        parts.logger.info(
            "Wyoming listens", metadata: ["host": "\(parts.settings.wyoming.host)", "port": "\(port)"])
        await whenBound(port)
        try await listener.executeThenClose { arriving in
            try await withThrowingDiscardingTaskGroup { group in
                for try await channel in arriving.cancelOnGracefulShutdown() {
                    group.addTask { await self.serve(channel) }
                }
            }
        }
    }

    private func serve(_ channel: NIOAsyncChannel<WyomingEvent, ByteBuffer>) async {
        let isAdmitted = connections.withLock { count in
            count += 1
            return count <= parts.settings.limits.connections
        }
        defer { connections.withLock { $0 -= 1 } }
        do {
            try await channel.executeThenClose { inbound, outbound in
                let limits = parts.settings.limits
                let client = WyomingWriter(
                    outbound: outbound, channel: channel.channel, seconds: limits.writeSeconds)
                guard isAdmitted else {
                    return try await client.send(
                        "error", WyomingError(WyomingFailure.tooMany(limits.connections)))
                }
                await WyomingConnection(parts: parts, memory: memory).run(inbound, client)
            }
        } catch {
            parts.logger.debug("A Wyoming connection ended", metadata: ["reason": "\(error)"])
        }
    }
}
