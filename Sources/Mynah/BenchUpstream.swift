import Foundation
import SpeechCore

/// Runs the authors' package on the same checkpoint, through `scripts/bench_upstream.py`.
package struct BenchUpstream: Sendable {
    /// The interpreter that has the package.
    package var python: String
    package var script: String
    package var types: [String] = ["bfloat16"]
    package var threads: Int
    package var frames: Int
    /// Steps of the diffusion, one run each; nil for a model that has none.
    package var steps: [Int?] = [nil]

    /// Variable that names an interpreter when none is given.
    package static let variable = "MYNAH_UPSTREAM_PYTHON"
    /// What the interpreter needs.
    private var packages = "torch qwen-tts"

    /// - Parameter python: as given on the command line; else the environment's, else `python3`.
    package init(python: String?, script: String?, threads: Int, frames: Int) {
        let environment = ProcessInfo.processInfo.environment
        self.python = python ?? environment[Self.variable] ?? "python3"
        self.script = script ?? Self.nearby(Self.codesScript)
        (self.threads, self.frames) = (threads, frames)
    }

    /// As the other, for what was measured: models that speak by diffusion have a script of their own.
    package init(python: String?, threads: Int, frames: Int, for runs: [BenchReport.Run]) {
        self.init(python: python, script: nil, threads: threads, frames: frames)
        let steps = runs.compactMap(\.steps)
        guard !steps.isEmpty else { return }
        self.steps = Set(steps).sorted()
        script = Self.nearby(Self.diffusionScript)
        packages = "torch transformers"
    }

    private static let codesScript = "scripts/bench_upstream.py"
    private static let diffusionScript = "scripts/bench_upstream_vibevoice.py"

    /// The script of the source tree that we stand in, or that this program was built in.
    private static func nearby(_ name: String) -> String {
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        var folders = [URL(fileURLWithPath: FileManager.default.currentDirectoryPath)]
        var folder = program.deletingLastPathComponent()
        while folder.path.count > 1 {
            folders.append(folder)
            folder = folder.deletingLastPathComponent()
        }
        let places = folders.map { $0.appendingPathComponent(name).path }
        return places.first { FileManager.default.fileExists(atPath: $0) } ?? name
    }

    /// One run for each number type.
    ///
    /// - Throws: `SpeechError` of code `missingFile` where interpreter, package or script are not there.
    package func run(_ checkpoint: String) throws -> [BenchReport.UpstreamRun] {
        guard FileManager.default.fileExists(atPath: script) else {
            throw SpeechError(
                .missingFile, "The script '\(script)' is not there.", remedy: "Run this in the source tree.")
        }
        return try types.flatMap { type in try steps.map { try run(checkpoint, type, $0) } }
    }

    private func run(_ checkpoint: String, _ type: String, _ steps: Int?) throws -> BenchReport.UpstreamRun {
        let arguments =
            [script, checkpoint, "--dtype", type, "--threads", "\(threads)", "--frames", "\(frames)"]
            + (steps.map { ["--steps", "\($0)"] } ?? [])
        let output = try launch(arguments)
        guard
            let line = output.split(separator: UInt8(ascii: "\n")).last(where: {
                $0.first == UInt8(ascii: "{")
            }),
            let run = try? JSONDecoder().decode(BenchReport.UpstreamRun.self, from: Data(line))
        else {
            throw SpeechError(
                .missingFile, "'\(python)' could not run the authors' package; its own words are above.",
                remedy:
                    "Install it with '\(install)', and name the interpreter with --python or \(Self.variable)."
            )
        }
        return run
    }

    private var install: String {
        "python3 -m pip install --extra-index-url https://download.pytorch.org/whl/cpu \(packages)"
    }

    /// What the script prints; its errors go to ours.
    private func launch(_ arguments: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        do {
            try process.run()
        } catch {
            throw SpeechError(
                .missingFile, "'\(python)' cannot be run.", remedy: "Name another with --python.",
                underlying: error)
        }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return output
    }
}
