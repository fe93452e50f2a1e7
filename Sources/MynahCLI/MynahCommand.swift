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
    func run() throws {
        let device = try Device(.cpu, kernels: !composed)
        let report = try Qwen3TTSFamily.parity(ModelFiles(path: checkpoint), golden: CheckpointFile(path: golden), precision: quantize.flatMap { ElementType(rawValue: $0) }.map { Precision($0) } ?? .exact, on: device)
        for s in report.stages where !s.passed { print(s.name, s.shape, s.difference, s.passed ? "ok" : "FAIL") }
        print(report.stages.count, "stages", report.stages.filter { !$0.passed }.count, "failed", report.stages.filter(\.passed).map(\.difference).max() ?? 0)
    }
}
