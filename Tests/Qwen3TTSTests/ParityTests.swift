import Checkpoints
import Qwen3TTS
import SpeechCore
import TensorGraph
import Testing

/// Every stage against the authors' own code.
@Suite struct ParityTests {
    /// Stages that a run must have compared, so that one which compares little does not pass.
    private func stages(_ fixture: Fixture) -> [String] {
        let talker = [
            "input_ids", "prompt", "trailing_text", "talker/logits/0", "talker/layer_last/2", "sampled",
            "codes", "wav",
        ]
        switch fixture {
        case .base:
            let cases = ["xvec", "xvec_auto_whole", "icl_long", "icl_short", "icl_whole"]
            return cases.flatMap { name in talker.map { "\(name)/\($0)" } } + [
                "text/00", "text/08", "codec_encode/codes", "codec_encode/transformer_last",
                "codec_decode/latent",
                "codec_decode/pre_transformer", "codec_decode/decoder_1_residual", "codec_decode/wav",
                "speaker/mel",
                "speaker/block_1_res2net", "speaker/asp", "speaker/embedding", "icl_long/ref_ids",
                "xvec/predictor/logits_14/0",
            ]
        case .customVoice:
            let cases = ["speaker", "speaker_dialect", "speaker_stream", "speaker_instruct"]
            return cases.flatMap { name in talker.map { "\(name)/\($0)" } } + ["speaker/predictor/input/0"]
        case .voiceDesign:
            let cases = ["design", "design_stream", "design_plain"]
            return cases.flatMap { name in talker.map { "\(name)/\($0)" } } + ["design/instruct_ids"]
        }
    }

    private func report(
        _ fixture: Fixture, _ type: ElementType = .f32, kernels: Bool = true, threads: Int = 1
    ) throws -> ParityReport {
        try Qwen3TTSFamily.parity(
            fixture.files(), golden: fixture.golden(), precision: Precision(type),
            on: Device(.cpu, threads: threads, kernels: kernels))
    }

    private func expectParity(_ report: ParityReport, _ names: [String]) {
        for stage in report.stages where !stage.passed {
            Issue.record("\(stage.name) differs by \(stage.difference), more than \(stage.bound)")
        }
        #expect(report.passed)
        let compared = Set(report.stages.map(\.name))
        #expect(names.filter { !compared.contains($0) } == [])
        #expect(report.stages.allSatisfy { $0.difference == 0 || $0.shape.reduce(1, *) > 0 })
    }

    @Test(arguments: Fixture.allCases, [true, false])
    func `every stage in float32 is the authors', by kernels and composed`(fixture: Fixture, kernels: Bool)
        throws
    {
        expectParity(try report(fixture, kernels: kernels), stages(fixture))
    }

    @Test(arguments: Fixture.allCases)
    func `one thread computes what two do`(fixture: Fixture) throws {
        let (one, two) = (try report(fixture, threads: 1), try report(fixture, threads: 2))
        expectParity(one, stages(fixture))
        #expect(one.stages.map(\.difference) == two.stages.map(\.difference))
    }

    @Test(arguments: Fixture.allCases, [ElementType.q8_0, .bf16])
    func `rounded weights stay within their bounds along the authors' path`(
        fixture: Fixture, type: ElementType
    ) throws {
        let exact = Set(["sampled", "codes"])
        let names = stages(fixture).filter { name in
            !exact.contains(String(name.split(separator: "/").last ?? ""))
        }
        let report = try report(fixture, type)
        expectParity(report, names + (fixture == .base ? ["codec_encode/codes"] : []))
        let logits = report.stages.filter { $0.name.contains("/talker/logits/") }.map(\.difference)
        #expect((logits.max() ?? 0) > 1e-5, "the weights were not rounded at all")
    }

    @Test func `a run that compares nothing does not pass`() throws {
        #expect(!ParityReport().passed)
        let foreign = try Qwen3TTSFamily.parity(
            Fixture.voiceDesign.files(), golden: Fixture.customVoice.golden(), precision: .exact,
            on: Device(.cpu, threads: 1))
        #expect(!foreign.passed)
    }
}
