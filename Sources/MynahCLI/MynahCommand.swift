import ArgumentParser
import Dispatch
import Foundation
import Mynah
import SpeechCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The program: parses, runs one command, and turns what it throws into words and an exit status.
@main struct MynahCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mynah",
        abstract: "Speech from text, on this machine.",
        discussion: """
            Say something, and hear it:
              mynah speak "Good morning." --play
            Write a file; its extension says which format:
              mynah speak -f chapter.txt -v vivian -o chapter.flac
            Keep a voice heard in a recording, then speak with it:
              mynah clone ann --audio ann.wav --text "The birch canoe slid on the smooth planks."
              mynah speak "Rain again." -v ann -o rain.wav
            Write down what is said in a recording:
              mynah transcribe meeting.mp3 -m vibevoice-asr-7b --format srt -o meeting.srt

            \(ExitStatus.help)
            """,
        version: Program.version,
        subcommands: [
            SpeakCommand.self, ServeCommand.self, TranscribeCommand.self, CloneCommand.self,
            VoicesCommand.self,
            ModelsCommand.self,
            DoctorCommand.self, ParityCommand.self, BenchCommand.self, ConvertCommand.self,
            InspectCommand.self, WorkerCommand.self,
        ])

    static func main() async {
        StandardStreams.holdPlaces()
        // A reader that leaves is an error of `write`, not the end of the program.
        signal(SIGPIPE, SIG_IGN)
        let task = Task { () -> Int32 in
            do {
                var command = try parseAsRoot()
                if var command = command as? any AsyncParsableCommand {
                    try await command.run()
                } else {
                    try command.run()
                }
                return ExitCode.success.rawValue
            } catch {
                return FailureReport.tell(error)
            }
        }
        let interruption = Interruption(of: task)
        let status = await task.value
        interruption.end()
        // Not `exit`: its destructors would take from under a model that is still at work what it works with.
        fflush(nil)
        _exit(status)
    }
}

/// What the program says of itself.
enum Program {
    static let version = "0.1.0"
}

/// Lets the running command end by itself on SIGINT and SIGTERM: files that are half made are removed. A command
/// that does not within its time, or a second signal, ends the program at once.
struct Interruption {
    /// Seconds that the command may take to end; a server lets what streams go on.
    static let patience = Atomic(3)
    /// Whether the signals are let pass: a worker gets those that are sent to the server's whole group, and ends
    /// when the server has let its listeners hear to the end.
    static let isIgnored = Atomic(false)
    private let sources: [any DispatchSourceSignal]

    init(of task: Task<Int32, Never>) {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if Self.isIgnored.load(ordering: .relaxed) { return }
                if task.isCancelled { _exit(ExitStatus.of(.cancelled)) }
                task.cancel()
                DispatchQueue.global().asyncAfter(
                    deadline: .now() + .seconds(Self.patience.load(ordering: .relaxed))
                ) { _exit(ExitStatus.of(.cancelled)) }
            }
            source.resume()
            return source
        }
    }

    func end() { for source in sources { source.cancel() } }
}
