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
    /// What weights are rounded to, one measurement each; nil keeps them as stored.
    package var quantizations: [ElementType?] = [nil]
    /// Frames of each request; 12.5 are a second.
    package var frames = 60
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
        for type in quantizations { report.runs.append(try measure(Precision(type), machine)) }
        return report
    }

    private func measure(_ precision: Precision, _ machine: BenchMachine) throws -> BenchReport.Run {
        progress("loading (\(precision))")
        PeakMemory.reset()
        var run = BenchReport.Run(precision: precision.description)
        let start = ContinuousClock.now
        let files = try ModelFiles(path: checkpoint)
        let settings = LoadSettings(
            precision: precision, device: .cpu, threads: threads, sessions: max(1, listeners.max() ?? 1))
        let model = try Family.of(files).load(files, settings)
        run.loadSeconds = (ContinuousClock.now - start).seconds
        run.fileBytes = files.tensors.reduce(0) { $0 + $1.bytes.count }
        let card = model.card
        (run.family, run.variant, run.size) = (card.family, card.variant, card.size)
        let speaker = Speaker(model: model, frames: frames)
        // The first sound of all: what a person waits who has just started the program.
        let cold = try speaker.speak(1, frames: 4)
        run.coldFirstSound = run.loadSeconds + cold.firstSound
        _ = try speaker.speak(1, frames: 4)

        var laps: [Lap] = []
        for number in 0..<repeats {
            progress("speaking \(frames) frames (\(precision)), \(number + 1) of \(repeats)")
            laps.append(try speaker.speak(1))
        }
        progress("decoding frame by frame (\(precision))")
        let single = try (0..<repeats).map { _ in try speaker.speak(1, frames: min(frames, 24), chunk: 1) }
        run.fill(laps, single)
        run.memory = PeakMemory.now
        run.limits = FrameCost(files, precision).map {
            BenchReport.Limits(
                $0, machine, promptRows: Double(laps.first?.timings.prefillRows ?? 1),
                exact: precision.isExact)
        }
        for count in listeners {
            progress("\(count) listeners (\(precision))")
            _ = try speaker.speak(count, frames: 3)
            let laps = try (0..<2).map { _ in try speaker.speak(count) }
            run.listeners.append(.init(count: count, speeds: laps.map { $0.audioSeconds / $0.seconds }))
        }
        return run
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

/// Speaks requests of a fixed number of frames, each with words of its own so that no prompt is found again.
private final class Speaker {
    private let model: any Synthesizer
    private let frames: Int
    private var spoken = 0

    init(model: any Synthesizer, frames: Int) { (self.model, self.frames) = (model, frames) }

    /// - Parameter chunk: frames decoded together; nil is the engine's own choice.
    func speak(_ count: Int, frames: Int? = nil, chunk: Int? = nil) throws -> Lap {
        let frames = frames ?? self.frames
        var lap = Lap()
        let before = model.timings
        let start = ContinuousClock.now
        for _ in 0..<count { _ = try model.begin(utterance(), options(frames, chunk)) }
        var left = count
        while left > 0 {
            for (_, chunk) in try model.step() {
                if lap.samples == 0, !chunk.audio.samples.isEmpty {
                    lap.firstSound = (ContinuousClock.now - start).seconds
                }
                lap.take(chunk.audio)
                if chunk.ending != nil { left -= 1 }
            }
        }
        lap.seconds = (ContinuousClock.now - start).seconds
        lap.timings = model.timings - before
        return lap
    }

    private func utterance() -> Utterance {
        spoken += 1
        let text =
            "\(Self.openings[spoken % Self.openings.count]) number \(spoken): the harbour lights went out."
        return model.card.designs
            ? Utterance(text, voice: .described("A calm, low voice."), language: .english)
            : Utterance(text, language: .english)
    }

    private func options(_ frames: Int, _ chunk: Int?) -> SynthesisOptions {
        // The last token drawn is never expanded; until then the end token is forbidden.
        var options = SynthesisOptions(
            seed: 1, maximumTokens: frames + 1, minimumTokens: frames + 1, wholeText: true)
        if let chunk { options.framesPerChunk = chunk }
        return options
    }

    private static let openings = ["Message", "Chapter", "Letter", "Sentence", "Answer", "Lesson", "Verse"]
}

extension StageTimings {
    fileprivate static func - (now: StageTimings, before: StageTimings) -> StageTimings {
        var spent = now
        spent.prefillSeconds -= before.prefillSeconds
        spent.prefillRows -= before.prefillRows
        spent.talkerSeconds -= before.talkerSeconds
        spent.predictorSeconds -= before.predictorSeconds
        spent.frames -= before.frames
        spent.codecSeconds -= before.codecSeconds
        spent.codecFrames -= before.codecFrames
        spent.reusedRows -= before.reusedRows
        return spent
    }
}

extension Duration {
    fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
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
