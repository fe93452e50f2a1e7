import ArgumentParser
import Foundation
import Mynah
import SpeechCore

/// `mynah voices`.
struct VoicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "voices",
        abstract: "The voices that are kept on this machine.",
        discussion: """
            Voices are files in the folder that 'mynah doctor' names, made by 'mynah clone'. Presets of a model are
            listed by 'mynah models show MODEL'.
              mynah voices show ann
              mynah voices export ann ann.mynah-voice
              mynah voices import ann.mynah-voice --name anna
            """,
        subcommands: [List.self, Show.self, Remove.self, Export.self, Import.self],
        defaultSubcommand: List.self)

    /// A voice's name on the command line.
    struct Name: ParsableArguments {
        @Argument(
            help: "The voice's name.", completion: .custom { _, _, _ in (try? VoiceLibrary().names()) ?? [] })
        var name: String
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the voices.")
        @Flag(help: "Print one JSON array.") var json = false

        func run() throws {
            let library = VoiceLibrary()
            let voices = try library.names().map { name in (name, Result { try library.voice(named: name) }) }
            if json {
                return try Console.json(
                    voices.map { name, voice in
                        switch voice {
                        case .success(let voice): VoiceDescription(voice)
                        case .failure(let error):
                            VoiceDescription(name: name, error: SpeechError(describing: error))
                        }
                    })
            }
            guard !voices.isEmpty else {
                return Console.note("No voice is kept yet; 'mynah clone' makes one.")
            }
            Table.show(
                [["NAME", "MADE WITH", "RECORDING", "CREATED"]]
                    + voices.map { name, voice in
                        guard case .success(let voice) = voice else {
                            return [name, "cannot be read", "", ""]
                        }
                        return [
                            name, voice.model, "\(voice.source.duration.digits(1)) s",
                            voice.created.ISO8601Format(.iso8601Date(timeZone: .gmt)),
                        ]
                    })
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say everything about a voice.")
        @OptionGroup var voice: Name
        @Flag(help: "Print one JSON object.") var json = false

        func run() throws {
            let description = VoiceDescription(try VoiceLibrary().voice(named: voice.name))
            if json { return try Console.json(description) }
            Table.show(description.rows)
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete a voice.")
        @OptionGroup var voice: Name
        func run() throws { try VoiceLibrary().remove(voice.name) }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a voice to a file, to be carried elsewhere.")
        @OptionGroup var voice: Name
        @Argument(help: "The file to write.", completion: .file()) var file: String
        func run() throws { try VoiceLibrary().export(voice.name, to: URL(fileURLWithPath: file)) }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take in a voice that was exported.")
        @Argument(help: "The file to read.", completion: .file()) var file: String
        @Option(help: "Keep it under this name; its own when left out.") var name: String?
        @Flag(help: "Replace a voice of this name.") var replace = false

        func run() throws {
            print(try VoiceLibrary().import(from: URL(fileURLWithPath: file), as: name, replacing: replace))
        }
    }
}

/// A voice as `--json` and `voices show` tell it.
struct VoiceDescription: Encodable {
    var name: String
    var error: String?
    var family, model: String?
    var created: Date?
    var source: StoredVoice.Source?
    var width, frames: Int?
    var transcript, consent: String?

    init(_ voice: StoredVoice) {
        name = voice.profile.name
        (family, model, created) = (voice.profile.family, voice.model, voice.created)
        (source, transcript, consent) = (voice.source, voice.profile.transcript, voice.consent)
        (width, frames) = (voice.profile.speakerVector.count, voice.profile.codes.count)
    }

    /// A voice that could not be read.
    init(name: String, error: SpeechError) {
        (self.name, self.error) = (name, error.message)
    }

    var rows: [[String]] {
        [
            ["name", name], ["made with", model ?? ""], ["family", family ?? ""],
            ["created", created?.ISO8601Format() ?? ""],
            [
                "recording",
                source.map { "\($0.fileName), \($0.duration.digits(2)) s at \($0.sampleRate) Hz" } ?? "",
            ],
            ["sha256", source?.sha256 ?? ""],
            ["transcript", transcript ?? "none: cloned by speaker vector alone"],
            ["codec frames", "\(frames ?? 0)"], ["vector width", "\(width ?? 0)"],
            ["consent", consent ?? "not noted"],
        ]
    }
}
