import Foundation
import SpeechCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Words to people go to stderr; stdout belongs to what was asked for.
enum Console {
    static let standardErrorIsTerminal = isatty(STDERR_FILENO) == 1
    static let standardOutputIsTerminal = isatty(STDOUT_FILENO) == 1
    static let standardInputIsTerminal = isatty(STDIN_FILENO) == 1

    /// A line to stderr. That nobody reads it stops nothing.
    static func note(_ text: String) { tell(text + "\n") }

    /// A line to stdout.
    ///
    /// - Throws: `SpeechError` when it does not get there.
    static func print(_ text: String) throws { try write(Data((text + "\n").utf8)) }

    /// Bytes to stdout.
    ///
    /// - Throws: `SpeechError` when they do not get there.
    static func write(_ bytes: Data) throws {
        guard let reason = StandardStreams.write(bytes, to: STDOUT_FILENO) else { return }
        throw SpeechError.unwritten("The output", to: nil, reason: reason)
    }

    private static func tell(_ text: String) { _ = StandardStreams.write(text.utf8, to: STDERR_FILENO) }

    /// A line that the next one overwrites, where there is a terminal.
    static func progress(_ text: String) {
        guard standardErrorIsTerminal else { return }
        tell("\r\u{1B}[K\(text)")
    }

    /// Takes the last progress line away.
    static func endProgress() { progress("") }

    private static let soundHasStandardOutput = Atomic(false)

    /// From now on objects go to stderr.
    static func giveStandardOutputToSound() { soundHasStandardOutput.store(true, ordering: .relaxed) }

    /// One object on a line of its own, keys in order: on stdout, or on stderr where sound has stdout.
    ///
    /// - Throws: `SpeechError` when stdout does not take it.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.dateEncodingStrategy = .iso8601
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "infinity", negativeInfinity: "-infinity", nan: "nan")
        let line = String(decoding: try encoder.encode(value), as: UTF8.self)
        if soundHasStandardOutput.load(ordering: .relaxed) { note(line) } else { try print(line) }
    }
}

extension Double {
    /// With a fixed number of digits after the point.
    func digits(_ count: Int) -> String { String(format: "%.\(count)f", self) }
}
