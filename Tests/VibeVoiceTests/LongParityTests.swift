import Checkpoints
import SpeechCore
import TensorGraph
import Testing
import VibeVoice

/// The tiny long-form checkpoint in both layouts.
enum LongFixture: String, CaseIterable, Sendable {
    case authors = "1.5b-tiny", transformers = "1.5b-tiny-hf"

    func files() throws -> ModelFiles { try ModelFiles(path: "\(Fixture.folder)/\(rawValue)") }

    /// Both layouts hold the same weights, so the same values hold for them.
    static func golden() throws -> CheckpointFile {
        try CheckpointFile(path: "\(Fixture.folder)/1.5b-tiny/golden.safetensors")
    }

    static func recording(_ voice: Int) throws -> Recording {
        let tensor = try golden()["voice\(voice)_raw"]
        return Recording(AudioBuffer(samples: tensor.map(Conversion.floats) ?? [], sampleRate: 24_000))
    }

    func load(
        _ type: ElementType? = .f32, sessions: Int = 1, kernels: Bool = true
    ) throws -> any DialogueSynthesizer {
        try VibeVoiceLongFamily.loadForDialogues(
            files(),
            LoadSettings(
                precision: Precision(type), device: .cpu, threads: 2, sessions: sessions, kernels: kernels))
    }
}

/// Every stage of a dialogue against the authors' own code.
@Suite struct LongParityTests {
    /// Stages that a run must have compared, so that one which compares little does not pass.
    private let forced = [
        "voices_normalised_padded", "voice_enc_mean", "voice0_enc_mean_alone", "voice1_enc_mean_alone",
        "voice_features_scaled", "voice_connected", "prompt_ids", "prompt_speech_mask", "a_prefill_embeds",
        "a_prefill_l0", "a_prefill_llast", "a_prefill_out", "a_step_l0", "a_step_out", "a_neg_out",
        "a_logits_valid4",
        "a_tokens", "a_dh_t", "a_dh_out", "a_v_guided", "a_x0_pred", "a_sample_steps", "a_scaled_latent",
        "a_acoustic_embed", "a_audio_chunks", "a_semantic", "a_semantic_embed", "a_seg0_decode_whole",
        "a_seg0_semantic_whole",
    ]
    private let free = ["tokens_free", "latent_free", "scaled_latent_free", "semantic_free", "waveform"]
    private var all: [String] { forced + ["a", "b"].flatMap { name in free.map { "\(name)_\($0)" } } }

    private func report(
        _ layout: LongFixture, _ type: ElementType = .f32, kernels: Bool = true
    ) throws -> ParityReport {
        try VibeVoiceLongFamily.parity(
            layout.files(), golden: LongFixture.golden(), precision: Precision(type),
            on: Device(.cpu, threads: 2, kernels: kernels))
    }

    private func expectParity(_ report: ParityReport, _ names: [String]) {
        for stage in report.stages where !stage.passed {
            Issue.record("\(stage.name) differs by \(stage.difference), more than \(stage.bound)")
        }
        #expect(report.passed)
        let compared = Set(report.stages.map(\.name))
        #expect(names.filter { !compared.contains($0) } == [])
    }

    @Test(arguments: LongFixture.allCases, [true, false])
    func `every stage in float32 is the authors', by kernels and composed`(layout: LongFixture, kernels: Bool)
        throws
    {
        expectParity(try report(layout, kernels: kernels), all)
    }

    @Test func `both layouts give the same to the last bit`() throws {
        let (one, other) = (try report(.authors), try report(.transformers))
        #expect(one.stages.map(\.difference) == other.stages.map(\.difference))
    }

    @Test(arguments: [ElementType.q8_0, .bf16])
    func `rounded weights stay within their bounds along the authors' path`(type: ElementType) throws {
        let report = try report(.authors, type)
        expectParity(report, forced.filter { $0 != "a_tokens" })
    }

    @Test func `a golden file of something else does not pass`() throws {
        #expect(throws: SpeechError.self) {
            try VibeVoiceLongFamily.parity(
                LongFixture.authors.files(), golden: Fixture.golden(), precision: .exact,
                on: Device(.cpu, threads: 2))
        }
    }
}
