import SpeechCore
import SpeechTesting
import TensorGraph
import Testing
import VibeVoice

/// Text that comes while it is spoken.
@Suite struct RealtimeIncomingTextTests {
    private static let text =
        "  Hello there, this is a \u{201C}tiny\u{201D} voice. How are you?\n I am fine, thanks. "

    private func step(
        _ model: any SpeechCore.Synthesizer, _ number: Int, into speech: inout TestSpeech
    ) throws {
        for (request, chunk) in try model.step() where request == number {
            speech.samples += chunk.audio.samples
            speech.frames = chunk.frames
            speech.ending = chunk.ending
        }
    }

    @Test(arguments: 0..<6)
    func `text that comes in any pieces at any time sounds as the whole does`(seed: Int) throws {
        let model = try Fixture.load()
        let options = SynthesisOptions.rows(seed % 2 == 0 ? nil : 60, seed: UInt64(seed), chunk: 1 + seed % 3)
        let whole = try model.speak(Utterance(Self.text), options)
        #expect(whole.frames > 10)
        let incoming = IncomingText()
        let number = try model.begin("", reading: incoming, options)
        var (speech, rest) = (TestSpeech(), Self.text.unicodeScalars[...])
        while speech.ending == nil {
            if rest.isEmpty {
                incoming.finish()
            } else if Bool.random() || model.isStarved {
                let count = Int.random(in: 1...9)
                incoming.append(String(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            try step(model, number, into: &speech)
        }
        #expect(speech == whole)
        #expect(!model.isStarved)
    }

    @Test func `sound leaves before the last word is known`() throws {
        let model = try Fixture.load()
        let incoming = IncomingText()
        let number = try model.begin("", reading: incoming, .rows(seed: 4))
        #expect(model.isStarved)
        incoming.append("Hello there, this is a tiny voice")
        var speech = TestSpeech()
        try step(model, number, into: &speech)
        #expect(!speech.samples.isEmpty && speech.ending == nil)
        // The first window's frames, and then it waits.
        for _ in 0..<40 { try step(model, number, into: &speech) }
        #expect(model.isStarved && speech.ending == nil)
        incoming.append(", and that is all.")
        incoming.finish()
        while speech.ending == nil { try step(model, number, into: &speech) }
        #expect(
            speech == (try model.speak("Hello there, this is a tiny voice, and that is all.", .rows(seed: 4)))
        )
    }

    @Test func `a long text is cut into the same segments however it comes`() throws {
        let model = try Fixture.load()
        let text = String(repeating: "Hello there, this is a tiny voice. ", count: 110)
        // The tiny model ends a segment early, so that a few frames of each are heard.
        let options = SynthesisOptions.rows(40, seed: 2)
        let whole = try model.speak(Utterance(text), options)
        let incoming = IncomingText()
        let number = try model.begin("", reading: incoming, options)
        var (speech, rest) = (TestSpeech(), text[...])
        while speech.ending == nil {
            if rest.isEmpty { incoming.finish() }
            incoming.append(String(rest.prefix(97)))
            rest = rest.dropFirst(97)
            try step(model, number, into: &speech)
        }
        #expect(speech == whole)
        #expect(whole.samples.count > whole.frames * 3200, "a pause stands between segments")
    }

    @Test func `one that waits for text holds up nobody, and goes on as if alone`() throws {
        let model = try Fixture.load(sessions: 2)
        let alone = try model.speak("How are you?", .rows(20, seed: 5))
        let whole = try model.speak("Hello there, this is a tiny voice.", .rows(30, seed: 6))
        let incoming = IncomingText()
        let number = try model.begin("", reading: incoming, .rows(30, seed: 6))
        incoming.append("Hello there, this")
        #expect(try model.speak([TestRequest("How are you?", .rows(20, seed: 5))]) == [alone])
        #expect(model.isStarved)
        incoming.append(" is a tiny voice.")
        incoming.finish()
        var speech = TestSpeech()
        while speech.ending == nil { try step(model, number, into: &speech) }
        // What it said meanwhile went unheard here.
        #expect(speech.frames == whole.frames && speech.ending == whole.ending)
        #expect(whole.samples.suffix(speech.samples.count).elementsEqual(speech.samples))
    }

    @Test func `one that leaves while it waits frees its place`() throws {
        let model = try Fixture.load()
        let number = try model.begin("", reading: IncomingText(), .rows(20))
        #expect(!model.hasRoom && model.isStarved)
        #expect(try model.step().isEmpty)
        model.cancel(number)
        #expect(model.hasRoom && !model.isStarved)
    }

    @Test func `a text that ends without a word ends without a sound`() throws {
        let model = try Fixture.load()
        let incoming = IncomingText()
        _ = try model.begin("", reading: incoming, .rows(20))
        incoming.append(" \n ")
        incoming.finish()
        let chunks = try model.step()
        #expect(
            chunks.count == 1 && chunks[0].chunk.ending == .natural && chunks[0].chunk.audio.samples.isEmpty)
        #expect(model.hasRoom)
    }
}
