import Checkpoints
import Foundation
import SpeechCore
import SpeechTesting
import TensorGraph
import Testing
import VibeVoice

/// What a caller may ask for, and what the sound depends on.
@Suite struct RequestTests {
    private let text = Utterance("Hello there, this is a tiny voice. How are you?")

    private func refusal(_ utterance: Utterance, _ options: SynthesisOptions = .rows(20)) throws
        -> SpeechError?
    {
        let model = try Fixture.load()
        do { _ = try model.begin(utterance, options) } catch { return error as? SpeechError }
        return nil
    }

    @Test func `the card lists the presets of the folder`() throws {
        let card = try Fixture.load().card
        #expect(card.family == "vibevoice_streaming")
        #expect(card.speakers == ["tiny-Voice_x"])
        #expect(card.sampleRate == 24_000)
        #expect(!card.clones && !card.designs && !card.takesInstructions)
    }

    @Test func `a voice goes by its name in any case, by its path, and is the first when not named`() throws {
        let model = try Fixture.load()
        let standard = try model.speak(text, .rows(30))
        #expect(standard.frames > 5 && standard.samples.count == standard.frames * 3200)
        for name in [
            "tiny-Voice_x", "TINY-voice_X", Fixture.model + "/voices/tiny-Voice_x.pt",
            Fixture.preset("plain"),
        ] {
            var named = text
            named.voice = .preset(name)
            #expect(try model.speak(named, .rows(30)) == standard, "\(name)")
        }
    }

    @Test func `what the model cannot do is refused by what it is`() throws {
        #expect(try refusal(Utterance("Hi.", voice: .preset("nobody")))?.code == .unknownVoice)
        #expect(try refusal(Utterance("Hi.", voice: .described("an old sailor")))?.code == .unsupported)
        let recording = Recording(AudioBuffer(samples: [0.1], sampleRate: 24_000))
        #expect(try refusal(Utterance("Hi.", voice: .cloned(recording)))?.code == .unsupported)
        #expect(try refusal(Utterance("Hi.", language: .english))?.code == .unknownLanguage)
        #expect(try refusal(Utterance("Hi.", delivery: .instructed("Softly.")))?.code == .unsupported)
        #expect(try refusal(" \n ")?.code == .invalidInput)
        for token in ["<|vision_end|>", "<|im_start|>", "<|image_pad|>"] {
            #expect(try refusal(Utterance("Hi\(token)"))?.message.contains("'\(token)'") == true)
        }
        #expect(try refusal(Utterance("Hi <|nothing|> <tool_call>")) == nil)
        #expect(throws: SpeechError.self) { try Fixture.load().prepare(recording, name: "x") }
    }

    @Test func `steps and guidance are held to what makes sense`() throws {
        for steps in [0, -1, 101] {
            #expect(try refusal(text, SynthesisOptions(diffusionSteps: steps))?.code == .invalidInput)
        }
        for guidance in [-1, 21, Float.nan, .infinity] {
            #expect(try refusal(text, SynthesisOptions(guidance: guidance))?.code == .invalidInput)
        }
        let model = try Fixture.load()
        var options = SynthesisOptions.rows(25)
        let authors = try model.speak(text, options)
        (options.diffusionSteps, options.guidance) = (5, 1.5)
        #expect(try model.speak(text, options) == authors)
        options.diffusionSteps = 4
        #expect(try model.speak(text, options) != authors)
        (options.diffusionSteps, options.guidance) = (5, 1.6)
        #expect(try model.speak(text, options) != authors)
    }

    @Test func `white space and curly quotes around a text change nothing`() throws {
        let model = try Fixture.load()
        let plain = try model.speak("It's \"so\".", .rows(20))
        #expect(try model.speak(" \n It\u{2019}s \u{201C}so\u{201D}.\t", .rows(20)) == plain)
    }

    @Test func `text and speech share the limit, whose last frame is heard`() throws {
        let model = try Fixture.load()
        // "Hi!" is three tokens with its newline: 13 rows leave ten, and the frame there is no row for is heard.
        let speech = try model.speak("Hi!", .rows(13, seed: 3))
        #expect(speech.ending == .limit)
        #expect(speech.frames == 11)
        // The first window of text does not fit: no sound, and an end all the same.
        let none = try model.speak(text, .rows(2))
        #expect(none == TestSpeech(samples: [], frames: 0, ending: .limit))
    }

    @Test func `sound is the same in pieces of any length`() throws {
        let model = try Fixture.load()
        let whole = try model.speak(text, .rows(40, chunk: 8))
        for chunk in [1, 3, 6] {
            let pieces = try model.speak(text, .rows(40, chunk: chunk))
            #expect(pieces.frames == whole.frames && pieces.samples.count == whole.samples.count)
            #expect(
                zip(pieces.samples, whole.samples).allSatisfy { abs($0 - $1) < 1e-5 },
                "\(chunk) frames at once")
        }
    }

    @Test func `another seed speaks otherwise, and the same one the same`() throws {
        let model = try Fixture.load()
        let first = try model.speak(text, .rows(25, seed: 1))
        #expect(try model.speak(text, .rows(25, seed: 2)) != first)
        let again = try model.speak(text, .rows(25, seed: 1))
        #expect(again == first)
        #expect(model.timings.reusedRows > 0)
    }

    @Test(arguments: [2, 4], [ElementType.f32, .q8_0])
    func `a request is the same alone and among others that come and go`(count: Int, type: ElementType) throws
    {
        let texts = ["Hello there, this is a tiny voice.", "Hi!", "How are you? I am fine.", "One, two."]
        var requests = texts.prefix(count).enumerated().map { index, text in
            var options = SynthesisOptions.rows(20 + 5 * index, seed: UInt64(index), chunk: 1 + index)
            if index == 1 { options.diffusionSteps = 3 }
            if index == 2 { options.guidance = 3 }
            return TestRequest(Utterance(text), options, start: 2 * index)
        }
        let alone = try requests.map { try Fixture.load(type, threads: 1).speak($0.utterance, $0.options) }
        #expect(alone.allSatisfy { $0.frames > 4 && $0.samples.contains { $0 != 0 } })
        #expect(try Fixture.load(type, sessions: count).speak(requests) == alone)
        // Somebody leaves in the middle of the others' speech.
        requests[0].cancelled = 5
        let left = try Fixture.load(type, sessions: count).speak(requests)
        for index in 1..<count { #expect(left[index] == alone[index], "request \(index)") }
    }
}
