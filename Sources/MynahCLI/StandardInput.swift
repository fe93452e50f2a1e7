import Foundation
import SpeechCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Standard input as text, piece by piece as it comes.
enum StandardInput {
    /// Whether it is a file, which is there whole, rather than a pipe or a terminal.
    static var isFile: Bool {
        var facts = stat()
        return fstat(STDIN_FILENO, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
    }

    /// Pieces of the text as they are written; an error for what is not text, or too much of it.
    static func pieces() -> AsyncThrowingStream<String, any Error> {
        let (stream, continuation) = AsyncThrowingStream<String, any Error>.makeStream()
        // A thread of its own: a read waits for as long as nobody writes.
        Thread.detachNewThread {
            do {
                var reader = UTF8Reader()
                var buffer = [UInt8](repeating: 0, count: 1 << 16)
                while true {
                    let count = read(STDIN_FILENO, &buffer, buffer.count)
                    if count < 0, errno == EINTR { continue }
                    guard count >= 0 else { throw unreadable() }
                    guard count > 0 else { break }
                    let text = try reader.append(buffer[..<count])
                    if !text.isEmpty { continuation.yield(text) }
                }
                try reader.finish()
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }
        return stream
    }

    private static func unreadable() -> SpeechError {
        SpeechError(
            .inputOutput, "Standard input could not be read: \(String(cString: strerror(errno))).",
            remedy: "Give the text with -f FILE.")
    }
}

/// Bytes that come in pieces as text; a character cut in two waits for its rest.
struct UTF8Reader {
    private var pending: [UInt8] = []
    private var count = 0
    private var isFirst = true

    mutating func append(_ bytes: some Collection<UInt8>) throws -> String {
        count += bytes.count
        guard count <= SpeechText.limit else { throw SpeechText.tooLong("standard input") }
        pending += bytes
        // A character has four bytes at most, so three may be the beginning of one.
        let open = (1...3).first { length in
            guard pending.count >= length else { return false }
            let lead = pending[pending.count - length]
            return lead >= 0xC0 && length < (lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2)
        }
        let end = pending.count - (open ?? 0)
        guard end > 0 else { return "" }
        defer { pending.removeFirst(end) }
        return try SpeechText.decode(pending[..<end], from: "standard input", isBeginning: takeFirst())
    }

    mutating func finish() throws {
        guard pending.isEmpty else { throw SpeechText.notText("standard input") }
    }

    private mutating func takeFirst() -> Bool {
        defer { isFirst = false }
        return isFirst
    }
}
