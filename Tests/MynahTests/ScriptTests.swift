import Mynah
import SpeechCore
import Testing

struct ScriptTests {
    private func failure(_ body: () throws -> Void) -> SpeechError? {
        do {
            try body()
            return nil
        } catch { return error as? SpeechError }
    }

    @Test func `lines say who speaks, by number or by name in any capitals`() throws {
        let script = try Script(
            "Ann: Is it: raining?\n\n  ann :  Well?\nSpeaker 2: No.\nspeaker  2: Not yet.")
        #expect(script.turns.map(\.speaker) == ["Ann", "Ann", "Speaker 2", "Speaker 2"])
        #expect(script.turns.map(\.text) == ["Is it: raining?", "Well?", "No.", "Not yet."])
        #expect(script.turns.map(\.line) == [1, 3, 4, 5])
        #expect(script.speakers == ["Ann", "Speaker 2"])
    }

    @Test func `JSON says the same`() throws {
        let script = try Script(
            """
              [{"speaker": "Ann", "text": "Is it\\nraining?"}, {"speaker": 2, "text": "No."}]
            """)
        #expect(script.turns.map(\.speaker) == ["Ann", "Speaker 2"])
        #expect(script.turns.map(\.text) == ["Is it raining?", "No."])
        #expect(script.turns.allSatisfy { $0.line == nil })
        let alone = try Script(" {\"speaker\": \"Ann\", \"text\": \"x\"}\n")
        #expect(alone.turns.map(\.speaker) == ["Ann"] && alone.turns.map(\.text) == ["x"])
    }

    @Test(arguments: [
        ("Ann: Hi.\nand more", "Line 2"), ("Ann: Hi.\nBob:  ", "line 2"), ("no speaker", "Line 1"),
        (": Hi.", "Line 1"), ("[{\"speaker\": \"Ann\"}]", "JSON"),
        ("{\"script\": [{\"speaker\": \"Ann\", \"text\": \"a\"}]}", "JSON"), ("{Ann}: a", "JSON"),
        ("[{\"speaker\": \" \", \"text\": \"a\"}]", "Turn 1"),
        ("[{\"speaker\": \"Ann\", \"text\": \" \"}]", "turn 1"), (" \n", "no text"), ("[]", "no text"),
        ("He said this over and over until nobody could listen: no.", "Line 1"),
    ])
    func `what is no script is refused by its place`(text: String, names: String) {
        let error = failure { _ = try Script(text) }
        #expect(error?.code == .invalidInput)
        #expect(error?.message.contains(names) == true, "\(error?.message ?? "")")
    }

    @Test func `each turn is in its speaker's voice, or all are left to the model`() throws {
        let script = try Script("Ann: One.\nSpeaker 2: Two.\nAnn: Three.")
        let scene = try script.utterances(voices: ["ann": .preset("a"), "2": .preset("b")])
        let names = scene.map { if case .preset(let name) = $0.voice { name } else { "" } }
        #expect(names == ["a", "b", "a"])
        #expect(scene.map(\.speaker) == ["Ann", "Speaker 2", "Ann"])
        let rest = try script.utterances(voices: ["Ann": .preset("a")], otherwise: .preset("c"))
        let others = rest.map { if case .preset(let name) = $0.voice { name } else { "" } }
        #expect(others == ["a", "c", "a"])
        for utterance in try script.utterances(voices: [:]) {
            if case .standard = utterance.voice { continue }
            Issue.record("not the model's choice")
        }
    }

    @Test func `a speaker without a voice, and a voice without a speaker, are told`() throws {
        let script = try Script("Ann: One.\nBob: Two.")
        let bob = failure { _ = try script.utterances(voices: ["Ann": .preset("a")]) }
        #expect(bob?.code == .unknownVoice && bob?.message.contains("'Bob' (line 2)") == true)
        let eve = failure {
            _ = try script.utterances(voices: ["Ann": .preset("a"), "Bob": .preset("b"), "Eve": .preset("c")])
        }
        #expect(eve?.code == .invalidInput && eve?.message.contains("Eve") == true)
    }
}
