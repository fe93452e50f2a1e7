import Foundation
import SpeechCore
import Testing
import VibeVoice

/// Scripts of dialogues.
@Suite struct LongScriptTests {
    private func turns(_ text: String) throws -> [[String]] {
        try DialogueScript(text).turns.map { ["\($0.speaker)", $0.text] }
    }

    private func failure(_ text: String) -> DialogueError? {
        do {
            _ = try DialogueScript(text)
            return nil
        } catch { return error }
    }

    @Test func `scripts are read as the authors' code reads them`() throws {
        let file = URL(fileURLWithPath: "\(Fixture.folder)/prompts_real_tokenizer.json")
        let root = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        let cases = try #require(root?["parse_script"] as? [[String: Any]])
        var compared = 0
        for entry in cases {
            let script = try #require(entry["script"] as? String)
            // The authors drop lines without a speaker, speak empty turns, and number as they like: refused here.
            guard let parsed = entry["parsed"] as? [[Any]], failure(script) == nil else { continue }
            let known = parsed.map { ["\($0[0])", "\($0[1])".trimmingCharacters(in: .whitespaces)] }
            #expect(try turns(script) == known)
            compared += 1
        }
        #expect(compared >= 3)
    }

    @Test func `numbers begin at 0 or at 1, and are told as written`() throws {
        #expect(try turns("Speaker 0: a\nspeaker 1:b") == [["0", "a"], ["1", "b"]])
        #expect(
            try turns(" SPEAKER 2 :  spaced : colon \r\n\r\nSpeaker 3: c") == [
                ["1", "spaced : colon"], ["2", "c"],
            ])
        let script = try DialogueScript("Speaker 3: c\nSpeaker 1: a\nSpeaker 3: d")
        #expect(script.speakers.map(script.written) == [1, 3])
    }

    @Test func `a text without speakers is one speaker's`() throws {
        #expect(
            try turns("Hello.\n\nSpeakers: loud ones.") == [["0", "Hello."], ["0", "Speakers: loud ones."]])
    }

    @Test func `what is no dialogue is refused`() {
        #expect(failure(" \n ") == .empty)
        #expect(failure("Speaker 1: a\nSpeaker 2:  ") == .emptyTurn(line: 2))
        #expect(failure("Speaker 1: a\n\nplain") == .noSpeaker(line: 3))
        #expect(failure("Speaker 99999999999999999999: a") == .unreadableNumber(line: 1))
        #expect(failure((1...5).map { "Speaker \($0): a" }.joined(separator: "\n")) == .tooManySpeakers(5))
        #expect(failure("Speaker 1: a\nSpeaker 5: b") == .unknownSpeaker(5))
        #expect(failure((1...4).map { "Speaker \($0): a" }.joined(separator: "\n")) == nil)
    }
}
