import ArgumentParser
import Checkpoints
import Qwen3TTS
import SpeechCore
import TensorGraph

@main struct MynahCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "mynah")
    @Argument var checkpoint: String
    @Argument var golden: String
    @Flag var composed = false
    @Option var quantize: String?
    @Option var frames = 40
    @Option var batch = 1
    @Option var chunk = 4
    func bench() throws {
        let t0 = ContinuousClock.now
        let s = try Qwen3TTSFamily.load(ModelFiles(path: checkpoint), LoadSettings(precision: Precision(quantize.flatMap { ElementType(rawValue: $0) }), device: .cpu, sessions: batch))
        print("load", ContinuousClock.now - t0, s.card.speakers)
        for round in 0..<2 {
            var o = SynthesisOptions(seed: 7, maximumTokens: frames + 1, minimumTokens: 10000)
            o.framesPerChunk = chunk
            let before = s.timings
            let t1 = ContinuousClock.now
            for _ in 0..<batch { _ = try s.begin(Utterance("Hello from Mynah, this is a test of the voice.", voice: .preset("ryan"), language: "english"), o) }
            var first: Duration?
            var done = 0, n = 0
            while done < batch {
                for (_, c) in try s.step() { if first == nil { first = ContinuousClock.now - t1 }; n += c.audio.samples.count; if c.ending != nil { done += 1 } }
            }
            let total = ContinuousClock.now - t1
            let t = s.timings
            let f = Double(t.frames - before.frames)
            let sec = Double(n) / 24000
            print("round", round, "first", first!, "total", total, "audio", sec, "rtf", Double(total.components.seconds) / sec + Double(total.components.attoseconds) * 1e-18 / sec)
            print("  prefill ms", (t.prefillSeconds - before.prefillSeconds) * 1000, "rows", t.prefillRows - before.prefillRows, "talker ms/f", (t.talkerSeconds - before.talkerSeconds) / f * 1000, "pred ms/f", (t.predictorSeconds - before.predictorSeconds) / f * 1000, "codec ms/f", (t.codecSeconds - before.codecSeconds) / Double(t.codecFrames - before.codecFrames) * 1000, "reused", t.reusedRows)
        }
        print("peak MB", MemoryBudget.peakResident >> 20)
    }
    func run() throws {
        if golden == "bench" { return try bench() }
        let device = try Device(.cpu, kernels: !composed)
        let report = try Qwen3TTSFamily.parity(ModelFiles(path: checkpoint), golden: CheckpointFile(path: golden), precision: quantize.flatMap { ElementType(rawValue: $0) }.map { Precision($0) } ?? .exact, on: device)
        for s in report.stages where !s.passed { print(s.name, s.shape, s.difference, s.passed ? "ok" : "FAIL") }
        print(report.stages.count, "stages", report.stages.filter { !$0.passed }.count, "failed", report.stages.filter(\.passed).map(\.difference).max() ?? 0)
    }
}
