import Foundation
import SpeechCore

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

    /// A line to stderr.
    static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    /// A line that the next one overwrites, where there is a terminal.
    static func progress(_ text: String) {
        guard standardErrorIsTerminal else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
    }

    /// Takes the last progress line away.
    static func endProgress() { progress("") }

    /// One object on a line of its own, keys in order.
    static func json(_ value: some Encodable, toStandardError: Bool = false) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.dateEncodingStrategy = .iso8601
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "infinity", negativeInfinity: "-infinity", nan: "nan")
        let line = try encoder.encode(value) + Data("\n".utf8)
        (toStandardError ? FileHandle.standardError : FileHandle.standardOutput).write(line)
    }

    /// Says what went wrong, as JSON too where that was asked for, and gives the exit status.
    ///
    /// - Parameter speech: how far speech had come, where it broke off.
    static func report(_ error: SpeechError, speech: SpeechSummary? = nil) -> Int32 {
        struct Failure: Encodable {
            struct Detail: Encodable { let code, message, remedy: String, underlying: String? }
            let error: Detail
            let speech: SpeechSummary?
        }
        endProgress()
        let because = error.underlying.map { " (\($0))" } ?? ""
        note("error: \(error.message)\(because)\n       \(error.remedy)")
        if CommandLine.arguments.contains("--json"), error.code != .outOfBounds {
            try? json(
                Failure(
                    error: .init(
                        code: error.code.rawValue, message: error.message, remedy: error.remedy,
                        underlying: error.underlying), speech: speech))
        }
        return ExitStatus.of(error.code)
    }
}

extension Double {
    /// With a fixed number of digits after the point.
    func digits(_ count: Int) -> String { String(format: "%.\(count)f", self) }
}
