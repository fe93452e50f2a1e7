import CoreMetrics
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Synchronization

/// Work that is done for one client as long as it listens and no longer than it may take.
final class Job<Element: Sendable>: Sendable {
    /// The client went away; there is nobody to be told.
    struct ClientLeft: Error {}

    let relay = Relay<Element>(capacity: 16)
    private let worker: Task<Void, Never>
    private let deadline: Deadline
    private let pings: RepeatedTask
    private let connection: Connection
    private let watch = Mutex(0)

    /// Begins.
    ///
    /// - Parameter work: makes the elements; it is cancelled when nobody wants them.
    init(
        _ parts: ServerParts, _ context: ServerContext,
        work: @escaping @Sendable (Relay<Element>) async throws -> Void
    ) async throws {
        connection = try await GuardedChannel.connection(of: context.channel)
        let (relay, limits, metrics) = (relay, parts.settings.limits, parts.metrics)
        metrics.active.increment()
        let task = Task {
            defer { metrics.active.decrement() }
            do {
                try await work(relay)
                try Task.checkCancellation()
                relay.finish()
            } catch {
                relay.finish(throwing: error)
            }
        }
        worker = task
        let loop = context.channel.eventLoop
        deadline = Deadline(in: limits.requestSeconds, on: loop) {
            relay.finish(throwing: EngineError.late(seconds: limits.requestSeconds))
            task.cancel()
        }
        let pause = TimeAmount.seconds(Int64(limits.pingSeconds))
        pings = loop.scheduleRepeatedTask(initialDelay: pause, delay: pause) { _ in relay.nudge() }
        let number = connection.onLeave {
            metrics.clientsLeft.increment()
            relay.finish(throwing: ClientLeft())
            task.cancel()
        }
        watch.withLock { $0 = number }
    }

    deinit { stop() }

    /// The work stops, if it goes on.
    func stop() {
        connection.forget(watch.withLock { $0 })
        relay.close()
        worker.cancel()
        deadline.cancel()
        pings.cancel()
    }

    /// The first element; nil when none has come for as long as a client should be left without a sign.
    ///
    /// - Throws: what the work failed with, and it has stopped then.
    func first() async throws -> Element? {
        do {
            switch try await relay.next() {
            case .element(let element): return element
            case .silence: return nil
            case .end: throw APIError.brokenOff()
            }
        } catch {
            stop()
            throw error
        }
    }

    /// The next element; nil at the end.
    func next() async throws -> Element? {
        while true {
            switch try await relay.next() {
            case .element(let element): return element
            case .silence: continue
            case .end: return nil
            }
        }
    }
}

extension Job {
    /// An answer that leaves as its elements are made. What failed before it was answered with a status of its own.
    ///
    /// - Parameters:
    ///   - first: the first element; nil where there was only silence yet.
    ///   - bytes: what is written of an element.
    ///   - silence: what is written when nothing comes for long; nil where nothing may be.
    ///   - failure: the last words of a stream that breaks off; nil ends the connection instead.
    func response(
        beginningWith first: Element?, type: String, silence: String? = nil, headers: HTTPFields = [:],
        bytes: @escaping @Sendable (Element) -> [UInt8], failure: (@Sendable (APIError) -> String)? = nil
    ) -> Response {
        var headers = headers
        headers[.contentType] = type
        headers[.cacheControl] = "no-store"
        let body = ResponseBody { [self] writer in
            defer { stop() }
            do {
                if let first {
                    try await writer.write(ByteBuffer(bytes: bytes(first)))
                } else if let silence {
                    try await writer.write(ByteBuffer(string: silence))
                }
                var isOpen = true
                while isOpen {
                    switch try await relay.next() {
                    case .element(let element): try await writer.write(ByteBuffer(bytes: bytes(element)))
                    case .silence: if let silence { try await writer.write(ByteBuffer(string: silence)) }
                    case .end: isOpen = false
                    }
                }
            } catch {
                guard let failure, !(error is ClientLeft) else { throw error }
                try await writer.write(ByteBuffer(string: failure(APIError(describing: error))))
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }
}
