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

        /// - Parameter promptRows: how many rows a prompt has, which read the weights once for all of them.
        package init(_ cost: FrameCost, _ machine: BenchMachine, promptRows: Double, exact: Bool) {
            let peak = exact ? machine.floatPeak : machine.convolutionPeak
            let frame = 0.08
            talkerSeconds = Double(cost.talkerBytes) / machine.bandwidth
            predictorSeconds = Double(cost.predictorBytes) / machine.bandwidth
            let products = promptRows * Double(cost.talkerProducts) / peak
            prefillRows = promptRows / max(products, talkerSeconds)
            codecFactor = Double(cost.codecProducts) / peak / frame
            totalFactor = (talkerSeconds + predictorSeconds) / frame + codecFactor
        }
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
        package var peakResident: Int
    }
}

// MARK: tables

extension BenchReport {
    /// What was measured, for a person: a title and rows for each table, the first row being its head.
    package var tables: [(title: String, rows: [[String]])] {
        var tables = runs.map { (title: title(of: $0), rows: rows(of: $0)) }
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

    private func title(of run: Run) -> String {
        "\(run.family) \(run.size) \(run.variant), \(run.precision), \(frames) frames, best and median of \(repeats)"
    }

    private func rows(of run: Run) -> [[String]] {
        let limits = run.limits
        func row(_ name: String, _ value: Measure, _ limit: Double?, _ digits: Int, more: Bool = false)
            -> [String]
        {
            let share = limit.map { value.best > 0 ? (more ? value.best / $0 : $0 / value.best) : 0 }
            return [
                name, Self.number(value.best, digits), Self.number(value.median, digits),
                limit.map { Self.number($0, digits) } ?? "",
                share.map { "\(Self.number($0 * 100, 0)) %" } ?? "",
            ]
        }
        func milliseconds(_ measure: Measure) -> Measure {
            Measure(scaling: measure, by: 1000)
        }
        return [
            ["", "best", "median", "limit", "of the limit"],
            ["load, s", Self.number(run.loadSeconds, 2), "", "", ""],
            ["first sound from start, s", Self.number(run.coldFirstSound, 2), "", "", ""],
            row("first sound, loaded, ms", milliseconds(run.firstSound), nil, 0),
            row("prompt, rows/s (\(run.promptRows) rows)", run.prefill, limits?.prefillRows, 0, more: true),
            row("talker, ms a frame", milliseconds(run.talker), limits.map { $0.talkerSeconds * 1000 }, 2),
            row(
                "code predictor, ms a frame", milliseconds(run.predictor),
                limits.map { $0.predictorSeconds * 1000 }, 2),
            row("codec, s per s of sound", run.codec, limits?.codecFactor, 3),
            row("codec frame by frame", run.codecSingle, limits?.codecFactor, 3),
            row("all, s per s of sound", run.total, limits?.totalFactor, 3),
            ["sound: level, share clipped", Self.number(run.level, 3), Self.number(run.clipped, 3), "", ""],
            ["peak memory, MiB", "\(run.memory.peak >> 20)", "", "", ""],
            ["  of it mapped files, now", "\(run.memory.mapped >> 20)", "", "", ""],
            ["  its own, now", "\(run.memory.own >> 20)", "", "", ""],
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
        var rows = [
            ["", "all, s per s", "talker, ms", "predictor, ms", "codec, s per s", "prompt, ms", "peak, MiB"]
        ]
        for run in upstream {
            let frames = Double(max(run.frames, 1))
            rows.append([
                "authors' package, \(run.dtype)", Self.number(run.seconds / run.audio, 3),
                Self.number(run.talker / frames * 1000, 1), Self.number(run.predictor / frames * 1000, 1),
                Self.number(run.codec / run.audio, 3), Self.number(run.prefill * 1000, 0),
                "\(run.peakResident >> 20)",
            ])
            for ours in runs {
                let prompt = Double(ours.promptRows) / max(ours.prefill.median, 1e-9)
                rows.append([
                    "  over Mynah's, \(ours.precision)", ratio(run.seconds / run.audio, ours.total.median),
                    ratio(run.talker / frames, ours.talker.median),
                    ratio(run.predictor / frames, ours.predictor.median),
                    ratio(run.codec / run.audio, ours.codec.median), ratio(run.prefill, prompt),
                    ratio(Double(run.peakResident), Double(ours.memory.peak)),
                ])
            }
        }
        return rows
    }

    private func ratio(_ theirs: Double, _ ours: Double) -> String {
        ours > 0 ? "\(Self.number(theirs / ours, 1)) x" : ""
    }

    private static func number(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}

extension BenchReport.Measure {
    fileprivate init(scaling measure: BenchReport.Measure, by factor: Double) {
        (best, median) = (measure.best * factor, measure.median * factor)
    }
}
