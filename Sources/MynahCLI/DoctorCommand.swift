import ArgumentParser
import Foundation
import Mynah
import SpeechCore

/// `mynah doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what this machine has, and what is amiss.",
        discussion: """
              mynah doctor
              mynah doctor --run-smoke      speak a sentence from end to end and say whether it worked
              mynah doctor --json           the same for programs, and for reports of faults
            """)

    @Flag(help: "Speak a sentence from end to end with the model that would be used.") var runSmoke = false
    @Option(help: "The model to speak with.") var model: String?
    @Option(help: "Seconds that --run-smoke may take.") var timeLimit = 120.0
    @Flag(help: "Print one JSON object.") var json = false

    func validate() throws {
        guard timeLimit > 0, timeLimit <= 86_400 else {
            throw ValidationError("--time-limit takes seconds, from above 0 to 86400.")
        }
    }

    func run() async throws {
        var report = MachineReport()
        if runSmoke { report.smoke = await SmokeTest(model: model, limit: timeLimit).run() }
        if json { try Console.json(report) } else { Table.show(report.rows) }
        if let smoke = report.smoke, !smoke.passed {
            throw SpeechError(
                .outOfBounds, "The smoke test failed: \(smoke.message).", remedy: smoke.remedy ?? "See above."
            )
        }
    }
}

/// Speaks a sentence with whatever model there is, within a time.
struct SmokeTest {
    let model: String?
    let limit: Double

    struct Outcome: Encodable, Sendable {
        let passed: Bool
        let message: String
        let remedy: String?
    }

    func run() async -> Outcome {
        // The loser is left behind: loading does not look for cancellation, and the program is about to end.
        let (outcomes, continuation) = AsyncStream<Outcome>.makeStream()
        Task { continuation.yield(await speak()) }
        Task {
            try? await Task.sleep(for: .seconds(limit))
            continuation.yield(
                Outcome(
                    passed: false, message: "it took longer than \(limit.digits(0)) s",
                    remedy: "Use a smaller model or --quantize, or close other programs."))
        }
        for await outcome in outcomes { return outcome }
        return Outcome(passed: false, message: "it did not run", remedy: nil)
    }

    private func speak() async -> Outcome {
        do {
            let start = ContinuousClock.now
            let library = ModelLibrary()
            let place = try library.locate(model)
            let options = LoadOptions(sessions: 1)
            let speaker = try await library.synthesizer(at: place, options: options)
            let audio = try await speaker.speak(
                "The quick brown fox.", options: SynthesisOptions(seed: 1, maximumTokens: 40))
            let seconds = ((ContinuousClock.now - start) / .seconds(1)).digits(2)
            guard !audio.samples.isEmpty, audio.samples.allSatisfy(\.isFinite) else {
                return Outcome(
                    passed: false, message: "'\(place.name)' made no sound",
                    remedy: "Fetch the model again, and report it if that does not help.")
            }
            return Outcome(
                passed: true,
                message:
                    "'\(place.name)' spoke \(audio.duration.digits(2)) s in \(seconds) s, loading included",
                remedy: ModelLibrary.notice(for: place))
        } catch {
            let error = SpeechError(describing: error)
            return Outcome(passed: false, message: error.message, remedy: error.remedy)
        }
    }
}
