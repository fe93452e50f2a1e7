import Mynah
import SpeechCore
import SpeechTesting
import Testing

struct SpeechModelTests {
    private let log = FakeSynthesizer.Log()

    private func model(_ change: (inout FakeSynthesizer.Behaviour) -> Void = { _ in }) async throws
        -> SpeechModel
    {
        var behaviour = FakeSynthesizer.Behaviour()
        change(&behaviour)
        return try await SpeechModel.load(name: "fake") { [behaviour, log] in
            FakeSynthesizer(behaviour, log: log)
        }
    }

    @Test func `speaking gives the chunks of the stream end to end`() async throws {
        let model = try await model()
        var streamed: [Float] = []
        for try await chunk in model.stream("four") { streamed += chunk.audio.samples }
        let whole = try await model.speak("four")
        #expect(whole.samples == streamed)
        #expect(whole.samples.count == 4 * 2 * FakeSynthesizer.samplesPerFrame)
        #expect(whole.sampleRate == 24_000)
    }

    @Test func `utterances are laid end to end in the order they are given`() async throws {
        let model = try await model()
        let audio = try await model.speak("a", "bbb")
        #expect(audio.samples.count == 4 * 2 * FakeSynthesizer.samplesPerFrame)
        let begun = log.events.filter { if case .began = $0 { true } else { false } }
        #expect(begun == [.began("a"), .began("bbb")])
    }

    @Test func `requests join between steps and wait in order when there is no room`() async throws {
        let model = try await model { $0.secondsPerStep = 0.002 }
        let streams = ["aaaa", "b", "cc", "d"].map { model.stream(Utterance($0)) }
        for stream in streams { for try await _ in stream {} }
        let events = log.events
        let begun = events.compactMap { if case .began(let text) = $0 { text } else { nil } }
        #expect(begun == ["aaaa", "b", "cc", "d"])
        #expect(events.contains(.stepped(["aaaa", "b"])))
        // The third took the second's place while the first was still speaking.
        #expect(events.contains(.stepped(["aaaa", "cc"])))
        #expect(events.allSatisfy { if case .stepped(let texts) = $0 { texts.count <= 2 } else { true } })
    }

    @Test func `cancelling a stream stops the model within one step`() async throws {
        let model = try await model {
            $0.framesPerCharacter = 10_000
            $0.secondsPerStep = 0.001
        }
        let stream = model.stream("endless")
        var heard = 0
        do {
            for try await _ in stream {
                heard += 1
                if heard == 3 { stream.cancel() }
            }
            Issue.record("a request that was stopped ends with an error")
        } catch let error as SpeechError {
            #expect(error.code == .cancelled)
        }
        try await settle { log.events.contains(.cancelled("endless")) }
        let after = log.events.count
        try await Task.sleep(for: .milliseconds(20))
        #expect(log.events.count == after)
    }

    @Test func `leaving the loop stops the model though the stream is still held`() async throws {
        let model = try await model {
            $0.framesPerCharacter = 10_000
            $0.secondsPerStep = 0.001
        }
        let stream = model.stream("endless")
        func listen() async throws { for try await _ in stream { break } }
        try await listen()
        try await settle { log.events.contains(.cancelled("endless")) }
        withExtendedLifetime(stream) {}
    }

    @Test func `cancelling the task stops the model and throws`() async throws {
        let model = try await model {
            $0.framesPerCharacter = 10_000
            $0.secondsPerStep = 0.001
        }
        let task = Task { try await model.speak("endless") }
        try await settle { log.events.count > 3 }
        task.cancel()
        let result = await task.result
        #expect(throws: SpeechError.self) { try result.get() }
        try await settle { log.events.contains(.cancelled("endless")) }
    }

    @Test func `a request cancelled while it waits is never begun`() async throws {
        let model = try await model {
            $0.places = 1
            $0.secondsPerStep = 0.002
        }
        let first = model.stream("first one")
        let second = model.stream("second")
        let third = model.stream("third")
        second.cancel()
        for try await _ in first {}
        for try await _ in third {}
        #expect(!log.events.contains(.began("second")))
    }

    @Test func `a refused request is told and the next one is spoken`() async throws {
        let model = try await model { $0.refused = "no" }
        await #expect(throws: SpeechError.self) { _ = try await model.speak("no") }
        #expect(try await model.speak("yes").samples.isEmpty == false)
    }

    @Test func `a step that fails fails every request in it and in words`() async throws {
        let model = try await model { $0.stepsToFailure = 2 }
        let streams = [model.stream("long text"), model.stream("another")]
        for stream in streams {
            await #expect {
                for try await _ in stream {}
            } throws: { error in
                (error as? SpeechError)?.code == .unexpected
                    && (error as? SpeechError)?.underlying?.contains("broken") == true
            }
        }
    }

    @Test func `a model that cannot be loaded says why`() async throws {
        await #expect(throws: SpeechError.self) {
            try await SpeechModel.load(name: "none") { throw FakeFailure.broken(step: 0) }
        }
    }

    @Test func `cloning gets in while the model speaks`() async throws {
        let model = try await model {
            $0.framesPerCharacter = 10_000
            $0.secondsPerStep = 0.001
        }
        let stream = model.stream("endless")
        let recording = Recording(FakeSynthesizer.tone(frame: 0), transcript: "words")
        let profile = try await model.clone(recording, name: "ann")
        #expect(profile.codes.count == 2)
        stream.cancel()
    }

    @Test func `the limit is told in the last chunk`() async throws {
        let model = try await model { $0.limit = 2 }
        var endings: [AudioChunk.Ending?] = []
        for try await chunk in model.stream("text") { endings.append(chunk.ending) }
        #expect(endings == [nil, .limit])
    }

    @Test func `a model is loaded, used and cancelled on one thread, its own`() async throws {
        let model = try await model {
            $0.framesPerCharacter = 10_000
            $0.secondsPerStep = 0.001
        }
        for try await _ in model.stream("endless") { break }
        _ = try await model.clone(Recording(FakeSynthesizer.tone(frame: 0)), name: "ann")
        try await settle { log.events.contains(.cancelled("endless")) }
        #expect(log.threads.count == 1)
        #expect(!log.threads.contains(FakeSynthesizer.Log.currentThread))
    }

    @Test func `a model goes with the last who holds it, and not before it has spoken`() async throws {
        var model: SpeechModel? = try await model()
        let stream = try #require(model).stream("spoken to the end")
        model = nil
        var heard = 0
        for try await _ in stream { heard += 1 }
        #expect(heard == 34)
        try await settle { log.events.last == .released }
    }

    /// Waits until a condition holds; fails after some seconds.
    private func settle(_ condition: () -> Bool) async throws {
        for _ in 0..<500 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(condition())
    }
}
