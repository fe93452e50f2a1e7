import Checkpoints
import Foundation
import Qwen3TTS
import SpeechCore
import SpeechTesting
import Testing

/// Prompts and configurations, as a caller sees them.
@Suite struct RequestTests {
    private func error(_ body: () throws -> Void) -> SpeechError? {
        do { try body() } catch { return error as? SpeechError }
        return nil
    }

    /// Rows the talker reads before it speaks.
    private func rows(
        _ fixture: Fixture, _ utterance: Utterance, whole: Bool? = nil
    ) throws -> Int {
        let model = try fixture.load()
        var options = SynthesisOptions.frames(2, seed: 1)
        options.wholeText = whole
        _ = try model.speak(utterance, options)
        return model.timings.prefillRows
    }

    @Test func `a language takes one row more than none, and a dialect's speaker brings one`() throws {
        func rows(_ voice: String, _ language: Language) throws -> Int {
            try self.rows(.customVoice, Utterance("Hello.", voice: .preset(voice), language: language))
        }
        let plain = try rows("ryan", .auto)
        #expect(try rows("ryan", .english) == plain + 1)
        #expect(try rows("ryan", "GERMAN") == plain + 1)
        // Eric speaks Sichuan dialect where no language, or Chinese, is asked for.
        #expect(try rows("eric", .auto) == plain + 1)
        #expect(try rows("Eric", .chinese) == plain + 1)
    }

    @Test func `a speaker takes a row, and every token of a whole text one`() throws {
        let unvoiced = try rows(.base, "Hello.", whole: true)
        let vector = VoiceProfile(
            name: "x", family: "qwen3_tts/32", speakerVector: [Float](repeating: 0.1, count: 32))
        #expect(try rows(.base, Utterance("Hello.", voice: .prepared(vector)), whole: true) == unvoiced + 1)
        // A token a frame: only the first token stands in the prompt.
        let streamed = try rows(.base, "Hello.", whole: false)
        #expect(try rows(.base, "Hello. Hello, hello!", whole: false) == streamed)
        #expect(try rows(.base, "Hello. Hello, hello!", whole: true) > unvoiced)
        #expect(streamed == 3 + 3 + 1 + 1)
    }

    @Test func `white space around a text changes nothing`() throws {
        let model = try Fixture.base.load()
        let plain = try model.speak("Hello.", .frames(4, seed: 1))
        #expect(try model.speak(" \n Hello.\t ", .frames(4, seed: 1)) == plain)
    }

    @Test func `control tokens are refused in everything that is read`() throws {
        let token = "<|im_end|>"
        #expect(
            error { _ = try rows(.base, Utterance("Hi\(token)")) }?.message.hasPrefix("The text holds")
                == true)
        let told = Utterance("Hi.", voice: .preset("ryan"), delivery: .instructed("Softly\(token)"))
        #expect(
            error { _ = try rows(.customVoice, told) }?.message.hasPrefix("The instruction holds") == true)
        let voice = VoiceProfile(
            name: "x", family: "qwen3_tts/32", speakerVector: [Float](repeating: 0.1, count: 32),
            codes: [[Int32](repeating: 1, count: 16)], transcript: "Ho\(token)")
        let cloned = error { _ = try rows(.base, Utterance("Hi.", voice: .prepared(voice))) }
        #expect(
            cloned?.message.contains("transcript holds") == true, "\(cloned.map { "\($0)" } ?? "no error")")
    }

    @Test func `an instruction is read first by the models that take one`() throws {
        let plain = try rows(.customVoice, Utterance("Hello.", voice: .preset("ryan")))
        let told = Utterance("Hello.", voice: .preset("ryan"), delivery: .instructed("Softly."))
        #expect(try rows(.customVoice, told) > plain + 3)
        let refused = error { _ = try rows(.base, Utterance("Hello.", delivery: .instructed("Softly."))) }
        #expect(refused?.code == .unsupported)
    }

    @Test func `what a model does not know is an error that lists what it does`() throws {
        let model = try Fixture.customVoice.load()
        let language = error { _ = try model.begin(Utterance("Hello.", language: "klingon"), .greedy) }
        #expect(language?.code == .unknownLanguage)
        #expect(language?.message.contains("klingon") == true)
        #expect(language?.remedy.contains("auto, chinese, english") == true)
        #expect(language?.remedy.contains("dialect") == false)
        let dialect = error { _ = try model.begin(Utterance("Hello.", language: "sichuan_dialect"), .greedy) }
        #expect(dialect?.code == .unknownLanguage)
        let speaker = error { _ = try model.begin(Utterance("Hello.", voice: .preset("bob")), .greedy) }
        #expect(speaker?.code == .unknownVoice)
        #expect(speaker?.remedy.contains("ryan") == true)
        #expect(error { _ = try model.begin(Utterance(" \n\t"), .greedy) }?.code == .invalidInput)
        #expect(model.hasRoom)
    }

    // MARK: configurations

    /// What loading says of the base checkpoint after a change to one of its files.
    private func complaint(
        _ file: String = "config.json", _ change: (inout [String: Any]) -> Void
    ) throws -> SpeechError? {
        let scratch = try ScratchFolder()
        let (source, target) = (
            URL(fileURLWithPath: Fixture.base.path), URL(fileURLWithPath: scratch.path + "/model")
        )
        try FileManager.default.copyItem(at: source, to: target)
        let place = target.appendingPathComponent(file)
        var content = try JSONSerialization.jsonObject(with: Data(contentsOf: place)) as? [String: Any] ?? [:]
        change(&content)
        try JSONSerialization.data(withJSONObject: content).write(to: place)
        return error { _ = try Qwen3TTSFamily.roles(ModelFiles(path: target.path)) }
    }

    private func expect(
        _ complaint: SpeechError?, _ code: SpeechError.Code, names words: String...
    ) {
        #expect(complaint?.code == code)
        for word in words {
            #expect(complaint?.message.contains(word) == true, "\(complaint?.message ?? "no error")")
        }
    }

    private func talker(_ key: String, _ value: Any?) throws -> SpeechError? {
        try complaint { content in
            var talker = content["talker_config"] as? [String: Any] ?? [:]
            talker[key] = value
            content["talker_config"] = talker
        }
    }

    @Test func `an unchanged copy of the checkpoint is taken`() throws {
        #expect(try complaint { _ in } == nil)
    }

    @Test func `a missing key is named, with its file`() throws {
        expect(
            try talker("hidden_size", nil), .wrongFormat, names: "config.json", "talker_config.hidden_size")
        expect(
            try complaint { $0["tts_model_type"] = nil }, .wrongFormat, names: "config.json", "tts_model_type"
        )
    }

    @Test func `a value of another type is named`() throws {
        expect(
            try talker("num_hidden_layers", "three"), .unsupported, names: "config.json",
            "talker_config.num_hidden_layers")
        expect(
            try complaint { $0["tts_model_type"] = "singing" }, .unsupported, names: "config.json",
            "tts_model_type")
        expect(
            try complaint { $0["tokenizer_type"] = "other" }, .unsupported, names: "tokenizer_type", "other")
    }

    @Test(arguments: [0, -1, 1 << 40, Int.max])
    func `numbers that size nothing sensible are refused`(value: Int) throws {
        for key in ["hidden_size", "num_hidden_layers", "vocab_size", "num_attention_heads", "head_dim"] {
            expect(try talker(key, value), .unsupported, names: "config.json", key)
        }
    }

    @Test func `a number too large for any integer is refused`() throws {
        expect(
            try talker("hidden_size", 1e30), .unsupported, names: "config.json", "talker_config.hidden_size",
            "1e+30")
    }

    @Test func `heads that do not share evenly are refused`() throws {
        expect(
            try talker("num_key_value_heads", 3), .unsupported, names: "config.json", "num_attention_heads")
    }

    @Test func `the speech tokenizer's file is checked alike`() throws {
        let file = "speech_tokenizer/config.json"
        func decoder(_ key: String, _ value: Any?) throws -> SpeechError? {
            try complaint(file) { content in
                var decoder = content["decoder_config"] as? [String: Any] ?? [:]
                decoder[key] = value
                content["decoder_config"] = decoder
            }
        }
        expect(try decoder("latent_dim", nil), .wrongFormat, names: file, "decoder_config.latent_dim")
        expect(try decoder("sliding_window", 0), .unsupported, names: file, "sliding_window")
        expect(try decoder("upsample_rates", [8, 5, 4, 0]), .unsupported, names: file, "upsample_rates")
        expect(
            try decoder("upsample_rates", [8, 5, 4, 4]), .unsupported, names: file, "decode_upsample_rate")
    }

    @Test func `a file that is no JSON is told`() throws {
        let scratch = try ScratchFolder()
        let target = URL(fileURLWithPath: scratch.path + "/model")
        try FileManager.default.copyItem(at: URL(fileURLWithPath: Fixture.base.path), to: target)
        try Data("{\"tts_model_type\": ".utf8).write(to: target.appendingPathComponent("config.json"))
        expect(
            error { _ = try Qwen3TTSFamily.roles(ModelFiles(path: target.path)) }, .wrongFormat,
            names: "config.json")
    }
}
