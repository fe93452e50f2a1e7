import ArgumentParser
import Foundation
import ModelHub
import Mynah
import SpeechCore

/// `mynah models`.
struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "The models on this machine and those that can be fetched.",
        discussion: """
            Models are kept in the hub's own cache, where other programs find them too. An interrupted pull goes on
            where it stopped.
              mynah models pull qwen3-tts-0.6b
              mynah models show qwen3-tts-0.6b
            """,
        subcommands: [List.self, Pull.self, Show.self, Remove.self, Path.self],
        defaultSubcommand: List.self)

    /// A model on the command line.
    struct Name: ParsableArguments {
        @Argument(
            help: "A name that 'mynah models' lists, a path, or organisation/name.",
            completion: .custom { _, _, _ in
                ModelLibrary().installed().map(\.name) + HubModel.catalogue.map(\.name)
            })
        var name: String
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List models, installed and to be pulled.")
        @Flag(help: "Print one JSON object.") var json = false

        private struct Listing: Encodable {
            struct Offer: Encodable {
                let name, repository: String, bytes: Int64?, licence, abilities: String?
            }
            let installed: [ModelPlace]
            let offered: [Offer]
        }

        func run() throws {
            let installed = ModelLibrary().installed()
            let paths = Set(installed.map(\.path))
            let hub = ModelHub()
            let offers = HubModel.catalogue.filter { model in
                hub.snapshot(of: model).map { !paths.contains($0.path) } ?? true
            }
            if json {
                return try Console.json(
                    Listing(
                        installed: installed,
                        offered: offers.map {
                            .init(
                                name: $0.name, repository: $0.repository, bytes: $0.expectedBytes,
                                licence: $0.licence, abilities: $0.abilities)
                        }))
            }
            try Table.show(
                [["INSTALLED", "SIZE", "WHERE"]]
                    + installed.map { [$0.name, $0.bytes.map { Table.bytes($0) } ?? "", $0.path] })
            try Console.print("")
            try Table.show(
                [["TO BE PULLED", "SIZE", "LICENCE", "WHAT IT DOES"]]
                    + offers.map {
                        [
                            $0.name, $0.expectedBytes.map { Table.bytes($0) } ?? "", $0.licence ?? "",
                            $0.abilities ?? "",
                        ]
                    })
        }
    }

    struct Pull: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch a model from the hub, or bring it up to date.")
        @OptionGroup var model: Name
        @Option(help: "A branch, tag or commit.") var revision = "main"
        @Flag(name: .shortAndLong, help: "Print no progress.") var quiet = false

        func run() async throws {
            do {
                let wanted = try HubModel(model.name, revision: revision)
                let quiet = quiet
                let folder = try await ModelHub().pull(wanted) { if !quiet { PullLine.show($0) } }
                Console.endProgress()
                try Console.print(folder.path)
                if !quiet, let note = wanted.note { Console.note("note: \(note)") }
            } catch {
                throw SpeechError(describing: error)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say what a model is and can do.")
        @OptionGroup var model: Name
        @Flag(help: "Print one JSON object.") var json = false

        private struct Description: Encodable { let place: ModelPlace, card: ModelCard }

        func run() async throws {
            let library = ModelLibrary(device: .cpu)
            let place = try library.locate(model.name)
            if place.listens { return try await showListener(place, library) }
            let card = try await library.synthesizer(
                at: place, options: LoadOptions(device: .cpu, sessions: 1)
            ).card
            if json { return try Console.json(Description(place: place, card: card)) }
            try Table.show([
                ["name", place.name], ["path", place.path], ["family", card.family],
                ["variant", card.variant],
                ["size", card.size], ["sample rate", "\(card.sampleRate) Hz"],
                ["languages", card.languages.joined(separator: ", ")],
                [
                    "voices",
                    card.speakers.isEmpty ? "none of its own" : card.speakers.joined(separator: ", "),
                ],
                ["clones", card.clones ? "yes" : "no"], ["voices from words", card.designs ? "yes" : "no"],
                ["delivery in words", card.takesInstructions ? "yes" : "no"],
                ["text being written", Self.sentence(card.textIntake)],
                [
                    "dialogues",
                    card.dialogueSpeakers > 1
                        ? "of up to \(card.dialogueSpeakers) speakers" : "one turn after the other",
                ],
            ])
        }

        private static func sentence(_ intake: TextIntake) -> String {
            switch intake {
            case .streaming: "spoken as it comes"
            case .sentences: "spoken sentence by sentence"
            case .whole: "spoken when it is whole"
            }
        }

        private func showListener(_ place: ModelPlace, _ library: ModelLibrary) async throws {
            struct Description: Encodable { let place: ModelPlace, card: TranscriberCard }
            let card = try await library.transcriber(
                at: place, options: LoadOptions(device: .cpu, sessions: 1)
            ).card
            if json { return try Console.json(Description(place: place, card: card)) }
            try Table.show([
                ["name", place.name], ["path", place.path], ["family", card.family], ["size", card.size],
                ["longest recording", "\(card.longestRecording.digits(0)) s"],
                ["tells speakers apart", card.tellsSpeakers ? "yes" : "no"],
                ["takes context", card.takesContext ? "yes" : "no"],
            ])
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete a model.")
        @OptionGroup var model: Name

        func run() throws { try Console.print("\(Table.bytes(ModelLibrary().remove(model.name))) freed") }
    }

    struct Path: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print where a model is.")
        @OptionGroup var model: Name
        func run() throws { try Console.print(ModelLibrary().locate(model.name).path) }
    }
}

/// How far a pull has come: a line that changes on a terminal, a line for each file elsewhere.
private enum PullLine {
    static func show(_ progress: PullProgress) {
        let share = progress.bytesTotal > 0 ? Double(progress.bytesDone) / Double(progress.bytesTotal) : 0
        switch progress.phase {
        case .waiting(let seconds):
            Console.endProgress()
            Console.note("The connection failed; trying again in \(Int(seconds.rounded(.up))) s.")
        case .verifying: Console.progress("Checking \(progress.file)")
        case .downloading:
            let bar = String(repeating: "=", count: Int(share * 24)).padded(to: 24)
            Console.progress(
                "[\(bar)] \((share * 100).digits(1))%  \(Table.bytes(progress.bytesDone)) of "
                    + "\(Table.bytes(progress.bytesTotal))  "
                    + "\((progress.bytesPerSecond / 1e6).digits(1)) MB/s  \(progress.file)")
        }
    }
}
