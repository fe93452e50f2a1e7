import Checkpoints
import SpeechCore
import TensorGraph
import Testing
import VibeVoice

/// Every stage against the authors' own code.
@Suite(.serialized) struct ASRParityTests {
    /// Stages that a run must have compared, so that one which compares little does not pass.
    private static let stages = [
        "audio_normalised", "norm_clip_out", "ctx_audio_normalised", "acoustic_mean", "semantic_mean",
        "ctx_acoustic_mean", "ctx_semantic_mean", "seg_acoustic_mean", "seg_semantic_mean", "seg_features",
        "acoustic_sampled", "acoustic_connected", "semantic_connected", "features", "prompt_ids",
        "ctx_prompt_ids",
        "prefill_embeds", "prefill_l0", "prefill_llast", "prefill_out", "step_out", "logits",
    ]

    private func report(
        _ fixture: ASRFixture, _ type: ElementType = .f32, kernels: Bool = true, threads: Int = 2
    ) throws -> ParityReport {
        try ASRFamily.parity(
            fixture.files(), golden: ASRFixture.golden(), precision: Precision(type),
            on: Device(.cpu, threads: threads, kernels: kernels))
    }

    private func expectParity(_ report: ParityReport, _ names: [String]) {
        for stage in report.stages where !stage.passed {
            Issue.record("\(stage.name) differs by \(stage.difference), more than \(stage.bound)")
        }
        #expect(report.passed)
        #expect(report.stages.map(\.name).sorted() == names.sorted())
    }

    @Test(arguments: ASRFixture.allCases, [true, false])
    func `every stage in float32 is the authors', in both layouts, by kernels and composed`(
        fixture: ASRFixture, kernels: Bool
    ) throws {
        expectParity(try report(fixture, kernels: kernels), Self.stages + ["generated_ids", "text"])
    }

    @Test func `one thread computes what two do`() throws {
        let (one, two) = (try report(.authors, threads: 1), try report(.authors, threads: 2))
        #expect(one.passed)
        #expect(one.stages.map(\.difference) == two.stages.map(\.difference))
    }

    @Test(arguments: [ElementType.bf16, .q8_0])
    func `rounded weights stay within their bounds`(type: ElementType)
        throws
    {
        let report = try report(.authors, type)
        expectParity(report, Self.stages)
        #expect((report.stages.first { $0.name == "logits" }?.difference ?? 0) > 1e-5, "nothing was rounded")
    }
}
