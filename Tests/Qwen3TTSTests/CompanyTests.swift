import Checkpoints
import Qwen3TTS
import SpeechCore
import SpeechTesting
import Testing

/// What a request sounds like does not depend on who speaks beside it, or spoke before.
@Suite struct CompanyTests {
    private let texts: [(Utterance)] = [
        Utterance("Hello world.", voice: .preset("ryan"), language: .english),
        Utterance("The quick brown fox.", voice: .preset("Eric"), language: .chinese),
        Utterance("你好，世界。", voice: .preset("vivian")),
        Utterance("Guten Morgen, Welt!", voice: .preset("ryan"), language: "german"),
        Utterance(
            "Hello world.", voice: .preset("ryan"), language: .english, delivery: .instructed("Softly.")),
        Utterance(
            "Hello there.", voice: .preset("ryan"), language: .english, delivery: .instructed("Softly.")),
        Utterance(
            "A last one, somewhat longer than the others.", voice: .preset("sohee"), language: "korean"),
        Utterance("1, 2, 3.", voice: .preset("dylan")),
    ]

    private func requests(_ count: Int) -> [TestRequest] {
        texts.prefix(count).enumerated().map { index, text in
            var options = SynthesisOptions.frames(
                6 + 3 * index % 10, seed: UInt64(40 + index), chunk: 1 + index % 4)
            if index % 3 == 2 { options.wholeText = false }
            return TestRequest(text, options, start: index * 2)
        }
    }

    @Test(arguments: [2, 5, 8], [ElementType.f32, .q8_0])
    func `a request is the same alone and among others that come and go`(count: Int, type: ElementType) throws
    {
        var requests = requests(count)
        let alone = try requests.map {
            try Fixture.customVoice.load(type, threads: 1).speak($0.utterance, $0.options)
        }
        #expect(alone.allSatisfy { $0.frames >= 6 && $0.samples.contains { $0 != 0 } })
        #expect(try Fixture.customVoice.load(type, sessions: count).speak(requests) == alone)

        // Somebody leaves in the middle of the others' speech.
        requests[count / 2].cancelled = requests[count / 2].start + 3
        let left = try Fixture.customVoice.load(type, sessions: count).speak(requests)
        for index in 0..<count where index != count / 2 {
            #expect(left[index] == alone[index], "request \(index)")
        }
    }

    @Test(arguments: [ElementType.f32, .q8_0])
    func `a prompt whose beginning is still there sounds as one computed whole`(type: ElementType) throws {
        let (first, second) = (texts[4], texts[5])
        let used = try Fixture.customVoice.load(type)
        let options = SynthesisOptions.frames(8, seed: 5)
        let before = try used.speak(first, options)
        #expect(used.timings.reusedRows == 0)
        #expect(try used.speak(first, options) == before)
        let again = used.timings.reusedRows
        #expect(again > 0)
        let shared = try used.speak(second, options)
        #expect(used.timings.reusedRows > again)
        #expect(try Fixture.customVoice.load(type).speak(second, options) == shared)
        #expect(shared != before)
    }

    @Test func `another seed speaks otherwise, and the same one the same`() throws {
        let model = try Fixture.customVoice.load()
        let first = try model.speak(texts[0], .frames(6, seed: 1))
        #expect(try model.speak(texts[0], .frames(6, seed: 2)) != first)
        #expect(try model.speak(texts[0], .frames(6, seed: 1)) == first)
    }

    @Test(arguments: Fixture.allCases)
    func `one thread speaks what two do`(fixture: Fixture) throws {
        let utterance = Utterance("Hello world.")
        let one = try fixture.load(threads: 1).speak(utterance, .frames(10, seed: 3))
        #expect(try fixture.load(threads: 2).speak(utterance, .frames(10, seed: 3)) == one)
    }
}
