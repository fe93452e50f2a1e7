import ArgumentParser
import Foundation
import Mynah
import SpeechCore

/// A dialogue: who is who.
struct ScriptOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The text is a script, and this is the voice of one of its speakers: a recording, "
                + "or what --voice takes. Once for each speaker.",
            valueName: "name=voice"))
    var speaker: [String] = []

    @Flag(help: "The text is a script whose speakers' voices are left to the model.")
    var script = false

    func validate() throws {
        for entry in speaker where Self.parts(of: entry) == nil {
            throw ValidationError("--speaker takes NAME=VOICE, as in \"Ann=ann.wav\", not '\(entry)'.")
        }
        let names = speaker.compactMap { Self.parts(of: $0)?.name.lowercased() }
        guard Set(names).count == names.count else {
            throw ValidationError("--speaker names a speaker twice.")
        }
    }

    var isScript: Bool { script || !speaker.isEmpty }

    private static func parts(of entry: String) -> (name: String, voice: String)? {
        guard let sign = entry.firstIndex(of: "=") else { return nil }
        let name = entry[..<sign].trimmingCharacters(in: .whitespaces)
        let voice = String(entry[entry.index(after: sign)...])
        return name.isEmpty || voice.isEmpty ? nil : (name, voice)
    }

    /// The voices by speaker, as this model knows them.
    func voices(for card: ModelCard, quiet: Bool) throws -> [String: Voice] {
        var voices: [String: Voice] = [:]
        for (name, voice) in speaker.compactMap(Self.parts) {
            voices[name] = try VoiceOptions.voice(voice, for: card, orRecording: true, quiet: quiet)
        }
        return voices
    }
}
