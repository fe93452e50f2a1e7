import Checkpoints
import Qwen3TTS
import SpeechCore
import SpeechTesting
import Testing

/// The codec's decoder in pieces. The tiny checkpoints attend to a window of eight frames.
@Suite struct CodecStreamTests {
    private let utterance = Utterance(
        "Hello world, and good morning.", voice: .preset("ryan"), language: .english)

    @Test(arguments: [ElementType.f32, .q8_0])
    func `sound is the same bit for bit in pieces of any length`(type: ElementType) throws {
        let model = try Fixture.customVoice.load(type)
        let whole = try model.speak(utterance, .frames(27, seed: 1, chunk: 8))
        #expect(whole.frames == 27)
        #expect(whole.ending == .limit)
        for chunk in [1, 2, 3, 4, 7, 16] {
            #expect(
                try model.speak(utterance, .frames(27, seed: 1, chunk: chunk)) == whole,
                "\(chunk) frames at once")
        }
    }

    @Test func `the ring behind the window holds over more than a hundred frames`() throws {
        let model = try Fixture.customVoice.load()
        let single = try model.speak(utterance, .frames(120, seed: 2, chunk: 1))
        #expect(single.frames == 120)
        #expect(try model.speak(utterance, .frames(120, seed: 2, chunk: 8)) == single)
    }

    /// A voice whose reference is so many frames of given codes.
    private func voice(_ frames: Int) -> Voice {
        let codes = (0..<frames).map { frame -> [Int32] in
            (0..<16).map { (group: Int) -> Int32 in Int32((frame * 7 + group * 13 + frame * group) % 64) }
        }
        let vector = (0..<32).map { (index: Int) -> Float in Float(index % 5) * 0.2 - 0.4 }
        return .prepared(
            VoiceProfile(
                name: "test", family: "qwen3_tts/32", speakerVector: vector, codes: codes,
                transcript: "The lazy dog."))
    }

    @Test func `a hundred frames of reference lead to what the composed operations make of them`() throws {
        let utterance = Utterance("Hello.", voice: voice(110), language: .english)
        let ours = try Fixture.base.load().speak(utterance, .frames(3, seed: 4))
        let composed = try Fixture.base.load(kernels: false).speak(utterance, .frames(3, seed: 4))
        #expect(ours.frames == 3 && composed.frames == 3)
        #expect(difference(ours.samples, composed.samples) < 1e-3)
    }

    @Test func `a stream used before forgets what it decoded`() throws {
        let used = try Fixture.base.load()
        let cloned = Utterance("Hello.", voice: voice(12), language: .english)
        _ = try used.speak(Utterance("Something else before."), .frames(9, seed: 8))
        let fresh = try Fixture.base.load().speak(cloned, .frames(5, seed: 4))
        #expect(try used.speak(cloned, .frames(5, seed: 4)) == fresh)
    }
}
