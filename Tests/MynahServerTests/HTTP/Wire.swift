import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
    private let stream = Int32(SOCK_STREAM.rawValue)
#elseif canImport(Darwin)
    import Darwin
    private let stream = SOCK_STREAM
#endif

/// An answer as it came over the wire.
struct WireAnswer: Sendable {
    var status = 0
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    /// Whether the body ended as its framing says it should.
    var isWhole = false

    var text: String { String(decoding: body, as: UTF8.self) }

    var object: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
    }

    /// The error in OpenAI's envelope.
    var error: [String: Any] { object["error"] as? [String: Any] ?? [:] }
}

/// A connection on which every byte is the test's own.
final class Wire: @unchecked Sendable {
    // SAFETY: one test uses it, one call after another.
    private let descriptor: Int32
    private var held: [UInt8] = []

    struct Failure: Error { let reason: String }

    init(port: Int) throws {
        descriptor = socket(AF_INET, stream, 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(reason: "no connection to port \(port)") }
    }

    deinit { close() }

    private let isClosed = Atomic(false)

    /// Once: the number may be somebody else's by the second time.
    func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        _ = shutdown(descriptor, Int32(2))
        closeDescriptor(descriptor)
    }

    /// Sends what the other side takes; false when it takes no more.
    @discardableResult func send(_ bytes: some Collection<UInt8>) async -> Bool {
        let bytes = Array(bytes)
        return await blocking { [descriptor] in
            var done = 0
            while done < bytes.count {
                let count = bytes.withUnsafeBytes {
                    #if canImport(Glibc)
                        Glibc.send(
                            descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done,
                            Int32(MSG_NOSIGNAL))
                    #else
                        Darwin.send(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done, 0)
                    #endif
                }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }

    @discardableResult func send(_ text: String) async -> Bool { await send(Array(text.utf8)) }

    /// Some bytes; none at the end.
    private func receive() async -> [UInt8] {
        await blocking { [descriptor] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            return count > 0 ? Array(buffer.prefix(count)) : []
        }
    }

    private func fill() async -> Bool {
        let bytes = await receive()
        held += bytes
        return !bytes.isEmpty
    }

    /// The head of an answer.
    func head() async throws -> WireAnswer {
        var answer = WireAnswer()
        while true {
            if let end = held.firstRange(of: Array("\r\n\r\n".utf8)) {
                let lines = String(decoding: held[..<end.lowerBound], as: UTF8.self).components(
                    separatedBy: "\r\n")
                held.removeSubrange(..<end.upperBound)
                answer.status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
                for line in lines.dropFirst() {
                    let parts = line.split(separator: ":", maxSplits: 1)
                    guard parts.count == 2 else { continue }
                    answer.headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
                }
                if answer.status == 100 { answer = WireAnswer(); continue }
                return answer
            }
            guard await fill() else { throw Failure(reason: "the connection ended before an answer") }
        }
    }

    /// At least so many bytes of a chunked body, its framing taken off; fewer at the end.
    func chunks(atLeast count: Int) async -> (bytes: [UInt8], isOver: Bool, isWhole: Bool) {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let end = held.firstRange(of: Array("\r\n".utf8)),
                let size = Int(String(decoding: held[..<end.lowerBound], as: UTF8.self), radix: 16),
                held.count >= end.upperBound + size + 2
            else {
                guard await fill() else { return (bytes, true, false) }
                continue
            }
            bytes += held[end.upperBound..<(end.upperBound + size)]
            held.removeSubrange(..<(end.upperBound + size + 2))
            if size == 0 { return (bytes, true, true) }
        }
        return (bytes, false, false)
    }

    /// Everything until the end of the connection.
    func rest() async -> [UInt8] {
        while await fill() {}
        return held
    }

    /// A whole answer.
    func answer(toHead: Bool = false) async throws -> WireAnswer {
        var answer = try await head()
        if toHead { return answer }
        if answer.headers["transfer-encoding"] == "chunked" {
            let (bytes, _, isWhole) = await chunks(atLeast: .max)
            (answer.body, answer.isWhole) = (bytes, isWhole)
            return answer
        }
        let length = answer.headers["content-length"].flatMap { Int($0) } ?? 0
        while held.count < length, await fill() {}
        answer.body = Array(held.prefix(length))
        answer.isWhole = answer.body.count == length
        held.removeFirst(min(length, held.count))
        return answer
    }

    private func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            // A thread of its own: those of the pool are what the server runs on.
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }
}

private func closeDescriptor(_ descriptor: Int32) {
    #if canImport(Glibc)
        _ = Glibc.close(descriptor)
    #else
        _ = Darwin.close(descriptor)
    #endif
}
