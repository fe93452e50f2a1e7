import Checkpoints
import Foundation
import SpeechCore
import TensorGraph
import Testing
import TextProcessing
import VibeVoice

/// A checkpoint asked as a caller asks it.
@Suite(.serialized) struct ASRTranscriberTests {
    private let words = [
        TranscriptSegment(speaker: "0", start: 0, end: 1.25, text: "Hello there."),
        TranscriptSegment(speaker: "1", start: 1.25, end: 2.23, text: "Hi, how are you?"),
    ]

    @Test(arguments: ASRFixture.allCases)
    func `the golden recording is written down as the authors' code does`(fixture: ASRFixture) throws {
        let events = try fixture.load().events(ASRFixture.recording())
        guard case .finished(let transcript)? = events.last else {
            Issue.record("there was no end")
            return
        }
        #expect(transcript.segments == words)
        #expect(transcript.warnings == [])
        #expect(abs(transcript.duration - 53577 / 24000.0) < 1e-9)
        let told = events.compactMap { if case .segment(let segment) = $0 { segment } else { nil } }
        #expect(told == words)
        let text = events.compactMap { if case .writing(let text) = $0 { text } else { nil } }.joined()
        guard case .string(let golden)? = try ASRFixture.golden().metadata["text"] else { return }
        #expect(golden.hasPrefix(text) && text.hasSuffix("}]"))
        let shares = events.compactMap { if case .listening(let share) = $0 { share } else { nil } }
        #expect(shares == shares.sorted() && shares.last == 1)
    }

    @Test func `a recording at another rate is resampled`() throws {
        let slow = AudioBuffer(samples: try ASRFixture.recording().samples, sampleRate: 12_000)
        let transcript = try ASRFixture.authors.load().transcribe(slow)
        #expect(abs((transcript?.duration ?? 0) - 53577 / 12000.0) < 1e-9)
    }

    @Test func `a limit on tokens keeps what was written, and says so`() throws {
        let transcript = try ASRFixture.authors.load().transcribe(
            ASRFixture.recording(), TranscriptionOptions(maximumTokens: 45))
        #expect(transcript?.segments == [words[0]])
        #expect(
            transcript?.unread?.hasPrefix("{\"Start\":1.25") == true, "\(transcript?.unread ?? "nothing")")
        #expect(transcript?.warnings == [.limit, .unread])
    }

    @Test func `silence is told without asking the model, and one sample is enough to ask`() throws {
        let model = try ASRFixture.authors.load()
        let silent = AudioBuffer(samples: [Float](repeating: 0, count: 48_000), sampleRate: 24_000)
        #expect(try model.transcribe(silent) == Transcript(segments: [], duration: 2, warnings: [.silence]))
        #expect(try model.transcribe(AudioBuffer(samples: [0.5], sampleRate: 24_000)) != nil)
    }

    private func code(_ body: () throws -> Void) -> SpeechError.Code? {
        do { try body() } catch { return (error as? SpeechError)?.code }
        return nil
    }

    @Test func `what cannot be written down is refused with its reason`() throws {
        let model = try ASRFixture.authors.load()
        func begin(
            _ samples: [Float], rate: Int = 24_000, _ options: TranscriptionOptions = TranscriptionOptions()
        ) -> SpeechError.Code? {
            code { _ = try model.begin(AudioBuffer(samples: samples, sampleRate: rate), options) }
        }
        #expect(begin([]) == .invalidInput)
        #expect(begin([0.1, .nan]) == .corruptData)
        #expect(begin([Float](repeating: 0.1, count: 3601), rate: 1) == .invalidInput)
        #expect(begin([0.1], TranscriptionOptions(context: "a <|im_end|> b")) == .invalidInput)
        #expect(begin([0.1], TranscriptionOptions(context: "a <|box_start|>")) == .invalidInput)
        #expect(begin([0.1], TranscriptionOptions(context: "a <|vision_end|>")) == .invalidInput)
        #expect(begin([0.1], TranscriptionOptions(maximumTokens: 0)) == .invalidInput)
        #expect(
            begin([0.1], TranscriptionOptions(context: String(repeating: "word ", count: 200_000)))
                == .invalidInput)
    }

    @Test func `a minute of noise ends, within its limit`() throws {
        var state: UInt64 = 1
        let samples = (0..<24_000 * 60).map { _ -> Float in
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
        }
        let transcript = try ASRFixture.authors.load().transcribe(
            AudioBuffer(samples: samples, sampleRate: 24_000), TranscriptionOptions(maximumTokens: 200))
        #expect(transcript?.duration == 60)
    }

    // MARK: a model gone wrong

    @Test func `a model that goes round in circles is asked again, then cut off and flagged`() throws {
        let scratch = try ASRScratch(.transformers)
        // Layers that add nothing, one embedding for all, and a head that knows one token.
        let width = 64
        try scratch.rewrite { name, index in
            if name.hasSuffix("o_proj.weight") || name.hasSuffix("down_proj.weight") { return 0 }
            if name.hasSuffix("embed_tokens.weight") || name.hasSuffix("model.norm.weight") { return 1 }
            if name.hasSuffix("lm_head.weight") { return index / width == 40 ? 10 : 0 }
            return nil
        }
        let model = try ASRFixture.load(ModelFiles(path: scratch.path))
        let events = try model.events(ASRFixture.recording(), TranscriptionOptions(maximumTokens: 2000))
        guard case .finished(let transcript)? = events.last else {
            Issue.record("there was no end")
            return
        }
        #expect(transcript.warnings == [.repetition])
        #expect(transcript.segments.isEmpty)
        #expect(events.count < 1000, "four circles of a hundred characters or so")
    }

    @Test func `scores that are no numbers end the answer`() throws {
        let scratch = try ASRScratch(.transformers)
        try scratch.rewrite { name, _ in name.hasSuffix("lm_head.weight") ? .nan : nil }
        let transcript = try ASRFixture.load(ModelFiles(path: scratch.path)).transcribe(
            ASRFixture.recording())
        #expect(transcript?.segments == [])
    }

    // MARK: checkpoints

    @Test func `a configuration that cannot be used is refused with its key`() throws {
        func refused(_ fixture: ASRFixture, _ body: (inout [String: Any]) -> Void) throws -> SpeechError? {
            let scratch = try ASRScratch(fixture)
            try scratch.change("config.json", body)
            do { _ = try ASRFixture.load(ModelFiles(path: scratch.path)) } catch {
                return error as? SpeechError
            }
            return nil
        }
        func inner(_ key: String, _ part: String, _ value: Any?) -> (inout [String: Any]) -> Void {
            { config in
                var object = config[part] as? [String: Any] ?? [:]
                object[key] = value
                config[part] = object
            }
        }
        let cases: [(ASRFixture, String, String, Any?)] = [
            (.authors, "hidden_size", "decoder_config", nil),
            (.authors, "hidden_size", "decoder_config", "x"),
            (.authors, "hidden_size", "decoder_config", -4),
            (.authors, "num_hidden_layers", "decoder_config", 1 << 40),
            (.authors, "num_key_value_heads", "decoder_config", 0),
            (.authors, "rope_theta", "decoder_config", 0),
            (.authors, "encoder_depths", "acoustic_tokenizer_config", "1-x"),
            (.authors, "encoder_ratios", "acoustic_tokenizer_config", [8, 5, 4, 4]),
            (.authors, "encoder_ratios", "semantic_tokenizer_config", [8, 5, 4, 4, 4]),
            (.authors, "encoder_n_filters", "acoustic_tokenizer_config", 1 << 40),
            (.authors, "causal", "acoustic_tokenizer_config", false),
            (.authors, "mixer_layer", "semantic_tokenizer_config", "conv"),
            (.transformers, "kernel_size", "acoustic_tokenizer_encoder_config", 9),
            (.transformers, "downsampling_ratios", "semantic_tokenizer_encoder_config", []),
            (.transformers, "vocab_size", "text_config", 100),
        ]
        for (fixture, key, part, value) in cases {
            let error = try refused(fixture, inner(key, part, value))
            #expect(error != nil, "\(part).\(key) = \(value ?? "nothing")")
        }
        #expect(
            try refused(.authors, inner("hidden_size", "decoder_config", nil))?.message.contains(
                "decoder_config.hidden_size") == true)
    }

    @Test func `tensors that are missing or of another shape are refused`() throws {
        let scratch = try ASRScratch(.transformers)
        try scratch.change("config.json") { config in
            var text = config["text_config"] as? [String: Any] ?? [:]
            text["num_hidden_layers"] = 2
            config["text_config"] = text
        }
        #expect(throws: LoadError.self) { _ = try ASRFixture.load(ModelFiles(path: scratch.path)) }
    }

    @Test func `the tokenizer may come in either form, and without one the error says which is needed`()
        throws
    {
        let scratch = try ASRScratch(.authors)
        try scratch.remove("tokenizer.json")
        #expect(
            try ASRFixture.load(ModelFiles(path: scratch.path)).transcribe(ASRFixture.recording())?.segments
                == words)
        try scratch.remove("vocab.json")
        var message = ""
        do { _ = try ASRFixture.load(ModelFiles(path: scratch.path)) } catch { message = "\(error)" }
        #expect(message.contains("Qwen2.5-7B"))
    }

    @Test func `only this family's configurations are claimed`() throws {
        func claims(_ text: String) -> Bool { ASRFamily.claims(config: Data(text.utf8)) }
        #expect(claims(#"{"model_type":"vibevoice","architectures":["VibeVoiceForASRTraining"]}"#))
        #expect(claims(#"{"model_type":"vibevoice_asr"}"#))
        #expect(!claims(#"{"model_type":"vibevoice","architectures":["VibeVoiceForConditionalGeneration"]}"#))
        #expect(!claims(#"{"model_type":"qwen3_tts"}"#))
        #expect(!claims("no JSON"))
    }

    @Test func `every tensor of a checkpoint has a role, and the connectors' are theirs`() throws {
        let roles = try ASRFamily.roles(ASRFixture.transformers.files())
        #expect(try roles.count == ASRFixture.transformers.files().tensors.count)
        #expect(roles["language_model.lm_head.weight"] == .head)
        #expect(roles["multi_modal_projector.acoustic_linear_1.weight"] == .connector)
        #expect(roles["language_model.model.layers.0.mlp.up_proj.weight"] == .matrix)
    }

    // MARK: prompts

    @Test func `the words of a prompt are the reference's, the length rounded as it rounds`() throws {
        let fixture = ASRFixture.authors
        let tokenizer = try ASRTokenizer.load(fixture.files())
        let builder = try ASRPromptBuilder(tokenizer, vocabulary: 512)
        let cases =
            (try ASRFixture.json("prompts_real_tokenizer.json") as? [String: Any])?["asr"] as? [[String: Any]]
            ?? []
        #expect(cases.count == 5)
        for one in cases {
            let samples = try #require(one["samples"] as? Int), frames = try #require(one["frames"] as? Int)
            let prompt = try builder.prompt(
                samples: samples, frames: frames, context: one["context"] as? String ?? "")
            #expect(tokenizer.decode(prompt.after) == one["tail_text"] as? String)
            #expect(prompt.frames == frames && (samples + 3199) / 3200 == frames)
        }
    }
}
