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

struct ModelPoolTests {
    @Test func `a model speaks through its process as it does alone`() async throws {
        let test = try TestPool()
        let heard = try await test.speak("Good morning.", frames: 12, seed: 7)
        let order = TestPool.order("Good morning.", frames: 12, seed: 7)
        let model = try await test.library.synthesizer(
            "bundled", options: LoadOptions(device: .cpu, threads: 1))
        let alone = try await model.speak(order.utterance, options: order.options)
        #expect(!heard.isEmpty && heard == alone.samples)
        await test.pool.close(grace: .zero)
    }

    @Test func `what a model can do is told without loading it, and read once`() async throws {
        let test = try TestPool()
        guard case .speaks(let card) = try await test.pool.card(of: "bundled") else {
            Issue.record("the bundled model speaks")
            return
        }
        let model = try await test.library.synthesizer("bundled", options: LoadOptions(device: .cpu))
        #expect(card == model.card)
        #expect(await test.pool.workers.isEmpty)
        #expect(await test.pool.models() == [EngineModel(name: "bundled", listens: false, state: .idle)])
    }

    @Test func `unknown models, models of the other kind and bad requests are refused in words`() async throws
    {
        let test = try TestPool()
        await #expect(throws: EngineError.unknownModel("nobody", known: ["bundled"])) {
            _ = try await test.speak("x", model: "nobody")
        }
        await #expect(throws: EngineError.wrongKind("bundled", listens: false)) {
            let audio = AudioBuffer(samples: [0], sampleRate: 16_000)
            _ = try await test.pool.transcribe(
                TranscriptionOrder(model: "bundled", audio: audio, options: TranscriptionOptions()))
        }
        var order = TestPool.order("x")
        order.utterance.voice = .preset("nobody")
        let refused = await engineError { _ = try await TestPool.all(test.pool.speak(order)) }
        guard case .speech(let error) = refused else {
            Issue.record(
                "a voice that is not there is an error of speech, not \(String(describing: refused))")
            return
        }
        #expect(error.code == .unknownVoice || error.code == .unsupported)
        #expect(try await !test.speak("and the next is spoken").isEmpty)
        await test.pool.close(grace: .zero)
    }

    @Test func `a model that does not fit the budget is refused with the numbers`() async throws {
        let test = try TestPool { $0.memoryBudget = 1_000_000 }
        guard case .speech(let error) = await engineError({ _ = try await test.speak("x") }) else {
            Issue.record("it does not fit")
            return
        }
        #expect(error.code == .notEnoughMemory && error.message.contains("may use 1 MB"))
        #expect(await test.pool.workers.isEmpty)
    }

    @Test func `a model nobody asks for is unloaded, and its process is gone`() async throws {
        let test = try TestPool()
        _ = try await test.speak("x")
        let process = try await test.worker()
        #expect(isAlive(process))
        await test.pool.tidy(at: .now)
        #expect(await test.pool.workers == ["bundled": process])
        await test.pool.tidy(at: .now + .seconds(601))
        try await settle { await test.pool.workers.isEmpty }
        #expect(!isAlive(process))
        #expect(try await !test.speak("and it comes back").isEmpty)
        await test.pool.close(grace: .zero)
    }

    @Test func `the model used longest ago makes room for another`() async throws {
        let bytes = try TestPool().library.facts(
            of: "bundled", options: LoadOptions(device: .cpu, sessions: 2)
        )
        .footprint
        let test = try TestPool {
            $0.models = ["a", "b", "c"].map {
                PoolSettings.Model(
                    name: $0, source: "bundled", options: LoadOptions(device: .cpu, sessions: 2))
            }
            $0.memoryBudget = bytes * 5 / 2
        }
        for name in ["a", "b", "a", "c"] { _ = try await test.speak("x", model: name) }
        #expect(await Set(test.pool.workers.keys) == ["a", "c"])
        await test.pool.close(grace: .zero)
    }

    @Test func `a model in use gives way to one that has waited long enough, when its requests have ended`()
        async throws
    {
        let bytes = try TestPool().library.facts(
            of: "bundled", options: LoadOptions(device: .cpu, sessions: 2)
        )
        .footprint
        let test = try TestPool {
            $0.models = ["a", "b"].map {
                PoolSettings.Model(
                    name: $0, source: "bundled", options: LoadOptions(device: .cpu, sessions: 2))
            }
            $0.yieldAfter = .zero
            $0.memoryBudget = bytes * 3 / 2
        }
        let stream = try await test.pool.speak(TestPool.order("long", frames: 1000, model: "a"))
        let other = Task { try await test.speak("b", model: "b") }
        #expect(try await TestPool.all(stream).count > 24_000)
        #expect(try await !other.value.isEmpty)
        #expect(await Array(test.pool.workers.keys) == ["b"])
        await test.pool.close(grace: .zero)
    }

    @Test func `beyond the queue's bound a request is told to come again`() async throws {
        let test = try TestPool { $0.waiting = 1 }
        let speaking = [
            try await test.pool.speak(TestPool.endless("one")),
            try await test.pool.speak(TestPool.endless("two")),
        ]
        let waiting = try await test.pool.speak(TestPool.order("waits"))
        let refused = await engineError { _ = try await test.pool.speak(TestPool.order("one too many")) }
        guard case .busy("bundled", let seconds) = refused else {
            Issue.record("it is busy, not \(String(describing: refused))")
            return
        }
        #expect(seconds >= 1)
        // Those who leave make room for those who wait.
        withExtendedLifetime(speaking) {}
        for stream in speaking { for try await _ in stream { break } }
        #expect(try await !TestPool.all(waiting).isEmpty)
        await test.pool.close(grace: .zero)
    }

    @Test func `a request while the model is loaded is told to come again, and later answered`() async throws
    {
        let test = try TestPool { $0.loadingWait = .zero }
        let refused = await engineError { _ = try await test.speak("x") }
        guard case .loading("bundled", _, let seconds) = refused else {
            Issue.record("it is loading, not \(String(describing: refused))")
            return
        }
        #expect(seconds >= 1)
        try await settle { await test.pool.models().first?.state == .ready }
        #expect(try await !test.speak("x").isEmpty)
        await test.pool.close(grace: .zero)
    }

    @Test func `a request that takes too long is ended, and its place is free`() async throws {
        let test = try TestPool()
        let stream = try await test.pool.speak(TestPool.endless())
        await test.pool.tidy(at: .now + .seconds(601))
        await #expect(throws: EngineError.late(seconds: 600)) { _ = try await TestPool.all(stream) }
        #expect(try await !test.speak("next").isEmpty)
        await test.pool.close(grace: .zero)
    }

    @Test func `closing lets a stream end and ends the processes`() async throws {
        let test = try TestPool()
        let stream = try await test.pool.speak(TestPool.order("x", frames: 200))
        let process = try await test.worker()
        async let closing: Void = test.pool.close(grace: .seconds(300))
        #expect(try await TestPool.all(stream).count > 200 * 1900)
        await closing
        #expect(!isAlive(process))
        await #expect(throws: EngineError.closing) { _ = try await test.speak("too late") }
    }

    @Test func `closing ends what takes longer than the grace`() async throws {
        let test = try TestPool()
        let stream = try await test.pool.speak(TestPool.endless())
        await test.pool.close(grace: .zero)
        await #expect(throws: EngineError.closing) { _ = try await TestPool.all(stream) }
        #expect(await test.pool.workers.isEmpty)
    }
}
