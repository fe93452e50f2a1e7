import ArgumentParser
import AudioDSP
import Foundation
import Mynah
import SpeechCore

/// `mynah speak`.
struct SpeakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "speak",
        abstract: "Speak a text.",
        discussion: """
            The text is what stands on the command line, a file (-f), or standard input.
            What comes through a pipe is spoken as it comes: after a few words by a model that can (VibeVoice
            Realtime), sentence by sentence by others, and whole by those that need the whole (VibeVoice 1.5B);
            'mynah models show MODEL' tells which. So that a language model is heard while it writes:
              llm "Tell me a story." | mynah speak -m vibevoice-realtime-0.5b --play
            The sound goes to a file, a loudspeaker, or standard output:
              mynah speak "Good morning." --play
              mynah speak -f letter.txt -v vivian -l english -o letter.mp3
              echo "Good morning." | mynah speak -o - | aplay
            Delivery in words, where the model takes them:
              mynah speak "You won!" --instruct "out of breath, delighted" -o won.wav
            A voice from a recording, or from a description:
              mynah speak "Rain again." --ref-audio ann.wav --ref-text "The birch canoe." -o rain.wav
              mynah speak "Rain again." -m qwen3-tts-1.7b-voicedesign --describe "an old sailor" -o rain.wav
            A dialogue: lines that begin with who speaks ('Ann: Is it raining?'), or a JSON list of {"speaker",
            "text"}, with a voice for each of up to four speakers:
              mynah speak -f scene.txt --speaker "Ann=ann.wav" --speaker "Bob=bob.wav" -m vibevoice-1.5b -o scene.wav
            A model that speaks dialogues (VibeVoice-1.5B) is given it whole; others speak turn after turn. What stops a
            dialogue tells where: in the words, and with --json.
            """)

    @Argument(help: "What is said; '-' reads standard input, and is what is read when nothing is given.")
    var text: [String] = []

    @Option(name: .shortAndLong, help: "A file of UTF-8 text; '-' is standard input.", completion: .file())
    var file: String?

    @OptionGroup(title: "Model") var modelOptions: ModelOptions
    @OptionGroup(title: "Voice") var voiceOptions: VoiceOptions
    @OptionGroup(title: "Dialogue") var scriptOptions: ScriptOptions

    @Option(
        name: .shortAndLong, help: "The language's name or two-letter code; told from the text when left out."
    )
    var language = "auto"

    @Option(help: ArgumentHelp("How it is said, in words.", valueName: "text"))
    var instruct: String?

    @Option(help: "How fast, at the same pitch: from 0.25 to 4.")
    var speed = 1.0

    @Option(
        name: .shortAndLong, help: "A file, whose extension says the format, or '-' for standard output.",
        completion: .file())
    var output: String?

    @Option(help: "wav, wav-float, flac, mp3, opus, aac or pcm; the extension's when left out.")
    var format: String?

    @Flag(help: "Write sound as it is made, a twelfth of a second at a time.")
    var stream = false

    @Flag(help: "Play it as it is made.")
    var play = false

    @OptionGroup(title: "Sampling") var samplingOptions: SamplingOptions

    @Flag(help: "Print one JSON object about the speech: on stdout, or on stderr when sound goes there.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print no progress, notes or summary.")
    var quiet = false

    func validate() throws {
        guard text.isEmpty || file == nil else { throw ValidationError("Give the text or --file, not both.") }
        guard !scriptOptions.isScript || !voiceOptions.isGiven else {
            throw ValidationError("A script's voices are given with --speaker, one for each speaker.")
        }
        guard TempoChanger.speeds.contains(speed) else {
            throw ValidationError("--speed takes a number from 0.25 to 4, not \(speed).")
        }
    }

    func run() async throws {
        let destination = try SoundDestination(output: output, format: format, plays: play, streams: stream)
        let source: SpeechText.Source =
            try scriptOptions.isScript
            ? .script(Script(SpeechText.read(words: text, file: file)))
            : SpeechText.source(words: text, file: file)
        let recording = try voiceOptions.recording(quiet: quiet)
        let loading = ContinuousClock.now
        let (model, place) = try await modelOptions.load(voiceOptions.locate, quiet: quiet)
        let loaded = ContinuousClock.now - loading
        try samplingOptions.check(for: model.card, named: place.name)
        let options = samplingOptions.options(framesPerChunk: destination.streams || play ? 1 : 4)
        let speech = try speech(of: source, by: model, recording, options)
        var delivery = try SpeechDelivery(
            to: destination, sampleRate: model.card.sampleRate, speed: speed, showsProgress: !quiet)
        delivery.summary.loadSeconds = loaded / .seconds(1)
        delivery.summary.seed = options.seed
        delivery.summary.model = place.name
        if case .script(let script) = source { delivery.summary.script = script }
        try await delivery.run(speech)
        try tell(delivery.summary)
    }

    private func speech(
        of source: SpeechText.Source, by model: SpeechModel, _ recording: Recording?,
        _ options: SynthesisOptions
    ) throws -> SpeechStream {
        let voice = try voiceOptions.resolve(for: model.card, recording, quiet: quiet)
        let language = model.card.language(language)
        let delivery = instruct.map { Delivery.instructed($0) } ?? .plain
        switch source {
        case .whole(let text):
            let utterance = Utterance(text, voice: voice, language: language, delivery: delivery)
            return model.stream(utterance, options: options)
        case .script(let script):
            let voices = try scriptOptions.voices(for: model.card, quiet: quiet)
            return model.stream(
                try script.utterances(voices: voices, language: language, delivery: delivery),
                options: options)
        case .incoming(let text):
            return model.stream(
                text, voice: voice, language: language, delivery: delivery, options: options)
        }
    }

    private func tell(_ summary: SpeechSummary) throws {
        if summary.ending == .limit, !quiet {
            let place = summary.place.map { " in \($0)" } ?? ""
            Console.note(
                "warning: the speech was cut\(place) at the frame limit; raise --max-tokens, or split the text."
            )
        }
        if !quiet { Console.note(summary.sentence) }
        if json { try Console.json(summary) }
    }
}

extension SpeakCommand {
    /// Whether sound would have had standard output, by arguments that could not be parsed.
    static func givesStandardOutputToSound(_ arguments: [String]) -> Bool {
        guard arguments.first == configuration.commandName else { return false }
        let options = arguments.prefix { $0 != "--" }
        if let place = options.firstIndex(where: { $0 == "-o" || $0 == "--output" }) {
            return options.dropFirst(place + 1).first == "-"
        }
        if let joined = options.first(where: { $0.hasPrefix("--output=") }) { return joined == "--output=-" }
        return !options.contains("--play")
    }
}
