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
              mynah transcribe meeting.mp3 -m vibevoice-asr
              mynah transcribe meeting.mp3 -o meeting.srt
            Names and terms that the model should expect:
              mynah transcribe meeting.mp3 --context "Ann Kowalczyk, ggml, mel spectrogram"
            """)

    @Argument(help: "A sound file of any common kind.", completion: .file())
    var recording: String

    @Option(
        name: .shortAndLong,
        help: "The model: a name that 'mynah models' lists, a path, or organisation/name.",
        completion: .custom { _, _, _ in ModelLibrary().installed().map(\.name) })
    var model: String?

    @Option(help: "text, json, srt or vtt; the output's extension when left out, else text.")
    var format: TranscriptFormat?

    @Option(
        name: [.long, .customLong("hotwords")],
        help: ArgumentHelp("Names, terms and topics to expect, in any form.", valueName: "text"))
    var context = ""

    @Option(name: .shortAndLong, help: "A file; standard output when left out.", completion: .file())
    var output: String?

    @Option(help: "Round the weights to this type while loading. Smaller is faster and less exact.")
    var quantize: Quantization?

    @Option(
        help: ArgumentHelp(
            "What computes: auto, cpu, or a name that 'mynah doctor' lists.", valueName: "device"))
    var device = "auto"

    @Option(help: "Threads; as many as there are cores when left out.")
    var threads: Int?

    @Option(help: "Most tokens of the transcript; in proportion to the recording when left out.")
    var maxTokens: Int?

    @Flag(help: "Print JSON, as --format json.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print no progress or notes.")
    var quiet = false

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads takes a number from 1 to 1024, not \(threads).")
        }
        if let maxTokens, maxTokens < 1 {
            throw ValidationError("--max-tokens takes a number of at least 1.")
        }
        guard !json || format == nil || format == .json else {
            throw ValidationError("Give --json or --format, not both.")
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
        let library = ModelLibrary(device: ComputeDevice(device))
        let place = try library.locateTranscriber(model)
        // Before the model is loaded, which takes long: a file that cannot be read is told at once.
        let audio = try AudioBuffer(contentsOf: URL(fileURLWithPath: recording), longest: 3600)
        if !quiet { Console.progress("Loading \(place.name)") }
        let options = LoadOptions(
            quantization: quantize, device: ComputeDevice(device), threads: threads, sessions: 1)
        let listener = try await library.transcriber(at: place, options: options)
        Console.endProgress()
        let choices = TranscriptionOptions(context: context, maximumTokens: maxTokens)
        let transcript = try await hear(listener.stream(audio, options: choices))
        try deliver(transcript)
    }

    /// Listens to a stream to its end, and shows how far it is.
    private func hear(_ stream: TranscriptionStream) async throws -> Transcript {
        defer { Console.endProgress() }
        for try await event in stream {
            switch event {
            case .listening(let share): progress("Listening: \((share * 100).digits(0))%")
            case .segment(let segment):
                progress("\(segment.start.map { $0.digits(1) } ?? "") s: \(segment.text.prefix(60))")
            case .finished(let transcript): return transcript
            case .writing, .retracted: break
            }
        }
        throw SpeechError.cancelled()
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
                    .inputOutput, "'\(output)' could not be written.",
                    remedy: "Check that its folder exists, may be written and has room.", underlying: error)
            }
        } else {
            // What a model writes must not reach a terminal's controls.
            let isShown = Console.standardOutputIsTerminal
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let shown = isShown ? lines.map { String($0).withoutControls }.joined(separator: "\n") : text
            FileHandle.standardOutput.write(Data(shown.utf8))
        }
        guard !quiet else { return }
        for warning in transcript.warnings { Console.note("warning: \(Self.sentence(warning))") }
    }

    private static func sentence(_ warning: Transcript.Warning) -> String {
        switch warning {
        case .silence: "the recording is silent."
        case .unread: "the model's answer could not be read as segments; it stands as it was written."
        case .truncated: "the model's answer breaks off; what was whole is there."
        case .repetition: "the model went round in circles; the transcript ends before that."
        case .limit: "the transcript was cut at the token limit; raise --max-tokens, or cut the recording."
        }
    }
}
