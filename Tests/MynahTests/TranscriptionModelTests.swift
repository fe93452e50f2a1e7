import Mynah
import SpeechCore
import SpeechTesting
import Testing

struct TranscriptionModelTests {
    private let log = FakeTranscriber.Log()

    private func model(secondsPerStep: Double = 0) async throws -> TranscriptionModel {
        try await TranscriptionModel.load(name: "fake") { [log] in
            FakeTranscriber(secondsPerStep: secondsPerStep, log: log)
        }
    }

    private func audio(letters: Int) -> AudioBuffer {
        AudioBuffer(samples: [Float](repeating: 0.1, count: letters * 100), sampleRate: 24_000)
    }

    @Test func `a stream tells what is written as it is written, and the transcript at its end`() async throws
    {
        let model = try await model()
        var (written, last) = ("", TranscriptionEvent.listening(0))
        for try await event in model.stream(audio(letters: 3)) {
            if case .writing(let text) = event { written += text }
            last = event
        }
        let whole = try await model.transcribe(audio(letters: 3))
        #expect(written == "aaa")
        #expect(last == .finished(whole))
        #expect(whole.text == "aaa")
    }

    @Test func `recordings are taken one at a time in the order they came`() async throws {
        let model = try await model()
        let streams = ["x", "y", "z"].map {
            model.stream(audio(letters: 2), options: TranscriptionOptions(context: $0))
        }
        for stream in streams.reversed() { for try await _ in stream {} }
        #expect(
            log.events.filter { $0.hasPrefix("began") || $0.hasPrefix("left") }
                == ["began x", "left x", "began y", "left y", "began z", "left z"])
    }

    @Test func `a request that is left stops the model's work, and the next is taken`() async throws {
        let model = try await model(secondsPerStep: 0.001)
        var stream: TranscriptionStream? = model.stream(
            audio(letters: 100_000), options: TranscriptionOptions(context: "long"))
        for try await _ in try #require(stream) { break }
        // How far it comes before somebody listens is the machine's affair; from here on it is ours.
        let before = log.events.count { $0 == "stepped long" }
        stream = nil
        #expect(try await model.transcribe(audio(letters: 1)).text == "a")
        #expect(log.events.count { $0 == "stepped long" } - before < 1000)
    }

    @Test func `a request that is cancelled ends with that error`() async throws {
        let model = try await model(secondsPerStep: 0.001)
        let stream = model.stream(audio(letters: 10_000))
        var heard = 0
        let error = await #expect(throws: SpeechError.self) {
            for try await _ in stream {
                heard += 1
                if heard == 3 { stream.cancel() }
            }
        }
        #expect(error?.code == .cancelled)
    }

    @Test(arguments: ["refused", "broken"])
    func `a request that fails harms no other`(context: String) async throws {
        let model = try await model()
        let bad = model.stream(audio(letters: 5), options: TranscriptionOptions(context: context))
        let good = model.stream(audio(letters: 2))
        let error = await #expect(throws: SpeechError.self) { for try await _ in bad {} }
        #expect(error?.code == (context == "refused" ? .invalidInput : .unexpected))
        var text = ""
        for try await event in good { if case .finished(let transcript) = event { text = transcript.text } }
        #expect(text == "aa")
    }
}
