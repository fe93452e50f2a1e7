import ArgumentParser
import Checkpoints
import Foundation
import Mynah
import Qwen3TTS
import SpeechCore
import TensorGraph

/// `mynah bench`.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure speed on this machine, beside what the machine allows.",
        discussion: """
            Without --checkpoint it measures random weights of a released model's shape, which it makes once: \
            Qwen3-TTS 0.6b (2.5 GB) and 1.7b, VibeVoice 0.5b (2 GB), 1.5b (5.4 GB) and asr-7b (17 GB). Speed does \
            not depend on what the weights say.
              mynah bench --size 0.6b --quantize q8_0,q4_0 --listeners 1,2,4,8
              mynah bench --checkpoint qwen3-tts-0.6b --quantize stored,q8_0
            """)

    @Option(help: "The random checkpoint: \(SyntheticModel.names); 0.6b when left out.")
    var size: SyntheticModel?

    @Option(help: "Of Qwen3-TTS, its kind: custom_voice (when left out), voice_design or base.")
    var variant: SyntheticCheckpoint.Variant?

    @Option(
        help: ArgumentHelp(
            "Measure this instead: a name that 'mynah models' lists, or a path.", valueName: "model"),
        completion: .directory)
    var checkpoint: String?

    @Option(help: "Only write the random checkpoint to this folder.", completion: .directory)
    var make: String?

    @Option(
        help: ArgumentHelp(
            "Types to round weights to, one measurement each; 'stored' keeps them.", valueName: "types"))
    var quantize: String?

    @Option(help: "Frames of each request (12.5 are a second, of VibeVoice 7.5), or tokens written down.")
    var frames = 60

    @Option(
        help: ArgumentHelp("Steps of a diffusion, one measurement each.", valueName: "counts"))
    var steps: String?

    @Option(help: "Seconds of sound for a model that listens.")
    var seconds = 30

    @Option(help: "Runs of which the best and the median are shown.")
    var repeats = 3

    @Option(help: "Threads; as many as there are cores when left out.")
    var threads: Int?

    @Option(help: ArgumentHelp("Also measure this many requests at once.", valueName: "counts"))
    var listeners: String?

    @Flag(help: "Also run the authors' Python package on the same checkpoint.")
    var compareUpstream = false

    @Option(help: "Number types to run it in.")
    var upstreamTypes = "bfloat16"

    @Option(help: ArgumentHelp("The Python that has it; else MYNAH_UPSTREAM_PYTHON.", valueName: "program"))
    var python: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(
        help: ArgumentHelp("Write the tables into this document, between its two marks.", valueName: "file"))
    var markdown: String?

    @Option(help: "The name that those marks bear, where a document has several.")
    var section: String?

    func validate() throws {
        guard (2...4000).contains(frames) else {
            throw ValidationError("--frames takes a number from 2 to 4000.")
        }
        guard (1...100).contains(repeats) else {
            throw ValidationError("--repeats takes a number from 1 to 100.")
        }
        guard (1...1024).contains(threads ?? 1) else {
            throw ValidationError("--threads takes a number from 1 to 1024.")
        }
        guard make != nil || checkpoint != nil || variant != .base else {
            throw ValidationError(
                "A base checkpoint needs a recording to clone; measure custom_voice or voice_design.")
        }
        guard (1...3000).contains(seconds) else {
            throw ValidationError("--seconds takes a number from 1 to 3000.")
        }
        guard checkpoint == nil || size == nil && variant == nil && make == nil else {
            throw ValidationError(
                "--size, --variant and --make are of random checkpoints; leave --checkpoint out.")
        }
        guard checkpoint != nil || size == nil || size?.isQwen == true || variant == nil else {
            throw ValidationError("--variant is of Qwen3-TTS.")
        }
        _ = try (quantizations(), counts(listeners, "--listeners"), counts(steps, "--steps"))
    }

    func run() throws {
        do {
            try measure()
        } catch {
            throw SpeechError(describing: error)
        }
    }

    private func measure() throws {
        if let make { return try write(to: make) }
        let place = try ModelLibrary().locate(checkpoint ?? syntheticCheckpoint())
        var bench = Bench(checkpoint: place.path)
        bench.companion = place.companion
        (bench.quantizations, bench.listeners) = (try quantizations(), try counts(listeners, "--listeners"))
        (bench.frames, bench.repeats, bench.seconds) = (frames, repeats, seconds)
        if steps != nil { bench.steps = try counts(steps, "--steps") }
        if let threads { bench.threads = threads }
        bench.progress = Console.note
        // Measuring takes long: what would stop the rest is told before.
        let card = try ModelLibrary().facts(of: place.path).card
        let diffuses = if case .speaks(let card) = card { card.generation == .diffusion } else { false }
        if case .listens = card, compareUpstream {
            throw SpeechError(
                .unsupported, "'\(place.name)' listens; the authors' packages are run for models that speak.",
                remedy: "Leave --compare-upstream out.")
        }
        guard steps == nil || diffuses else {
            throw SpeechError(
                .unsupported, "'\(place.name)' is not a diffusion model, and has no steps.",
                remedy: "Leave --steps out.")
        }
        let document = markdown.map { BenchDocument(path: $0, section: section) }
        try document?.check()
        let upstream = try upstream(threads: bench.threads, diffuses)
        var report = try bench.run()
        var failure: (any Error)?
        if let upstream {
            Console.note("running the authors' package (\(upstreamTypes))")
            do {
                report.upstream = try upstream.run(place.path, after: report.runs)
            } catch {
                failure = error
            }
        }
        try show(report)
        try document?.insert(report)
        if let failure { throw failure }
    }

    private func upstream(threads: Int, _ diffusion: Bool) throws -> BenchUpstream? {
        guard compareUpstream else { return nil }
        var upstream = BenchUpstream(python: python, threads: threads, frames: frames, diffusion: diffusion)
        upstream.types = upstreamTypes.split(separator: ",").map(String.init)
        try upstream.check()
        return upstream
    }

    // MARK: input

    private func quantizations() throws -> [ElementType?] {
        guard let quantize else { return [nil] }
        let names = quantize.split(separator: ",")
        guard !names.isEmpty else { throw ValidationError("--quantize names no type.") }
        return try names.map { name in
            if name == "stored" { return nil }
            guard let type = ElementType(rawValue: String(name)), Precision.offered.contains(type) else {
                let known = Precision.offered.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--quantize takes stored, \(known); not '\(name)'.")
            }
            return type
        }
    }

    private func counts(_ list: String?, _ option: String) throws -> [Int] {
        guard let list else { return [] }
        let numbers = list.split(separator: ",")
        guard !numbers.isEmpty else { throw ValidationError("\(option) names no number.") }
        return try numbers.map { text in
            guard let count = Int(text), (1...64).contains(count) else {
                throw ValidationError("\(option) takes numbers from 1 to 64, not '\(text)'.")
            }
            return count
        }
    }

    // MARK: the random checkpoint

    private func syntheticCheckpoint() throws -> String {
        let home = ProcessInfo.processInfo.environment["MYNAH_HOME"].flatMap { $0.isEmpty ? nil : $0 }
        let folder = home.map { $0 + "/bench" } ?? NSTemporaryDirectory() + "mynah-bench"
        let path = "\(folder)/synthetic-\((size ?? .small).rawValue)-\((variant ?? .customVoice).rawValue)"
        if !SyntheticModel.isWritten(to: path) { try write(to: path) }
        return path
    }

    private func write(to path: String) throws {
        Console.note("writing random weights to \(path)")
        try (size ?? .small).write(to: path, variant: variant ?? .customVoice)
    }

    // MARK: output

    private func show(_ report: BenchReport) throws {
        guard !json else {
            return try Console.json(report)
        }
        for line in report.machineLines { try Console.print(line) }
        for (title, rows) in report.tables {
            try Console.print("\n\(title)")
            try Table.show(
                rows.map { [""] + $0 }, rightAligned: Set(0...(rows.first?.count ?? 0)).subtracting([0, 1]))
        }
    }
}

extension SyntheticModel: ExpressibleByArgument {}
extension SyntheticCheckpoint.Variant: ExpressibleByArgument {}
