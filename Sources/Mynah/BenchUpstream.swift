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

    /// Variable that names an interpreter when none is given.
    package static let variable = "MYNAH_UPSTREAM_PYTHON"
    /// What the interpreter needs.
    private let packages: [String]

    /// - Parameters:
    ///   - python: as given on the command line; else the environment's, else `python3`.
    ///   - diffusion: whether the model speaks by diffusion: those have a script of their own.
    package init(python: String?, threads: Int, frames: Int, diffusion: Bool) {
        let environment = ProcessInfo.processInfo.environment
        self.python = python ?? environment[Self.variable] ?? "python3"
        script = Self.nearby(diffusion ? "scripts/bench_upstream_vibevoice.py" : "scripts/bench_upstream.py")
        packages = ["torch", diffusion ? "transformers" : "qwen-tts"]
        (self.threads, self.frames) = (threads, frames)
    }

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

    /// Looks for what running needs; what is measured before would be in vain without it.
    ///
    /// - Throws: `SpeechError` of code `missingFile` where interpreter, package or script are not there.
    package func check() throws {
        guard FileManager.default.fileExists(atPath: script) else {
            throw SpeechError(
                .missingFile, "The script '\(script)' is not there.", remedy: "Run this in the source tree.")
        }
        let names = packages.map { $0.replacing("-", with: "_") }
        let (status, _) = try launch(
            [
                "-c",
                "import importlib.util as u, sys; sys.exit(any(u.find_spec(n) is None for n in sys.argv[1:]))",
            ] + names)
        guard status == 0 else {
            throw SpeechError(
                .missingFile,
                "'\(python)' has not the authors' package: \(packages.joined(separator: ", ")).",
                remedy: remedy)
        }
    }

    /// One run for each number type, and each number of steps that was measured.
    ///
    /// - Throws: `SpeechError` of code `missingFile` where interpreter, package or script are not there.
    package func run(
        _ checkpoint: String, after runs: [BenchReport.Run]
    ) throws -> [BenchReport.UpstreamRun] {
        let measured = Set(runs.compactMap(\.steps)).sorted()
        let steps: [Int?] = measured.isEmpty ? [nil] : measured
        return try types.flatMap { type in try steps.map { try run(checkpoint, type, $0) } }
    }

    private func run(_ checkpoint: String, _ type: String, _ steps: Int?) throws -> BenchReport.UpstreamRun {
        let arguments =
            [script, checkpoint, "--dtype", type, "--threads", "\(threads)", "--frames", "\(frames)"]
            + (steps.map { ["--steps", "\($0)"] } ?? [])
        let (_, output) = try launch(arguments)
        guard
            let line = output.split(separator: UInt8(ascii: "\n")).last(where: {
                $0.first == UInt8(ascii: "{")
            }),
            let run = try? JSONDecoder().decode(BenchReport.UpstreamRun.self, from: Data(line))
        else {
            throw SpeechError(
                .missingFile, "'\(python)' could not run the authors' package; its own words are above.",
                remedy: remedy)
        }
        return run
    }

    private var remedy: String {
        let install = "python3 -m pip install --extra-index-url https://download.pytorch.org/whl/cpu"
        return "Install it with '\(install) \(packages.joined(separator: " "))', "
            + "and name the interpreter with --python or \(Self.variable)."
    }

    /// The exit status, and what is printed; errors go to ours.
    private func launch(_ arguments: [String]) throws -> (status: Int32, output: Data) {
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
        return (process.terminationStatus, output)
    }
}
