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
            The sound goes to a file, a loudspeaker, or standard output:
              mynah speak "Good morning." --play
              mynah speak -f letter.txt -v vivian -l english -o letter.mp3
              echo "Good morning." | mynah speak -o - | aplay
            Delivery in words, where the model takes them:
              mynah speak "You won!" --instruct "out of breath, delighted" -o won.wav
            A voice from a recording, or from a description:
              mynah speak "Rain again." --ref-audio ann.wav --ref-text "The birch canoe." -o rain.wav
              mynah speak "Rain again." -m qwen3-tts-1.7b-voicedesign --describe "an old sailor" -o rain.wav
            """)

    @Argument(help: "What is said; '-' reads standard input.")
    var text: [String] = []

    @Option(name: .shortAndLong, help: "A file of UTF-8 text; '-' is standard input.", completion: .file())
    var file: String?

    @OptionGroup(title: "Model") var modelOptions: ModelOptions
    @OptionGroup(title: "Voice") var voiceOptions: VoiceOptions

    @Option(
        name: .shortAndLong, help: "The language's name or two-letter code; told from the text when left out."
    )
    var language = "auto"

    @Option(help: ArgumentHelp("How it is said, in words.", valueName: "text"))
    var instruct: String?

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
    }

    func run() async throws {
        let destination = try SoundDestination(output: output, format: format, plays: play, streams: stream)
        let text = try SpeechText.read(words: text, file: file)
        let loading = ContinuousClock.now
        let (model, place) = try await modelOptions.load(quiet: quiet)
        let loaded = ContinuousClock.now - loading
        let utterance = Utterance(
            text, voice: try voiceOptions.resolve(for: model.card, quiet: quiet),
            language: Languages.language(language, of: model.card),
            delivery: instruct.map { .instructed($0) } ?? .plain)
        let options = samplingOptions.options(framesPerChunk: destination.streams || play ? 1 : 4)
        var delivery = try SpeechDelivery(
            to: destination, sampleRate: model.card.sampleRate, showsProgress: !quiet)
        try await delivery.run(model.stream(utterance, options: options))
        delivery.summary.loadSeconds = loaded / .seconds(1)
        delivery.summary.seed = options.seed
        delivery.summary.model = place.name
        try tell(delivery.summary, destination)
    }

    private func tell(_ summary: SpeechSummary, _ destination: SoundDestination) throws {
        if summary.ending == .limit, !quiet {
            Console.note(
                "warning: the speech was cut at the frame limit; raise --max-tokens, or split the text.")
        }
        if !quiet { Console.note(summary.line) }
        if json { try Console.json(summary, toStandardError: destination.place == .standardOutput) }
    }
}

/// What `speak` tells when it is done.
struct SpeechSummary: Encodable {
    var model = ""
    var output: String?
    var format: String?
    var sampleRate = 0
    /// Codec frames, and the seconds of sound they are.
    var frames = 0, seconds = 0.0
    /// Seconds from the request to the end, and to the first sound; the model's loading not counted.
    var synthesisSeconds = 0.0, timeToFirstAudio: Double?
    var loadSeconds = 0.0
    /// Seconds of work for a second of sound.
    var rtf: Double?
    var seed: UInt64?
    var ending: AudioChunk.Ending?

    /// For people, on one line.
    var line: String {
        let place = output.map { "\($0): " } ?? ""
        let speed = rtf.map { ", real-time factor \($0.digits(2))" } ?? ""
        let first = timeToFirstAudio.map { ", first sound after \($0.digits(2)) s" } ?? ""
        return
            "\(place)\(seconds.digits(2)) s of speech in \(synthesisSeconds.digits(2)) s\(speed)\(first), seed \(seed ?? 0)"
    }
}

/// Takes speech from a model to every place it goes, and counts.
struct SpeechDelivery {
    private let sinks: [any SoundSink]
    private let showsProgress: Bool
    private let start = ContinuousClock.now
    private var drawn: ContinuousClock.Instant?
    var summary = SpeechSummary()

    init(to destination: SoundDestination, sampleRate: Int, showsProgress: Bool) throws {
        sinks = try destination.open(sampleRate: sampleRate)
        self.showsProgress = showsProgress
        summary.sampleRate = sampleRate
        if case .file(let path) = destination.place { summary.output = path }
        if destination.place != .none { summary.format = destination.format.rawValue }
    }

    /// Hears a stream to its end. What stops it sooner leaves no half file, except where bytes already left.
    mutating func run(_ stream: SpeechStream) async throws {
        do {
            for try await chunk in stream { try take(chunk) }
            Console.endProgress()
            for sink in sinks { try sink.finish() }
        } catch {
            Console.endProgress()
            for note in sinks.compactMap({ $0.abandon() }) { Console.note("note: \(note)") }
            throw SpeechError(describing: error)
        }
    }

    private mutating func take(_ chunk: AudioChunk) throws {
        let now = ContinuousClock.now
        summary.synthesisSeconds = (now - start) / .seconds(1)
        if summary.timeToFirstAudio == nil, !chunk.audio.samples.isEmpty {
            summary.timeToFirstAudio = summary.synthesisSeconds
        }
        summary.frames = chunk.frames
        summary.seconds += chunk.audio.duration
        summary.rtf = summary.seconds > 0 ? summary.synthesisSeconds / summary.seconds : nil
        summary.ending = chunk.ending
        for sink in sinks { try sink.write(chunk.audio.samples) }
        if showsProgress, drawn.map({ now - $0 > .milliseconds(100) }) ?? true {
            drawn = now
            Console.progress(
                "\(summary.seconds.digits(1)) s of speech, \(summary.frames) frames, "
                    + "real-time factor \((summary.rtf ?? 0).digits(2))")
        }
    }
}

/// Languages as people write them.
enum Languages {
    /// A name of the model's, in any case, or the ISO code of one; anything else is left for the model to refuse.
    static func language(_ text: String, of card: ModelCard) -> Language {
        let asked = Language(text)
        guard !card.languages.contains(asked.name), (2...3).contains(text.count) else { return asked }
        let name = Locale(identifier: "en").localizedString(forLanguageCode: asked.name)?.lowercased()
        return name.flatMap { card.languages.contains($0) ? Language($0) : nil } ?? asked
    }
}
