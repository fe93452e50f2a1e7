import ArgumentParser
import Foundation
import Mynah
import SpeechCore
import TensorGraph

/// `mynah parity`.
struct ParityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parity",
        abstract: "Compare a model with its authors' own values, stage by stage.",
        discussion: """
            A golden file holds what the reference implementation computed for a checkpoint. Each stage is computed
            here and compared; the difference is the largest one over the largest value, and for codes and ids the
            share that differ. Ends with status 2 when a stage is out of its bound.
              mynah parity qwen3-tts-0.6b golden.safetensors
              mynah parity qwen3-tts-0.6b golden.safetensors --quantize q8_0
              mynah parity vibevoice-1.5b golden.safetensors --quantize q4_0 --only diffusion
            """)

    @Argument(help: "The model: a name or a path.", completion: .file()) var checkpoint: String
    @Argument(help: "The golden file.", completion: .file()) var golden: String
    @Option(help: "Round the weights to this type; exact when left out.") var quantize: Quantization?
    @Option(help: "Round only weights of this role: \(Self.roles).") var only: WeightRole?
    @Option(help: "What computes: auto, cpu, or a name that 'mynah doctor' lists.") var device = "cpu"
    @Flag(help: "Compute with ggml's operations throughout, without our kernels.") var composed = false
    @Flag(help: "Print the worst of each kind of stage, as a Markdown table.") var summary = false
    @Flag(help: "Print one JSON object.") var json = false

    private static let roles = WeightRole.allCases.map(\.rawValue).joined(separator: ", ")

    private struct Outcome: Encodable {
        let passed: Bool
        let stages: [ParityReport.Stage]
    }

    func run() async throws {
        let report = try ModelLibrary(device: ComputeDevice(device)).parity(
            checkpoint, golden: golden, quantization: quantize, only: only, kernels: !composed)
        if json {
            try Console.json(Outcome(passed: report.passed, stages: report.stages))
        } else if summary {
            try summarise(report)
        } else {
            try show(report)
        }
        guard report.passed else {
            let failed = report.stages.filter { !$0.passed }
            throw SpeechError(
                .outOfBounds, "\(failed.count) of \(report.stages.count) stages are out of bounds.",
                remedy: failed.first.map { "Look at the first of them: \($0.name)." }
                    ?? "Is the golden file empty?")
        }
    }

    private func show(_ report: ParityReport) throws {
        try Table.show(
            [["STAGE", "SHAPE", "DIFFERENCE", "BOUND", ""]]
                + report.stages.map { stage in
                    [
                        stage.name, stage.shape.map(String.init).joined(separator: "x"),
                        Self.short(stage.difference), Self.short(stage.bound),
                        stage.passed ? "ok" : "OUT OF BOUND",
                    ]
                })
        try Console.print(Self.total(report))
    }

    private func summarise(_ report: ParityReport) throws {
        try Console.print("| stage | compared | worst | bound | |\n|---|---|---|---|---|")
        for (kind, count, worst) in report.summary {
            let verdict = worst.passed ? "ok" : "out of bound"
            try Console.print(
                "| `\(kind)` | \(count) | \(Self.short(worst.difference)) | \(Self.short(worst.bound)) | \(verdict) |"
            )
        }
        try Console.print("\n\(Self.total(report)).")
    }

    private static func total(_ report: ParityReport) -> String {
        "\(report.stages.count) stages, \(report.stages.filter(\.passed).count) within bounds"
    }

    private static func short(_ value: Double) -> String { value == 0 ? "0" : String(format: "%.1e", value) }
}

extension WeightRole: ExpressibleByArgument {}
