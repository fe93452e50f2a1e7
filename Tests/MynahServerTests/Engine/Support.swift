import Foundation
import Mynah
import MynahServer
import SpeechCore
import SpeechTesting
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A pool over the model that comes with the program, in real processes, with a home of its own.
struct TestPool: Sendable {
    static let model = "bundled"
    let pool: ModelPool
    let library: ModelLibrary
    private let home: ScratchFolder

    init(_ change: (inout PoolSettings) -> Void = { _ in }) throws {
        home = try ScratchFolder()
        let environment = ["MYNAH_HOME": home.path, "HF_HOME": home.path + "/hf"]
        library = ModelLibrary(device: .cpu, environment: environment)
        var settings = PoolSettings()
        settings.environment = environment
        settings.program = try #require(TestProgram.mynah, "the program is built with the tests").path
        settings.options = LoadOptions(device: .cpu, threads: 1, sessions: 2)
        // Loading takes as long as the machine likes.
        settings.loadingWait = .seconds(300)
        change(&settings)
        pool = ModelPool(settings, library: library)
    }

    /// The process of the model.
    func worker(_ model: String = model) async throws -> pid_t {
        try #require(await pool.workers[model])
    }

    func speak(_ text: String, frames: Int = 6, seed: UInt64? = 1, model: String = model) async throws
        -> [Float]
    {
        try await Self.all(pool.speak(Self.order(text, frames: frames, seed: seed, model: model)))
    }

    /// A request for so many frames, whatever the weights say.
    static func order(_ text: String, frames: Int = 6, seed: UInt64? = 1, model: String = model)
        -> SpeechOrder
    {
        SpeechOrder(
            model: model, utterances: [Utterance(text)],
            options: SynthesisOptions(
                seed: seed, maximumTokens: frames + 1, minimumTokens: frames + 1, framesPerChunk: 1))
    }

    /// A request that goes on for as long as a test needs.
    static func endless(_ text: String = "endless", model: String = model) -> SpeechOrder {
        order(text, frames: 4000, model: model)
    }

    static func all(_ stream: AsyncThrowingStream<AudioChunk, any Error>) async throws -> [Float] {
        var samples: [Float] = []
        for try await chunk in stream { samples += chunk.audio.samples }
        return samples
    }
}

extension SpeechOrder {
    /// The only utterance of what is no dialogue.
    var utterance: Utterance {
        get { utterances[0] }
        set { utterances[0] = newValue }
    }
}

/// The error of a body that should throw an engine's.
func engineError(_ body: () async throws -> Void) async -> EngineError? {
    do {
        try await body()
        return nil
    } catch { return error as? EngineError }
}

/// Whether a process is there, and no corpse.
func isAlive(_ process: pid_t) -> Bool { kill(process, 0) == 0 }

/// Waits until a condition holds; fails after a minute.
func settle(_ condition: () async throws -> Bool, _ location: SourceLocation = #_sourceLocation) async throws
{
    for _ in 0..<6000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("what was waited for did not come", sourceLocation: location)
}
