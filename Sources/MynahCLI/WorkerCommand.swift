import ArgumentParser
import MynahServer
import SpeechCore
import Synchronization

/// A model's own process, which only a server starts.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Run one model for the server that started this process.",
        shouldDisplay: false)

    @Argument(help: "The model's name, to be seen in lists of processes.")
    var name: String?

    func run() async throws {
        Interruption.isIgnored.store(true, ordering: .relaxed)
        guard await WorkerProgram.run() else {
            throw SpeechError(
                .invalidInput, "'mynah worker' is started by a server, and by nobody else.",
                remedy: "Run 'mynah serve'.")
        }
    }
}
