import SpeechCore
import SpeechTesting
import TensorGraph
import Testing
import VibeVoice

/// Dialogues from request to sound.
@Suite struct LongSynthesizerTests {
    private let text =
        "Speaker 1: Hello there.\nSpeaker 2: Hi, how are you?\n\nspeaker 1 :  I'm fine: thanks."

    private func voices() throws -> [Int: Voice] {
        [1: .cloned(try LongFixture.recording(0)), 2: .cloned(try LongFixture.recording(1))]
    }

    private func options(_ tokens: Int? = 12, seed: UInt64 = 1, chunk: Int = 4) -> SynthesisOptions {
        SynthesisOptions(seed: seed, maximumTokens: tokens, framesPerChunk: chunk, diffusionSteps: 3)
    }

    private func speak(
        _ model: any DialogueSynthesizer, _ dialogue: Dialogue, _ options: SynthesisOptions
    ) throws -> TestSpeech {
        let number = try model.begin(dialogue, options)
        var speech = TestSpeech()
        while speech.ending == nil {
            for (request, chunk) in try model.step() where request == number {
                speech.samples += chunk.audio.samples
                speech.frames = chunk.frames
                speech.ending = chunk.ending
            }
        }
        return speech
    }

    private func code(_ body: () throws -> Void) -> SpeechError.Code? {
        do {
            try body()
            return nil
        } catch { return (error as? SpeechError)?.code }
    }

    @Test func `a dialogue in two voices is the same in any chunks, and every frame is heard`() throws {
        let model = try LongFixture.authors.load()
        let dialogue = Dialogue(try DialogueScript(text), voices: try voices())
        let one = try speak(model, dialogue, options(chunk: 1))
        let many = try speak(model, dialogue, options(chunk: 5))
        #expect(one == many)
        #expect(one.frames > 0)
        #expect(one.samples.count == one.frames * 3200)
        #expect(one.samples.allSatisfy { abs($0) <= 1 })
        #expect(try speak(model, dialogue, options(seed: 2)).samples != one.samples)
    }

    @Test func `a voice changes what is heard, and a prepared one is the recording it was made of`() throws {
        let model = try LongFixture.authors.load()
        let script = try DialogueScript("Hello there.")
        let recording = try LongFixture.recording(0)
        let cloned = try speak(model, Dialogue(script, voices: [1: .cloned(recording)]), options())
        let profile = try model.prepare(recording, name: "first")
        #expect(profile.speakerVector.count == 4 * 16)
        #expect(try speak(model, Dialogue(script, voices: [1: .prepared(profile)]), options()) == cloned)
        #expect(try speak(model, Dialogue(script), options()).samples != cloned.samples)
        var damaged = profile
        damaged.speakerVector.removeLast()
        #expect(throws: SpeechError.self) {
            try model.begin(Dialogue(script, voices: [1: .prepared(damaged)]), options())
        }
    }

    @Test func `requests do not hear each other`() throws {
        let alone = try LongFixture.authors.load(), shared = try LongFixture.authors.load(sessions: 2)
        let (first, second) = (Utterance("Speaker 1: One.\nSpeaker 2: Two."), Utterance("Three and four."))
        let together = try shared.speak([
            TestRequest(first, options()), TestRequest(second, options(8), start: 3),
        ])
        #expect(together == [try alone.speak(first, options()), try alone.speak(second, options(8))])
    }

    @Test func `a speaker without a voice, and a voice without a speaker, are refused`() throws {
        let model = try LongFixture.authors.load()
        let script = try DialogueScript(text), voices = try voices()
        #expect(
            code { _ = try model.begin(Dialogue(script, voices: [2: voices[2] ?? .standard]), options()) }
                == .unknownVoice)
        let three = voices.merging([3: .cloned(try LongFixture.recording(0))]) { $1 }
        #expect(code { _ = try model.begin(Dialogue(script, voices: three), options()) } == .invalidInput)
        // An utterance has one voice, which is not enough for two speakers.
        let cloned = Voice.cloned(try LongFixture.recording(0))
        #expect(code { _ = try model.begin(Utterance(text, voice: cloned), options()) } == .unknownVoice)
        #expect(model.hasRoom)
    }

    @Test func `what the model cannot do is refused`() throws {
        let model = try LongFixture.authors.load()
        let silence = Voice.cloned(
            Recording(AudioBuffer(samples: [Float](repeating: 0, count: 9000), sampleRate: 24_000)))
        let refused: [(Utterance, SpeechError.Code)] = [
            (Utterance(""), .invalidInput), (Utterance("Speaker 1:"), .invalidInput),
            (Utterance("Hello <|vision_pad|> there"), .invalidInput),
            (Utterance("Hello", voice: .preset("Anna")), .unknownVoice),
            (Utterance("Hello", voice: .described("warm")), .unsupported),
            (Utterance("Hello", voice: silence), .invalidInput),
            (Utterance("Hello", language: .english), .unknownLanguage),
            (Utterance("Hello", delivery: .instructed("slowly")), .unsupported),
        ]
        for (utterance, expected) in refused {
            #expect(code { _ = try model.begin(utterance, options()) } == expected)
        }
        #expect(code { _ = try model.begin("Hello", options(0)) } == .invalidInput)
    }
}
