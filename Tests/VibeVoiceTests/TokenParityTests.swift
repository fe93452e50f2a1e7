import Checkpoints
import Foundation
import SpeechCore
import TensorGraph
import Testing
import VibeVoice

/// Random checkpoints with runs of the classes that `transformers` publishes, whose prompts are ids.
@Suite struct TokenParityTests {
    private func path(_ name: String, _ file: String = "") -> String { "\(Fixture.folder)/\(name)/\(file)" }

    private func report(
        _ name: String, golden: String? = nil, _ type: ElementType = .f32, only: WeightRole? = nil
    ) throws -> ParityReport {
        let files = try ModelFiles(path: path(name))
        let golden = try CheckpointFile(path: golden ?? path(name, "golden.safetensors"))
        let (precision, device) = (Precision(type, only: only), try Device(.cpu, threads: 2))
        return try name.hasPrefix("asr")
            ? ASRFamily.parity(files, golden: golden, precision: precision, on: device)
            : VibeVoiceLongFamily.parity(files, golden: golden, precision: precision, on: device)
    }

    @Test(arguments: [
        (
            "1.5b-random",
            ["voice_connected", "prefill_layer0", "prefill_hidden", "logits", "dh_out", "audio", "sem"]
        ),
        ("asr-random", ["features", "logits", "generated"]),
    ])
    func `every stage in float32 is that of the published class, and no tokenizer is needed`(
        name: String, stages: [String]
    ) throws {
        let report = try report(name)
        #expect(report.stages.map(\.name) == stages)
        for stage in report.stages where !stage.passed { Issue.record("\(stage)") }
    }

    /// `asr-random` has a stage of 288 channels, whose feed-forwards are matrices.
    @Test func `a feed-forward of many channels has 8 bits at the least, and moves frames little`() throws {
        func difference(_ type: ElementType) throws -> Double {
            try #require(try report("asr-random", type, only: .codecFeedForward).stages.first).difference
        }
        let (half, eight) = (try difference(.bf16), try difference(.q8_0))
        #expect(half > 1e-5 && eight > half && eight < 0.01, "\(half), \(eight)")
    }

    @Test(arguments: ["1.5b-random", "asr-random", "1.5b-tiny", "asr-tiny"])
    func `a golden file that lacks anything is refused or told of, whatever it lacks`(name: String) throws {
        let golden = try Data(contentsOf: URL(fileURLWithPath: path(name, "golden.safetensors")))
        let names = try CheckpointFile(path: path(name, "golden.safetensors")).tensors.map(\.name)
        let copy = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
        defer { try? FileManager.default.removeItem(at: copy) }
        let optional = ["ctx_", "seg_", "norm_", "enc2_", "b_logits", "b_sample", "acoustic_input_mask"]
        for key in names where !optional.contains(where: key.hasPrefix) {
            var changed = golden
            let range = try #require(changed.firstRange(of: Data("\"\(key)\":".utf8)))
            changed.replaceSubrange(range, with: Data("\"~\(key.dropFirst())\":".utf8))
            try changed.write(to: copy)
            let passed = (try? report(name, golden: copy.path))?.passed ?? false
            #expect(!passed, "passes without \(key)")
        }
    }
}
