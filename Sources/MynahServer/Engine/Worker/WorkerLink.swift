import Foundation
import SpeechCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The worker's end of the socket between it and the server.
///
/// A thread reads, so that the server's going is seen at once even when every other thread computes.
final class WorkerLink: Sendable {
    private let descriptor: Int32 = 0
    /// Reports are written whole, one after another.
    private let writing = Mutex(())

    /// Orders as they come. What is no order, and the end of them, ends the process.
    func orders() -> AsyncStream<(WorkerOrder, UInt32)> {
        let (orders, continuation) = AsyncStream<(WorkerOrder, UInt32)>.makeStream()
        let thread = Thread { [descriptor] in
            var frames = FrameReader()
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while let count = SocketBytes.read(descriptor, &buffer), count > 0 {
                frames.add(buffer[..<count])
                do {
                    while let frame = try frames.next() {
                        continuation.yield((try WorkerOrder(frame), frame.request))
                    }
                } catch {
                    let words = Data("The server said what cannot be read: \(error)\n".utf8)
                    // The form without `try` ends the process where nobody reads.
                    try? FileHandle.standardError.write(contentsOf: words)
                    break
                }
            }
            WorkerProgram.leave()
        }
        thread.name = "orders"
        thread.start()
        return orders
    }

    /// Tells the server. One that does not listen any more has ended, and so does this process.
    func send(_ report: WorkerReport, request: UInt32 = 0) {
        guard let bytes = report.bytes(request: request) else {
            let error = SpeechError(
                .unexpected, "The model's answer is longer than any should be.",
                remedy: "Please report it, with what you asked for.")
            return send(.failed(error), request: request)
        }
        let sent = writing.withLock { _ in SocketBytes.write(descriptor, bytes) }
        if !sent { WorkerProgram.leave() }
    }
}

/// Reading and writing on a socket, without signals.
enum SocketBytes {
    /// Waits for bytes, and gives how many came: none at the end, nil on failure.
    static func read(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Int? {
        while true {
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count >= 0 { return count }
            guard errno == EINTR else { return nil }
        }
    }

    /// Writes all, and tells whether that was done.
    static func write(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        #if canImport(Glibc)
            let flags = Int32(MSG_NOSIGNAL)
        #else
            let flags: Int32 = 0
        #endif
        return bytes.withUnsafeBytes { all in
            var rest = all[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                let count = send(descriptor, part.baseAddress, part.count, flags)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }
}
