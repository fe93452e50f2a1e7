public import ArgumentParser
import Foundation
import Mynah
public import SpeechCore

extension TranscriptFormat: ExpressibleByArgument {}

/// `mynah transcribe`.
struct TranscribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transcribe",
        abstract: "Write down what is said in a recording, by whom and when.",
        discussion: """
            The transcript goes to standard output, or to a file whose extension may say the format.
              mynah transcribe meeting.mp3 -m vibevoice-asr-7b
              mynah transcribe meeting.mp3 -o meeting.srt
            Words as they are decoded, for whoever reads along:
              mynah transcribe meeting.mp3 --stream
            Names and terms that the model should expect:
              mynah transcribe meeting.mp3 --context "Ann Kowalczyk, ggml, mel spectrogram"
            """)

    @Argument(help: "A sound file of any common kind.", completion: .file())
    var recording: String

    @OptionGroup(title: "Model") var modelOptions: ModelOptions

    @Option(help: "text, json, srt or vtt; the output's extension when left out, else text.")
    var format: TranscriptFormat?

    @Option(
        name: [.long, .customLong("hotwords")],
        help: ArgumentHelp(
            "Names, terms and topics to expect, in any form; once or more, by either name.",
            valueName: "text"))
    var context: [String] = []

    @Option(name: .shortAndLong, help: "A file; standard output when left out.", completion: .file())
    var output: String?

    @Option(help: "Most tokens of the transcript; in proportion to the recording when left out.")
    var maxTokens: Int?

    @Flag(help: "Write English, whatever is spoken; refused by models that cannot, as VibeVoice-ASR.")
    var translate = false

    @Flag(help: "Write the words to standard output while they are decoded, each speaker's on a line.")
    var stream = false

    @Flag(help: "Print JSON, as --format json.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print no progress or notes.")
    var quiet = false

    func validate() throws {
        if let maxTokens, maxTokens < 1 {
            throw ValidationError("--max-tokens takes a number of at least 1.")
        }
        guard !json || format == nil || format == .json else {
            throw ValidationError("Give --json or --format, not both.")
        }
        guard !stream || form == .text && (output ?? "-") == "-" else {
            throw ValidationError(
                "--stream writes text to standard output; leave the format and the file out.")
        }
    }

    /// The form: what was asked for, else what the output's extension says.
    private var form: TranscriptFormat {
        if json { return .json }
        let named = output.flatMap {
            TranscriptFormat(rawValue: URL(fileURLWithPath: $0).pathExtension.lowercased())
        }
        return format ?? named ?? .text
    }

    func run() async throws {
        try checkOutput()
        var audio = AudioBuffer(samples: [], sampleRate: 1)
        // Before the model is loaded, which takes long: what cannot be done is told at once.
        let (listener, _) = try await modelOptions.loadListener(quiet: quiet) { place in
            if translate { try place.checkTranslates() }
            audio = try AudioBuffer(
                contentsOf: URL(fileURLWithPath: recording), longest: AudioBuffer.longestTranscription)
        }
        let choices = TranscriptionOptions(
            context: context.joined(separator: "\n"), maximumTokens: maxTokens, translates: translate)
        let heard = listener.stream(audio, options: choices)
        audio.samples = []
        try deliver(try await hear(heard))
    }

    /// A mistake in the path is told before the model is loaded and an hour is heard.
    private func checkOutput() throws {
        guard let output, output != "-" else { return }
        try SoundDestination.checkFolder(of: output)
        let suffix = URL(fileURLWithPath: output).pathExtension.lowercased()
        guard
            format != nil || json || ["", "txt"].contains(suffix) || TranscriptFormat(rawValue: suffix) != nil
        else {
            throw SpeechError(
                .invalidInput, "There is no transcript format '\(suffix)'.",
                remedy: "Choose one of: txt, json, srt, vtt; or say which with --format.")
        }
    }

    /// Listens to a stream to its end, and shows how far it is.
    private func hear(_ transcription: TranscriptionStream) async throws -> Transcript {
        defer { Console.endProgress() }
        var live = LiveText()
        for try await event in transcription {
            switch event {
            case .listening(let share): progress("Listening: \((share * 100).digits(0))%")
            case .segment(let segment):
                progress("\(segment.start.map { $0.digits(1) } ?? "") s: \(segment.text.prefix(60))")
            case .writing(let piece) where stream: try show(live.append(piece))
            case .retracted where stream:
                try show(live.isMidLine ? "\n" : "")
                live = LiveText()
                if !quiet {
                    Console.note("note: the model went round in circles; what it said last is said again.")
                }
            case .finished(let transcript):
                if live.isMidLine { try show("\n") }
                return transcript
            case .writing, .retracted: break
            }
        }
        throw SpeechError.cancelled()
    }

    /// Puts text on standard output; what a model writes must not reach a terminal's controls.
    private func show(_ text: String) throws {
        guard !text.isEmpty else { return }
        Console.endProgress()
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let isShown = Console.standardOutputIsTerminal
        let shown = isShown ? lines.map { String($0).withoutControls }.joined(separator: "\n") : text
        try Console.write(Data(shown.utf8))
    }

    private func progress(_ text: String) {
        if !quiet { Console.progress(text.withoutControls) }
    }

    private func deliver(_ transcript: Transcript) throws {
        let text = transcript.rendered(as: form)
        if let output, output != "-" {
            do {
                try Data(text.utf8).write(to: URL(fileURLWithPath: output), options: .atomic)
            } catch {
                throw SpeechError(
                    .inputOutput, "'\(output)' could not be written: \(error.localizedDescription)",
                    remedy: "Check that its folder exists, may be written and has room.")
            }
        } else {
            try show(stream ? transcript.unread.map { $0 + "\n" } ?? "" : text)
        }
        guard !quiet else { return }
        for warning in transcript.warnings { Console.note("warning: \(Self.sentence(warning))") }
    }

    private static func sentence(_ warning: Transcript.Warning) -> String {
        switch warning {
        case .silence: "the recording is silent."
        case .unread: "what could not be read of the model's answer as segments stands as it was written."
        case .truncated: "the model's answer breaks off."
        case .repetition: "the model went round in circles; the transcript ends before that."
        case .limit: "the transcript was cut at the token limit; raise --max-tokens, or cut the recording."
        }
    }
}
