import Checkpoints
import SpeechCore
import SpeechTesting
import TensorGraph
import Testing
import VibeVoice

/// Dialogues that step together: what one says depends on nobody else.
@Suite struct LongCompanyTests {
    private func options(_ tokens: Int, seed: UInt64, steps: Int = 3) -> SynthesisOptions {
        SynthesisOptions(
            seed: seed, maximumTokens: tokens, minimumTokens: tokens - 3, framesPerChunk: 3,
            diffusionSteps: steps)
    }

    @Test(arguments: [ElementType.f32, .q8_0])
    func `a dialogue is the same alone and among others that come and go`(_ type: ElementType) throws {
        let requests = [
            TestRequest("Speaker 1: Hello there.\nSpeaker 2: Hi.", options(14, seed: 1)),
            TestRequest(
                "A longer text joins them, and reads it first.", options(9, seed: 2, steps: 5), start: 2),
            TestRequest("Gone before it is over.", options(40, seed: 3), start: 3, cancelled: 9),
            TestRequest("Speaker 1: Last.", options(12, seed: 4), start: 6),
        ]
        let together = try LongFixture.authors.load(type, sessions: 4).speak(requests)
        for (index, request) in requests.enumerated() where request.cancelled == nil {
            let alone = try LongFixture.authors.load(type).speak(request.utterance, request.options)
            #expect(alone.frames > 5)
            #expect(together[index] == alone, "request \(index)")
        }
    }

    @Test func `one that needs a larger cache leaves those in it as they are`() throws {
        let first = TestRequest("Hello there.", options(30, seed: 1))
        // Promised many more rows than the cache has that the first was begun with.
        let second = TestRequest(
            "Another.",
            SynthesisOptions(seed: 2, maximumTokens: 5000, minimumTokens: 4000, diffusionSteps: 1),
            start: 4, cancelled: 12)
        let model = try LongFixture.authors.load(sessions: 2)
        let together = try model.speak([first, second])
        let alone = try LongFixture.authors.load().speak(first.utterance, first.options)
        #expect(together[0] == alone)
        // The place and the streams of one that was left serve the next.
        #expect(try model.speak(first.utterance, first.options) == alone)
    }

    @Test func `what is promised to all is weighed before another joins`() throws {
        let model = try LongFixture.authors.load(sessions: 2)
        // 8192 positions of the tiny model are a few megabytes; no machine refuses them.
        _ = try model.begin(Utterance("Hello."), options(8000, seed: 1))
        #expect(model.hasRoom)
        _ = try model.begin(Utterance("Hello."), options(8000, seed: 2))
        #expect(!model.hasRoom)
    }
}
