package import Checkpoints
import Foundation
import Qwen3TTS
import SpeechCore
import TensorGraph

/// Measures a checkpoint on this machine, through the same seam that speaking uses.
///
/// Requests are sampled with a fixed seed, and the end token is forbidden, so that every run makes the same number
/// of frames whatever the weights say.
package struct Bench: Sendable {
    /// The checkpoint's folder or file.
    package var checkpoint: String
    /// The folder of its tokenizer, where that is published apart.
    package var companion: String?
    /// What weights are rounded to, one measurement each; nil keeps them as stored.
    package var quantizations: [ElementType?] = [nil]
    /// Frames of each request: 12.5 are a second, of VibeVoice 7.5.
    package var frames = 60
    /// Steps of the diffusion, one measurement each; nil is the model's own number.
    package var steps: [Int?] = [nil]
    /// Seconds of sound that a model which listens is given; it writes `frames` tokens.
    package var seconds = 30
    /// Runs of which the best and the median are reported.
    package var repeats = 3
    package var threads: Int
    /// Requests at once, one measurement each.
    package var listeners: [Int] = []
    /// Told what is being measured.
    package var progress: @Sendable (String) -> Void = { _ in }

    package init(checkpoint: String) {
        self.checkpoint = checkpoint
        threads = ProcessorBudget.threads
    }

    /// Measures the machine, then every quantisation. Throws what loading and speaking throw.
    package func run() throws -> BenchReport {
        progress("measuring the machine")
        let machine = BenchMachine(threads: threads)
        var report = BenchReport(machine: machine, checkpoint: checkpoint, frames: frames, repeats: repeats)
        let files = try open()
        for type in quantizations {
            let precision = try type.map { Precision($0) } ?? files.precision
            if let family = TranscriberFamily.of(files) {
                report.listening.append(try listen(precision, machine, family))
            } else {
                report.runs += try measure(precision, machine)
            }
        }
        return report
    }

    func open() throws -> ModelFiles { try ModelFiles(path: checkpoint, companion: companion) }

    /// One run for each number of steps.
    private func measure(_ precision: Precision, _ machine: BenchMachine) throws -> [BenchReport.Run] {
        progress("loading (\(precision))")
        PeakMemory.reset()
        let start = ContinuousClock.now
        let files = try open()
        let settings = LoadSettings(
            precision: precision, device: .cpu, threads: threads, sessions: max(1, listeners.max() ?? 1))
        let model = try Family.of(files).load(files, settings)
        let loadSeconds = (ContinuousClock.now - start).seconds
        return try steps.map { steps in
            let speaker = BenchSpeaker(model: model, frames: frames, steps: steps)
            var run = BenchReport.Run(precision: precision.description)
            run.loadSeconds = loadSeconds
            run.fileBytes = files.tensors.reduce(0) { $0 + $1.bytes.count }
            (run.family, run.variant, run.size) = (model.card.family, model.card.variant, model.card.size)
            (run.steps, run.frameSeconds) = (speaker.steps, speaker.frameSeconds)
            try measure(speaker, &run)
            run.limits = try BenchReport.Limits(files, precision, machine, run)
            return run
        }
    }

    private func measure(_ speaker: BenchSpeaker, _ run: inout BenchReport.Run) throws {
        // The first sound of all: what a person waits who has just started the program.
        let cold = try speaker.speak(1, frames: 4)
        run.coldFirstSound = run.loadSeconds + cold.firstSound
        _ = try speaker.speak(1, frames: 4)
        var laps: [Lap] = []
        for number in 0..<repeats {
            progress("speaking \(frames) frames (\(run.precision)), \(number + 1) of \(repeats)")
            laps.append(try speaker.speak(1))
        }
        var single = laps
        if laps.allSatisfy({ $0.timings.listenerSeconds == 0 }) {
            progress("decoding frame by frame (\(run.precision))")
            single = try (0..<repeats).map { _ in try speaker.speak(1, frames: min(frames, 24), chunk: 1) }
        }
        run.fill(laps, single)
        run.memory = PeakMemory.now
        for count in listeners {
            progress("\(count) listeners (\(run.precision))")
            _ = try speaker.speak(count, frames: 3)
            let laps = try (0..<2).map { _ in try speaker.speak(count) }
            run.listeners.append(.init(count: count, speeds: laps.map { $0.audioSeconds / $0.seconds }))
        }
    }
}

/// One batch of requests from the first to the last sound.
struct Lap {
    var seconds = 0.0, firstSound = 0.0, audioSeconds = 0.0
    /// Sum of the samples' squares, and samples at or beyond full scale or not numbers.
    var energy = 0.0, clipped = 0, samples = 0
    /// What the stages took of it.
    var timings = StageTimings()

    mutating func take(_ audio: AudioBuffer) {
        audioSeconds += audio.duration
        samples += audio.samples.count
        for sample in audio.samples {
            if abs(sample) < 1 { energy += Double(sample * sample) } else { clipped += 1 }
        }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

/// Memory this process holds, of which `peak` can be started anew.
package struct PeakMemory: Codable, Sendable {
    /// The most that was resident at once; what of it now is of files; what is the process's own.
    package var peak = 0, mapped = 0, own = 0

    static var now: PeakMemory {
        var memory = PeakMemory()
        memory.peak = MemoryBudget.peakResident
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        for line in status.split(separator: "\n") {
            let parts = line.split { $0 == ":" || $0.isWhitespace }
            guard parts.count >= 2, let kilobytes = Int(parts[1]) else { continue }
            if parts[0] == "RssFile" { memory.mapped = kilobytes << 10 }
            if parts[0] == "RssAnon" { memory.own = kilobytes << 10 }
        }
        return memory
    }

    /// Lets the system forget the peak so far, where it can.
    static func reset() {
        guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
        try? file.write(contentsOf: Data("5".utf8))
        try? file.close()
    }
}
