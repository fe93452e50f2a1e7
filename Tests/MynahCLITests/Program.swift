import Foundation
import SpeechTesting
import Testing

/// The program, run as a person runs it, with a home of its own and no network.
final class Mynah: Sendable {
    let home = FileManager.default.temporaryDirectory.appendingPathComponent("mynah-cli-\(UUID().uuidString)")

    /// Checkpoints that the reference implementation made for tests.
    static let qwen = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Fixtures/qwen3-tts").standardizedFileURL.path
    static let base = qwen + "/tiny-base", customVoice = qwen + "/tiny-custom_voice"

    struct Outcome {
        let status: Int32
        let output: Data
        let errors: String
        var text: String { String(decoding: output, as: UTF8.self) }
        /// The object that `--json` printed.
        var object: [String: Any] {
            (try? JSONSerialization.jsonObject(with: output)) as? [String: Any] ?? [:]
        }
    }

    init() { try? FileManager.default.createDirectory(at: home, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: home) }

    func path(_ name: String) -> String { home.appendingPathComponent(name).path }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
    func data(_ name: String) -> Data { FileManager.default.contents(atPath: path(name)) ?? Data() }

    /// Puts a model into the folder of models.
    func install(_ path: String, as name: String) throws {
        let models = home.appendingPathComponent("home/models")
        try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: models.appendingPathComponent(name).path, withDestinationPath: path)
    }

    func write(_ bytes: some Sequence<UInt8>, to name: String) {
        _ = FileManager.default.createFile(atPath: path(name), contents: Data(bytes))
    }

    /// Starts the program.
    ///
    /// - Parameter redirection: what a shell would make of its descriptors, as `>&-`.
    func start(
        _ arguments: [String], redirection: String? = nil, input: Pipe? = nil, output: Pipe, errors: Pipe
    ) throws -> Process {
        let process = Process()
        (process.executableURL, process.arguments) = (TestProgram.mynah, arguments)
        if let redirection, let program = TestProgram.mynah {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "exec \"$0\" \"$@\" \(redirection)", program.path] + arguments
        }
        process.currentDirectoryURL = home
        var environment = ProcessInfo.processInfo.environment
        environment["MYNAH_HOME"] = path("home")
        environment["HF_HOME"] = path("hf")
        environment["HF_HUB_OFFLINE"] = "1"
        environment["MYNAH_MODEL"] = nil
        process.environment = environment
        process.standardInput = input ?? FileHandle.nullDevice
        (process.standardOutput, process.standardError) = (output, errors)
        try process.run()
        return process
    }

    /// Runs the program to its end.
    func run(_ arguments: String..., input: [UInt8]? = nil) throws -> Outcome {
        try run(arguments: arguments, input: input)
    }

    /// Runs the program to its end.
    func run(arguments: [String], redirection: String? = nil, input: [UInt8]? = nil) throws -> Outcome {
        let (output, errors) = (Pipe(), Pipe())
        let fed = input.map { _ in Pipe() }
        let process = try start(
            arguments, redirection: redirection, input: fed, output: output, errors: errors)
        if let input, let fed {
            // A program that ends before it has read all closes the pipe.
            Thread.detachNewThread {
                signal(SIGPIPE, SIG_IGN)
                try? fed.fileHandleForWriting.write(contentsOf: Data(input))
                try? fed.fileHandleForWriting.close()
            }
        }
        let words = Collector(errors)
        let data = (try output.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        return Outcome(status: process.terminationStatus, output: data, errors: words.text())
    }
}

/// Reads a pipe to its end while something else is read.
final class Collector: Sendable {
    private let done = DispatchSemaphore(value: 0)
    private let box = Box()

    private final class Box: @unchecked Sendable {
        // SAFETY: written before the semaphore is signalled, read after.
        var data = Data()
    }

    init(_ pipe: Pipe) {
        let (box, done) = (box, done)
        let handle = pipe.fileHandleForReading
        Thread.detachNewThread {
            box.data = (try? handle.readToEnd()) ?? Data()
            done.signal()
        }
    }

    func text() -> String {
        done.wait()
        return String(decoding: box.data, as: UTF8.self)
    }
}
