import Checkpoints
import SpeechCore
import TensorGraph
import Testing
import VibeVoice

/// Every stage against the authors' own code.
@Suite struct ParityTests {
    /// Stages that a run must have compared, so that one which compares little does not pass.
    private let forced = [
        "preset_lm_k", "preset_tts_lm_v", "preset_neg_tts_lm_k", "a_text_ids", "a_win_ids", "a_win_lm_pos",
        "a_win_tts_pos", "a_win_embed", "a_win_lm_l0", "a_win_lm_out", "a_win_tts_l0", "a_win_tts_llast",
        "a_win_tts_out", "a_acoustic_embed", "a_speech_pos_l0", "a_speech_pos_llast", "a_speech_pos_hidden",
        "a_speech_neg_hidden", "a_speech_pos_position", "a_speech_neg_position", "a_eos_logit", "a_dh_t",
        "a_dh_out",
        "a_v_guided", "a_x0_pred", "a_sample_steps", "a_scaled_latent", "a_audio_chunks",
        "a_waveform_whole_decode",
        "dec2_dec_up0", "dec2_dec_stage0", "dec2_dec_up6", "dec2_dec_stage6", "dec2_dec_head",
    ]
    private let free = ["frames", "latent_free", "scaled_latent_free", "eos_logit_free", "waveform"]

    private func report(_ type: ElementType = .f32, kernels: Bool = true, threads: Int = 2) throws
        -> ParityReport
    {
        try VibeVoiceRealtimeFamily.parity(
            Fixture.files(), golden: Fixture.golden(), precision: Precision(type),
            on: Device(.cpu, threads: threads, kernels: kernels))
    }

    private func expectParity(_ report: ParityReport, _ names: [String]) {
        for stage in report.stages where !stage.passed {
            Issue.record("\(stage.name) differs by \(stage.difference), more than \(stage.bound)")
        }
        #expect(report.passed)
        let compared = Set(report.stages.map(\.name))
        #expect(names.filter { !compared.contains($0) } == [])
    }

    private var all: [String] { forced + ["a", "b"].flatMap { name in free.map { "\(name)_\($0)" } } }

    @Test(arguments: [true, false])
    func `every stage in float32 is the authors', by kernels and composed`(kernels: Bool) throws {
        // ggml's own threads wait for each other by spinning, which a busy machine makes long.
        expectParity(try report(kernels: kernels, threads: kernels ? 2 : 1), all)
    }

    @Test func `one thread computes what two do`() throws {
        let (one, two) = (try report(threads: 1), try report(threads: 2))
        #expect(one.stages.map(\.difference) == two.stages.map(\.difference))
    }

    @Test(arguments: [ElementType.q8_0, .bf16])
    func `rounded weights stay within their bounds along the authors' path`(type: ElementType) throws {
        let report = try report(type)
        expectParity(report, forced)
        let outputs = report.stages.filter { $0.name == "a_dh_out" }.map(\.difference)
        #expect((outputs.max() ?? 0) > 1e-5, "the weights were not rounded at all")
    }

    @Test func `a golden file of something else does not pass`() throws {
        let tables = try CheckpointFile(path: Fixture.folder + "/scheduler.safetensors")
        #expect(throws: SpeechError.self) {
            try VibeVoiceRealtimeFamily.parity(
                Fixture.files(), golden: tables, precision: .exact, on: Device(.cpu, threads: 2))
        }
    }
}
