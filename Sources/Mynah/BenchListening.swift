import Checkpoints
import Foundation
import SpeechCore
import TensorGraph
import VibeVoice

extension Bench {
    /// Measures a model that listens, on noise that comes and goes as speech does.
    func listen(
        _ precision: Precision, _ machine: BenchMachine, _ family: TranscriberFamily
    ) throws -> BenchReport.ListeningRun {
        progress("loading (\(precision))")
        PeakMemory.reset()
        var run = BenchReport.ListeningRun(precision: precision.description)
        let start = ContinuousClock.now
        let files = try open()
        let model = try family.load(
            files, LoadSettings(precision: precision, device: .cpu, threads: threads))
        run.loadSeconds = (ContinuousClock.now - start).seconds
        (run.family, run.size) = (model.card.family, model.card.size)
        var laps: [TranscriptionTimings] = []
        for number in 0..<repeats {
            progress("listening to \(seconds) s (\(precision)), \(number + 1) of \(repeats)")
            let work = try model.begin(
                Self.noise(seconds), TranscriptionOptions(maximumTokens: frames + 1))
            while !(try work.step().contains { if case .finished = $0 { true } else { false } }) {}
            laps.append(work.timings)
        }
        run.heardSeconds = laps.first?.heardSeconds ?? 0
        (run.promptRows, run.tokens) = (laps.first?.prefillRows ?? 0, laps.first?.tokens ?? 0)
        func speed(_ work: (TranscriptionTimings) -> Double, _ time: (TranscriptionTimings) -> Double)
            -> BenchReport.Measure
        {
            BenchReport.Measure(laps.map { work($0) / max(time($0), 1e-9) }, more: true)
        }
        run.encodeSpeed = speed({ $0.heardSeconds }, { $0.encodeSeconds })
        run.prefill = speed({ Double($0.prefillRows) }, { $0.prefillSeconds })
        run.writing = speed({ Double($0.tokens) }, { $0.writeSeconds })
        run.memory = PeakMemory.now
        let cost = VibeVoiceCost(files.tensors, try family.roles(files), precision)
        if cost.semantic.bytes > 0 {
            run.limits = BenchReport.ListeningLimits(
                cost, machine, hop: VibeVoiceFamily.frameSeconds, promptRows: min(256, run.promptRows),
                pieceFrames: 32, exact: precision.isExact)
        }
        return run
    }

    private static func noise(_ seconds: Int) -> AudioBuffer {
        var state: UInt32 = 1
        let samples = (0..<seconds * 24_000).map { index -> Float in
            state = state &* 1_664_525 &+ 1_013_904_223
            let value = Float(state >> 8) * 0x1p-23 - 1
            return value * 0.2 * (0.6 + 0.4 * sin(Float(index) * 0.001))
        }
        return AudioBuffer(samples: samples, sampleRate: 24_000)
    }
}
