import ArgumentParser
import Foundation
import Mynah
import SpeechCore

/// `mynah clone`.
struct CloneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clone",
        abstract: "Keep the voice heard in a recording.",
        discussion: """
            Three to thirty seconds of one person speaking clearly are enough. With the words of the recording the
            likeness is better. The voice is kept in a file of its own ('mynah voices'), and spoken with by name:
              mynah clone ann --audio ann.wav --text "The birch canoe slid on the smooth planks."
              mynah speak "Rain again." -v ann -o rain.wav
            Without --model the first installed model that takes a voice from a recording is used.
            Ask whoever speaks in the recording first, and note it:
              mynah clone ann --audio ann.wav --consent "Ann, by letter, 3 May"
            """)

    @Argument(help: "The voice's name: letters, digits, '_' and '-'.")
    var name: String

    @Option(help: ArgumentHelp("A sound file of any common kind.", valueName: "file"), completion: .file())
    var audio: String

    @Option(help: ArgumentHelp("What the recording says.", valueName: "text"))
    var text: String?

    @Option(help: ArgumentHelp("A file of what the recording says.", valueName: "file"), completion: .file())
    var textFile: String?

    @Option(help: ArgumentHelp("What the speaker agreed to; kept with the voice.", valueName: "note"))
    var consent: String?

    @Flag(help: "Replace a voice of this name.")
    var replace = false

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @Flag(help: "Print one JSON object about the voice.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print no progress or notes.")
    var quiet = false

    func validate() throws {
        guard text == nil || textFile == nil else {
            throw ValidationError("Give --text or --text-file, not both.")
        }
        guard text?.allSatisfy(\.isWhitespace) != true else {
            throw ValidationError("--text is what the recording says; leave it out where that is not known.")
        }
    }

    func run() async throws {
        let library = VoiceLibrary()
        try library.checkFree(name, replacing: replace)
        let transcript = try transcript()?.trimmingCharacters(in: .whitespacesAndNewlines)
        let heard = try RecordingFile.read(audio, transcript: transcript, quiet: quiet)
        let (model, place) = try await modelOptions.load(ModelLibrary.locateCloning, quiet: quiet)
        if !quiet { Console.progress("Listening to \(heard.audio.duration.digits(1)) s") }
        let profile = try await model.clone(heard, name: name)
        Console.endProgress()
        try Task.checkCancellation()
        let voice = StoredVoice(
            profile, model: place.name, recording: heard.audio,
            fileName: URL(fileURLWithPath: audio).lastPathComponent, consent: consent)
        try library.add(voice, replacing: replace)
        if !quiet {
            Console.note(
                "The voice '\(name)' is kept. Speak with it: mynah speak \"Hello.\" -v \(name)\(hint(place)) --play"
            )
        }
        if json { try Console.json(VoiceDescription(voice)) }
    }

    private func transcript() throws -> String? {
        guard text != nil || textFile != nil else { return nil }
        do {
            return try SpeechText.read(words: text.map { [$0] } ?? [], file: textFile)
        } catch let error as SpeechError where error == .noText {
            throw SpeechError(
                .invalidInput, "The transcript is empty.",
                remedy: "Give what the recording says, or leave it out where that is not known.")
        }
    }

    /// The model as 'speak' must be told it; nothing where it finds it by the voice.
    private func hint(_ place: ModelPlace) -> String {
        let found = try? modelOptions.library.locate(nil, speaking: name)
        guard found?.path != place.path else { return "" }
        let model = modelOptions.model ?? place.name
        return model.contains(where: \.isWhitespace) ? " -m '\(model)'" : " -m \(model)"
    }
}
