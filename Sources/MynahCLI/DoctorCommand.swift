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
              mynah doctor --run-smoke -m qwen3-tts-0.6b --quantize q8_0
              mynah doctor --json           the same for programs, and for reports of faults
            """)

    @Flag(help: "Speak a sentence from end to end with the model that would be used.") var runSmoke = false
    @OptionGroup(title: "Model") var modelOptions: ModelOptions
    @Option(help: "Seconds that --run-smoke may take; 120 when left out.") var timeLimit: Double?
    @Flag(help: "Print one JSON object.") var json = false

    func validate() throws {
        guard timeLimit.map({ $0 > 0 && $0 <= 86_400 }) ?? true else {
            throw ValidationError("--time-limit takes seconds, from above 0 to 86400.")
        }
        guard runSmoke || !modelOptions.isGiven && timeLimit == nil else {
            throw ValidationError("A model, how it is loaded and a time are for --run-smoke; add it.")
        }
    }

    func run() async throws {
        var report = MachineReport()
        if runSmoke { report.smoke = await SmokeTest(options: modelOptions, limit: timeLimit ?? 120).run() }
        if json { try Console.json(report) } else { try Table.show(report.rows) }
        if let smoke = report.smoke, !smoke.passed {
            throw SpeechError(
                .outOfBounds, "The smoke test failed: \(smoke.message)", remedy: smoke.remedy ?? "See above.")
        }
    }
}

/// Speaks a sentence with whatever model there is, within a time.
struct SmokeTest {
    let options: ModelOptions
    let limit: Double

    struct Outcome: Encodable, Sendable {
        let passed: Bool
        let message: String
        let remedy: String?
    }

    func run() async -> Outcome {
        let seconds = limit == limit.rounded() ? limit.digits(0) : "\(limit)"
        // The loser is left behind: loading does not look for cancellation, and the program is about to end.
        let (outcomes, continuation) = AsyncStream<Outcome>.makeStream()
        Task { continuation.yield(await speak()) }
        Task {
            try? await Task.sleep(for: .seconds(limit))
            continuation.yield(
                Outcome(
                    passed: false, message: "it took longer than \(seconds) s.",
                    remedy: "Use a smaller model or --quantize, or close other programs."))
        }
        for await outcome in outcomes { return outcome }
        return Outcome(passed: false, message: "it did not run.", remedy: nil)
    }

    private func speak() async -> Outcome {
        do {
            let start = ContinuousClock.now
            let library = options.library
            let place = try library.locate(options.model)
            let speaker = try await library.synthesizer(at: place, options: options.loadOptions)
            let audio = try await speaker.speak(
                "The quick brown fox.", options: SynthesisOptions(seed: 1, maximumTokens: 40))
            let seconds = ((ContinuousClock.now - start) / .seconds(1)).digits(2)
            guard !audio.samples.isEmpty, audio.samples.allSatisfy(\.isFinite) else {
                return Outcome(
                    passed: false, message: "'\(place.name)' made no sound.",
                    remedy: "Fetch the model again, and report it if that does not help.")
            }
            return Outcome(
                passed: true,
                message:
                    "'\(place.name)' spoke \(audio.duration.digits(2)) s in \(seconds) s, loading included.",
                remedy: ModelLibrary.notice(for: place))
        } catch {
            let error = SpeechError(describing: error)
            return Outcome(passed: false, message: error.message, remedy: error.remedy)
        }
    }
}
