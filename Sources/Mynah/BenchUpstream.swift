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
    package static let install =
        "python3 -m pip install --extra-index-url https://download.pytorch.org/whl/cpu torch qwen-tts"

    /// - Parameter python: as given on the command line; else the environment's, else `python3`.
    package init(python: String?, script: String?, threads: Int, frames: Int) {
        let environment = ProcessInfo.processInfo.environment
        self.python = python ?? environment[Self.variable] ?? "python3"
        self.script = script ?? Self.nearbyScript ?? "scripts/bench_upstream.py"
        (self.threads, self.frames) = (threads, frames)
    }

    /// The script of the source tree that we stand in, or that this program was built in.
    private static var nearbyScript: String? {
        let name = "scripts/bench_upstream.py"
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        var folders = [URL(fileURLWithPath: FileManager.default.currentDirectoryPath)]
        var folder = program.deletingLastPathComponent()
        while folder.path.count > 1 {
            folders.append(folder)
            folder = folder.deletingLastPathComponent()
        }
        return folders.map { $0.appendingPathComponent(name).path }.first {
            FileManager.default.fileExists(atPath: $0)
        }
    }

    /// One run for each number type.
    ///
    /// - Throws: `SpeechError` of code `missingFile` where interpreter, package or script are not there.
    package func run(_ checkpoint: String) throws -> [BenchReport.UpstreamRun] {
        guard FileManager.default.fileExists(atPath: script) else {
            throw SpeechError(
                .missingFile, "The script '\(script)' is not there.", remedy: "Run this in the source tree.")
        }
        return try types.map { try run(checkpoint, $0) }
    }

    private func run(_ checkpoint: String, _ type: String) throws -> BenchReport.UpstreamRun {
        let arguments = [
            script, checkpoint, "--dtype", type, "--threads", "\(threads)", "--frames", "\(frames)",
        ]
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
                    "Install it with '\(Self.install)', and name the interpreter with --python or \(Self.variable)."
            )
        }
        return run
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
