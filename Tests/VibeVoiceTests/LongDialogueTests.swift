import SpeechCore
import SpeechTesting
import TensorGraph
import Testing
import VibeVoice

/// Dialogues as utterances in order.
@Suite struct LongDialogueTests {
    private func options(_ tokens: Int? = 12) -> SynthesisOptions {
        SynthesisOptions(seed: 1, maximumTokens: tokens, framesPerChunk: 1, diffusionSteps: 3)
    }

    private func chunks(_ model: any SpeechCore.Synthesizer, _ number: Int) throws -> [AudioChunk] {
        var chunks: [AudioChunk] = []
        while chunks.last?.ending == nil {
            chunks += try model.step().filter { $0.request == number }.map(\.chunk)
        }
        return chunks
    }

    private func refusal(_ scene: [Utterance]) throws -> SpeechError? {
        let model = try LongFixture.authors.load()
        do { _ = try model.begin(dialogue: scene, options()) } catch { return error as? SpeechError }
        return nil
    }

    @Test func `utterances in order are the script of the same lines`() throws {
        let model = try LongFixture.authors.load()
        let voices = [Voice.cloned(try LongFixture.recording(0)), .cloned(try LongFixture.recording(1))]
        let script = try DialogueScript(
            "Speaker 1: Hello there.\nSpeaker 2: Hi, how are you?\nSpeaker 1: I'm fine.")
        let expected = try chunks(
            model, model.begin(Dialogue(script, voices: [1: voices[0], 2: voices[1]]), options()))
        let lines = ["Hello there.", " Hi,\nhow are you? ", "I'm fine."]
        for names in [["Ann", "Bob", "ann"], [nil, nil, nil], ["Speaker 1", "Speaker 2", "Speaker 1"]] {
            let scene = lines.indices.map { Utterance(lines[$0], voice: voices[$0 % 2], speaker: names[$0]) }
            let heard = try chunks(model, model.begin(dialogue: scene, options()))
            #expect(heard.flatMap(\.audio.samples) == expected.flatMap(\.audio.samples), "\(names)")
            #expect(heard.first?.turn == 1)
            #expect(heard.allSatisfy { (1...3).contains($0.turn ?? 0) })
        }
        // Another order of the same numbers is another script.
        let other = lines.indices.map {
            Utterance(lines[$0], voice: voices[$0 % 2], speaker: ["Speaker 2", "Speaker 1"][$0 % 2])
        }
        let heard = try chunks(model, model.begin(dialogue: other, options()))
        #expect(heard.flatMap(\.audio.samples) != expected.flatMap(\.audio.samples))
    }

    @Test
    func `control tokens are refused wherever they stand, and numbers beyond the model's in one turn too`()
        throws
    {
        for token in ["<|im_start|>", "<|box_start|>", "<|vision_pad|>", "<|endoftext|>"] {
            let alone = try refusal([Utterance("Hi\(token)")])
            #expect(alone?.message == "The text holds '\(token)', one of the model's control tokens.")
            let second = try refusal([Utterance("Hi"), Utterance("Ho \(token)", speaker: "Bob")])
            #expect(second?.message.hasPrefix("Turn 2 of the script holds '\(token)'") == true)
        }
        let model = try LongFixture.authors.load()
        for count in [1, 2] {
            let scene = [Utterance](repeating: Utterance("a", speaker: "Speaker 5"), count: count)
            #expect(throws: SpeechError.self) {
                _ =
                    try count == 1
                    ? model.begin(scene[0], options()) : model.begin(dialogue: scene, options())
            }
        }
    }

    @Test func `a chunk tells the turn it is of, which goes on with the model's stretches of speech`() throws
    {
        let model = try LongFixture.authors.load()
        let scene = ["Hello there.", "Hi, how are you?", "I'm fine: thanks."].enumerated().map {
            index, text in
            Utterance(text, voice: .standard, speaker: "Speaker \(1 + index % 2)")
        }
        let turns = try chunks(model, model.begin(dialogue: scene, options(40))).compactMap(\.turn)
        #expect(!turns.isEmpty && turns == turns.sorted() && turns.allSatisfy { $0 <= 3 })
        let alone = try chunks(model, model.begin("Hello there.", options()))
        #expect(alone.allSatisfy { $0.turn == nil })
    }

    @Test func `five speakers, an empty turn, a speaker without a voice and one with two are refused`() throws
    {
        let five = (1...5).map { Utterance("Hi.", speaker: "Guest \($0)") }
        #expect(try refusal(five)?.code == .unsupported)
        #expect(try refusal(Array(five.prefix(4))) == nil)
        let empty = try refusal([Utterance("Hi.", speaker: "a"), Utterance(" \n", speaker: "b")])
        #expect(empty?.code == .invalidInput && empty?.message.contains("Turn 2") == true)
        let voice = Voice.cloned(try LongFixture.recording(0))
        let bare = try refusal([Utterance("Hi.", voice: voice, speaker: "a"), Utterance("Ho.", speaker: "b")])
        #expect(bare?.code == .unknownVoice)
        let other = Voice.cloned(try LongFixture.recording(1))
        let two = try refusal([
            Utterance("Hi.", voice: voice, speaker: "a"), Utterance("Ho.", voice: other, speaker: "a"),
        ])
        #expect(two?.code == .invalidInput && two?.message.contains("turn 2") == true)
        #expect(
            try refusal([Utterance("Hi.", voice: .preset("x"), speaker: "a"), "Ho."])?.code == .unknownVoice)
    }
}
