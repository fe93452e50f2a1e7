import Checkpoints
import Qwen3TTS
import TensorGraph
import VibeVoice

extension BenchReport.Limits {
    /// The limits of a checkpoint held in `precision`; nil where its layout is not known.
    init?(
        _ files: ModelFiles, _ precision: Precision, _ machine: BenchMachine, _ run: BenchReport.Run
    ) throws {
        let rows = Double(max(1, run.promptRows))
        if let cost = FrameCost(files, precision) {
            self.init(cost, machine, promptRows: rows, exact: precision.isExact)
        } else if let steps = run.steps {
            let cost = VibeVoiceCost(files.tensors, try Family.of(files).roles(files), precision)
            guard cost.decoder.bytes > 0 else { return nil }
            self.init(cost, machine, run, steps: steps, exact: precision.isExact)
        } else {
            return nil
        }
    }

    /// - Parameter promptRows: how many rows a prompt has, which read the weights once for all of them.
    private init(_ cost: FrameCost, _ machine: BenchMachine, promptRows: Double, exact: Bool) {
        let peak = exact ? machine.floatPeak : machine.convolutionPeak
        let frame = 0.08
        talkerSeconds = Double(cost.talkerBytes) / machine.bandwidth
        predictorSeconds = Double(cost.predictorBytes) / machine.bandwidth
        let products = promptRows * Double(cost.talkerProducts) / peak
        prefillRows = promptRows / max(products, talkerSeconds)
        codecFactor = Double(cost.codecProducts) / peak / frame
        totalFactor = (talkerSeconds + predictorSeconds) / frame + codecFactor
    }

    /// Of a model that speaks by diffusion.
    private init(
        _ cost: VibeVoiceCost, _ machine: BenchMachine, _ run: BenchReport.Run, steps: Int, exact: Bool
    ) {
        let peak = exact ? machine.floatPeak : machine.convolutionPeak
        let frame = run.frameSeconds
        talkerSeconds = Double(cost.languageBytes) / machine.bandwidth
        predictorSeconds = Double(steps * cost.headBytes) / machine.bandwidth
        // The realtime model reads its text in windows of five rows, one for six frames.
        let rows = cost.textBytes > 0 ? 5 : Double(max(1, run.promptRows))
        let reading = max(
            rows * Double(cost.rowProducts) / peak,
            Double(cost.languageBytes + cost.textBytes) / machine.bandwidth)
        prefillRows = rows / reading
        let listens = run.listener.best > 0
        codecFactor = cost.decoder.seconds(machine, peak, frames: listens ? 1 : 6) / frame
        singleFactor = cost.decoder.seconds(machine, peak, frames: 1) / frame
        listenerSeconds = cost.semantic.seconds(machine, peak, frames: 1)
        let text = cost.textBytes > 0 ? reading / 6 : 0
        totalFactor =
            (talkerSeconds + predictorSeconds + text + (listens ? listenerSeconds ?? 0 : 0)) / frame
            + codecFactor
    }
}

extension BenchReport.ListeningLimits {
    init(
        _ cost: VibeVoiceCost, _ machine: BenchMachine, hop: Double, promptRows: Int, pieceFrames: Int,
        exact: Bool
    ) {
        let peak = exact ? machine.floatPeak : machine.convolutionPeak
        let encoders = [cost.acoustic, cost.semantic].reduce(0) {
            $0 + $1.seconds(machine, peak, frames: pieceFrames)
        }
        encodeSpeed = hop / encoders
        let rows = Double(max(1, promptRows))
        prefillRows =
            rows / max(rows * Double(cost.rowProducts) / peak, Double(cost.languageBytes) / machine.bandwidth)
        tokens = machine.bandwidth / Double(cost.languageBytes + cost.scoreBytes)
    }
}

extension VibeVoiceCost.Convolutions {
    /// Seconds for a frame when `frames` go together, which read the weights once.
    fileprivate func seconds(_ machine: BenchMachine, _ peak: Double, frames: Int) -> Double {
        max(Double(products) / peak, Double(bytes) / machine.bandwidth / Double(frames))
    }
}
