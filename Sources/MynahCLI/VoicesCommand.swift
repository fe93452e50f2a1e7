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
            Voices are files in the folder that 'mynah doctor' names, made by 'mynah clone', or taken in: voices that
            were exported, and presets of VibeVoice-Realtime as its authors and others keep them (.pt, safetensors, a
            folder of NumPy arrays, raw .bin caches). Presets that models bring are listed after them.
              mynah voices import en-Mike_man.pt --name mike
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
            let installed = ModelLibrary().installed().filter { $0.origin != .bundled }
            let presets = installed.flatMap { place in
                (place.voices?.presets ?? []).map { (name: $0, model: place.name) }
            }
            if json {
                let kept = voices.map { name, voice in
                    switch voice {
                    case .success(let voice): VoiceDescription(voice)
                    case .failure(let error):
                        VoiceDescription(name: name, error: SpeechError(describing: error))
                    }
                }
                return try Console.json(
                    kept + presets.map { VoiceDescription(preset: $0.name, of: $0.model) })
            }
            guard !voices.isEmpty || !presets.isEmpty else {
                return Console.note("No voice is kept yet; 'mynah clone' makes one.")
            }
            try Table.show(
                [["NAME", "MADE WITH", "RECORDING", "CREATED"]]
                    + voices.map { name, voice in
                        guard case .success(let voice) = voice else {
                            return [name, "cannot be read", "", ""]
                        }
                        let isPreset = voice.profile.presetFile != nil
                        return [
                            name, isPreset ? voice.profile.family : voice.model,
                            isPreset ? "preset" : "\(voice.source.duration.digits(1)) s",
                            voice.created.ISO8601Format(.iso8601Date(timeZone: .gmt)),
                        ]
                    } + presets.map { [$0.name, $0.model, "comes with the model", ""] })
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say everything about a voice.")
        @OptionGroup var voice: Name
        @Flag(help: "Print one JSON object.") var json = false

        func run() throws {
            let description = VoiceDescription(try VoiceLibrary().voice(named: voice.name))
            if json { return try Console.json(description) }
            try Table.show(description.rows)
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
        @Flag(help: "Replace a file that exists.") var force = false

        func run() throws {
            try VoiceLibrary().export(voice.name, to: URL(fileURLWithPath: file), replacing: force)
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take in a voice that was exported, or a preset.",
            discussion: """
                A preset's file is not needed afterwards. Raw caches and some NumPy folders leave out the cache without
                text, which is the same in every preset of a model; it is then taken from another:
                  mynah voices import mike_tts_lm.bin --name mike --negative-from en-Emma_woman.pt
                """)
        @Argument(help: "The file or folder to read.", completion: .file()) var file: String
        @Option(help: "Keep it under this name; its own when left out.") var name: String?
        @Flag(help: "Replace a voice of this name.") var replace = false
        @Option(
            help: ArgumentHelp("A preset to take the cache without text from.", valueName: "file"),
            completion: .file())
        var negativeFrom: String?

        func run() throws {
            try Console.print(
                VoiceLibrary().import(
                    from: URL(fileURLWithPath: file), as: name, replacing: replace,
                    negativeFrom: negativeFrom.map { URL(fileURLWithPath: $0) }))
        }
    }
}

/// A voice as `--json` and `voices show` tell it.
struct VoiceDescription: Encodable {
    var name: String
    var error: String?
    /// `recording`, `preset`, or `model` for a preset that comes with one.
    var kind: String?
    var family, model: String?
    var created: Date?
    var source: StoredVoice.Source?
    var width, frames: Int?
    var transcript, consent: String?

    init(_ voice: StoredVoice) {
        name = voice.profile.name
        (family, model, created) = (voice.profile.family, voice.model, voice.created)
        (source, transcript, consent) = (voice.source, voice.profile.transcript, voice.consent)
        guard voice.profile.presetFile == nil else {
            kind = "preset"
            return
        }
        (kind, width, frames) = ("recording", voice.profile.speakerVector.count, voice.profile.codes.count)
    }

    /// A preset that comes with a model.
    init(preset name: String, of model: String) { (self.name, self.model, kind) = (name, model, "model") }

    /// A voice that could not be read.
    init(name: String, error: SpeechError) {
        (self.name, self.error) = (name, error.message)
    }

    var rows: [[String]] {
        let head = [
            ["name", name], ["made with", model ?? ""], ["family", family ?? ""],
            ["created", created?.ISO8601Format() ?? ""],
        ]
        guard kind != "preset" else {
            return head + [
                ["preset", source?.fileName ?? ""], ["sha256", source?.sha256 ?? ""],
            ]
        }
        return head + [
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
