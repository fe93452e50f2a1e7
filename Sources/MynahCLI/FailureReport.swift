import ArgumentParser
import Mynah
import SpeechCore

/// Tells what went wrong: in words, and as an object too where JSON was asked for.
enum FailureReport {
    private struct Failure: Encodable {
        struct Detail: Encodable { let code, message, remedy: String, underlying: String? }
        let error: Detail
        var speech: SpeechSummary?
    }

    /// Tells of any error that a command threw, and gives the exit status.
    static func tell(_ error: any Error) -> Int32 {
        if let interrupted = error as? Interrupted {
            return report(interrupted.error, speech: interrupted.speech)
        }
        // What no part of ours threw is the parser's: help, completion scripts, and words on usage.
        let parsed = MynahCommand.exitCode(for: error)
        guard !(error is SpeechError), parsed == .success || parsed == .validationFailure else {
            return report(SpeechError(describing: error))
        }
        let text = MynahCommand.fullMessage(for: error)
        guard parsed == .success else { return report(usage: text, MynahCommand.message(for: error)) }
        do {
            if !text.isEmpty { try Console.print(text) }
            return parsed.rawValue
        } catch {
            return report(SpeechError(describing: error))
        }
    }

    /// - Parameter speech: how far speech had come, where it broke off.
    private static func report(_ error: SpeechError, speech: SpeechSummary? = nil) -> Int32 {
        Console.endProgress()
        let because = error.underlying.map { " (\($0))" } ?? ""
        Console.note("error: \(error.message)\(because)\n       \(error.remedy)")
        // A comparison that failed has printed its object already.
        if asksForJSON, error.code != .outOfBounds {
            let detail = Failure.Detail(
                code: error.code.rawValue, message: error.message, remedy: error.remedy,
                underlying: error.underlying)
            try? Console.json(Failure(error: detail, speech: speech))
        }
        return ExitStatus.of(error.code)
    }

    private static func report(usage text: String, _ message: String) -> Int32 {
        Console.note(text)
        if asksForJSON {
            if SpeakCommand.givesStandardOutputToSound(arguments) { Console.giveStandardOutputToSound() }
            let detail = Failure.Detail(
                code: "usage", message: message, remedy: "See 'mynah --help'.", underlying: nil)
            try? Console.json(Failure(error: detail))
        }
        return ExitCode.validationFailure.rawValue
    }

    private static let arguments = Array(CommandLine.arguments.dropFirst())

    /// Whether the command line says `--json`, whatever else it says; behind `--` everything is text.
    private static var asksForJSON: Bool { arguments.prefix { $0 != "--" }.contains("--json") }
}
