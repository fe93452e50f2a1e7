import Foundation
package import Qwen3TTS
import SpeechCore

/// What a measurement found, and what the machine would allow.
package struct BenchReport: Codable, Sendable {
    package var machine: BenchMachine
    package var checkpoint: String
    /// Frames of each request, and runs of each measurement.
    package var frames: Int, repeats: Int
    package var runs: [Run] = []
    package var listening: [ListeningRun] = []
    /// The authors' package on the same checkpoint, where it was run.
    package var upstream: [UpstreamRun] = []

    package init(machine: BenchMachine, checkpoint: String, frames: Int, repeats: Int) {
        (self.machine, self.checkpoint, self.frames, self.repeats) = (machine, checkpoint, frames, repeats)
    }

    /// Repeated measurements of one quantity.
    package struct Measure: Codable, Sendable, Equatable {
        package var best = 0.0, median = 0.0

        /// - Parameter more: whether a larger value is the better one.
        package init(_ values: [Double], more: Bool = false) {
            let sorted = values.sorted()
            guard let least = sorted.first, let most = sorted.last else { return }
            best = more ? most : least
            let middle = sorted.count / 2
            median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        }
    }

    /// One way of holding the weights.
    package struct Run: Codable, Sendable {
        package var precision: String
        package var family = "", variant = "", size = ""
        /// Steps of the diffusion, where there is one.
        package var steps: Int?
        package var fileBytes = 0
        package var loadSeconds = 0.0
        /// From the start of loading, and from a request to a loaded model, to the first samples.
        package var coldFirstSound = 0.0, firstSound = Measure([])
        /// Rows of a prompt that were computed, and rows a second.
        package var promptRows = 0, prefill = Measure([])
        /// Seconds a frame.
        package var talker = Measure([]), predictor = Measure([])
        /// Seconds of computing per second of sound: the codec in chunks and frame by frame, and everything.
        package var codec = Measure([]), codecSingle = Measure([]), total = Measure([])
        /// Seconds a frame of what hears the sound that goes back into the model.
        package var listener = Measure([])
        /// Seconds of sound in a frame.
        package var frameSeconds = 0.08
        /// Root mean square of the sound, and share of samples at full scale: whether what was measured was sound.
        package var level = 0.0, clipped = 0.0
        package var memory = PeakMemory()
        package var limits: Limits?
        package var listeners: [Listeners] = []

        init(precision: String) { self.precision = precision }

        /// Takes in the laps of whole requests, and those decoded a frame at a time.
        mutating func fill(_ laps: [Lap], _ single: [Lap]) {
            firstSound = Measure(laps.map(\.firstSound))
            promptRows = laps.first?.timings.prefillRows ?? 0
            prefill = Measure(
                laps.map { Double($0.timings.prefillRows) / max($0.timings.prefillSeconds, 1e-9) }, more: true
            )
            talker = Measure(laps.map { $0.timings.talkerSeconds / Double(max($0.timings.frames, 1)) })
            predictor = Measure(laps.map { $0.timings.predictorSeconds / Double(max($0.timings.frames, 1)) })
            listener = Measure(laps.map { $0.timings.listenerSeconds / Double(max($0.timings.frames, 1)) })
            codec = Measure(laps.map { $0.timings.codecSeconds / max($0.audioSeconds, 1e-9) })
            codecSingle = Measure(single.map { $0.timings.codecSeconds / max($0.audioSeconds, 1e-9) })
            let samples = Double(max(1, laps.reduce(0) { $0 + $1.samples }))
            level = (laps.reduce(0) { $0 + $1.energy } / samples).squareRoot()
            clipped = Double(laps.reduce(0) { $0 + $1.clipped }) / samples
            total = Measure(laps.map { $0.seconds / max($0.audioSeconds, 1e-9) })
        }
    }

    /// What no program can pass on this machine: each stage's weights at the memory's speed, or its products at the
    /// processor's, whichever is slower.
    package struct Limits: Codable, Sendable {
        package var prefillRows: Double
        package var talkerSeconds: Double, predictorSeconds: Double
        package var codecFactor: Double, totalFactor: Double
        /// Decoding a frame by itself, and hearing it, where that is another limit than the codec's.
        package var singleFactor: Double?, listenerSeconds: Double?
    }

    /// What a machine allows for a recording that is written down.
    package struct ListeningLimits: Codable, Sendable {
        package var encodeSpeed: Double, prefillRows: Double, tokens: Double
    }

    /// One way of holding the weights of a model that listens.
    package struct ListeningRun: Codable, Sendable {
        package var precision: String
        package var family = "", size = ""
        package var loadSeconds = 0.0, heardSeconds = 0.0
        package var promptRows = 0, tokens = 0
        /// Seconds of sound encoded a second, rows of the prompt a second, tokens written a second.
        package var encodeSpeed = Measure([]), prefill = Measure([]), writing = Measure([])
        package var memory = PeakMemory()
        package var limits: ListeningLimits?
    }

    /// Several requests at once.
    package struct Listeners: Codable, Sendable {
        package var count: Int
        /// Seconds of sound made a second, of all together.
        package var speed: Measure

        init(count: Int, speeds: [Double]) {
            self.count = count
            speed = Measure(speeds, more: true)
        }
    }

    /// What `scripts/bench_upstream.py` says of one number type. Stages are seconds in all.
    package struct UpstreamRun: Codable, Sendable {
        package var dtype: String
        package var threads: Int, frames: Int
        package var load: Double, audio: Double, seconds: Double
        package var prefill: Double, promptRows: Int
        package var talker: Double, predictor: Double, codec: Double
        /// Of what hears the sound again, and the diffusion's steps, where there are such.
        package var listener: Double?, steps: Int?
        package var peakResident: Int
    }
}

// MARK: tables

extension BenchReport {
    /// What was measured, for a person: a title and rows for each table, the first row being its head.
    package var tables: [(title: String, rows: [[String]])] {
        var tables = runs.map { (title: title(of: $0), rows: rows(of: $0)) }
        tables += listening.map { (title: title(of: $0), rows: rows(of: $0)) }
        let crowded = runs.filter { !$0.listeners.isEmpty }
        if !crowded.isEmpty { tables.append(("Requests at once", listenerRows(crowded))) }
        if !upstream.isEmpty { tables.append(("Against the authors' package", upstreamRows)) }
        return tables
    }

    /// The machine in lines.
    package var machineLines: [String] {
        let peaks = [
            ("float32", machine.floatPeak), ("bfloat16", machine.halfPeak), ("int8", machine.bytePeak),
        ]
        .filter { $0.1 > 0 }
        .map { "\($0.0) \(Self.number($0.1 / 1e9, 0))" }
        return [
            "\(machine.processor); \(machine.cores) cores, \(machine.threads) threads; \(machine.features)",
            "caches \(machine.caches.joined(separator: ", ")); memory \(machine.memoryBytes >> 30) GiB",
            "memory bandwidth \(Self.number(machine.bandwidth / 1e9, 1)) GB/s; "
                + "billion multiply-adds a second: \(peaks.joined(separator: ", "))",
            "load average when measuring began: \(Self.number(machine.load, 1))",
        ]
    }

    private func listenerRows(_ runs: [Run]) -> [[String]] {
        var rows = [["weights", "requests", "s of sound a s, best", "median", "to one request"]]
        for run in runs {
            let one = run.listeners.first { $0.count == 1 }?.speed.best
            for entry in run.listeners {
                rows.append([
                    run.precision, "\(entry.count)", Self.number(entry.speed.best, 2),
                    Self.number(entry.speed.median, 2),
                    one.map { "\(Self.number(entry.speed.best / $0, 2)) x" } ?? "",
                ])
            }
        }
        return rows
    }

    private var upstreamRows: [[String]] {
        let codes = [
            "", "all, s per s", "talker, ms", "predictor, ms", "codec, s per s", "prompt, ms", "peak, MiB",
        ]
        let diffusion = [
            "", "all, s per s", "language model, ms", "diffusion, ms", "decoder, ms", "semantic encoder, ms",
            "peak, MiB",
        ]
        let speaks = runs.contains { $0.steps != nil }
        return [speaks ? diffusion : codes]
            + upstream.flatMap { run in
                [row(run)] + runs.filter { $0.steps == run.steps }.map { row(run, over: $0) }
            }
    }

    private func row(_ run: UpstreamRun) -> [String] {
        let frames = Double(max(run.frames, 1))
        func milliseconds(_ seconds: Double) -> String { Self.number(seconds / frames * 1000, 1) }
        let name = "authors' package, \(run.dtype)" + (run.steps.map { ", \($0) steps" } ?? "")
        let all = Self.number(run.seconds / run.audio, 3), peak = "\(run.peakResident >> 20)"
        guard let listener = run.listener, run.steps != nil else {
            return [
                name, all, milliseconds(run.talker), milliseconds(run.predictor),
                Self.number(run.codec / run.audio, 3), Self.number(run.prefill * 1000, 0), peak,
            ]
        }
        return [
            name, all, milliseconds(run.talker), milliseconds(run.predictor), milliseconds(run.codec),
            listener > 0 ? milliseconds(listener) : "", peak,
        ]
    }

    /// How many times ours the other's figures are.
    private func row(_ run: UpstreamRun, over ours: Run) -> [String] {
        let frames = Double(max(run.frames, 1))
        let prompt = Double(ours.promptRows) / max(ours.prefill.median, 1e-9)
        return [
            "  over Mynah's, \(ours.precision)", ratio(run.seconds / run.audio, ours.total.median),
            ratio(run.talker / frames, ours.talker.median),
            ratio(run.predictor / frames, ours.predictor.median),
            ratio(run.codec / run.audio, ours.codec.median),
            run.steps == nil
                ? ratio(run.prefill, prompt) : ratio((run.listener ?? 0) / frames, ours.listener.median),
            ratio(Double(run.peakResident), Double(ours.memory.peak)),
        ]
    }

    private func ratio(_ theirs: Double, _ ours: Double) -> String {
        ours > 0 ? "\(Self.number(theirs / ours, 1)) x" : ""
    }

    static func number(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}

extension BenchReport.Measure {
    init(scaling measure: BenchReport.Measure, by factor: Double) {
        (best, median) = (measure.best * factor, measure.median * factor)
    }
}
