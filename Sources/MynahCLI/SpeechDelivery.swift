import AudioDSP
import Foundation
import Mynah
import SpeechCore

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
    /// The turn of a dialogue that was spoken last, of how many, whose it is, and the line of the script it stands in.
    var turn, turns: Int?, speaker: String?, line: Int?
    /// The dialogue that is spoken.
    var script: Script? {
        didSet { turns = script?.turns.count }
    }

    private enum CodingKeys: String, CodingKey {
        case model, output, format, sampleRate, frames, seconds, synthesisSeconds, timeToFirstAudio,
            loadSeconds
        case rtf, seed, ending, turn, turns, speaker, line
    }

    /// Notes which turn is being spoken.
    mutating func reach(_ turn: Int) {
        guard let script, script.turns.indices.contains(turn - 1) else { return }
        self.turn = turn
        (speaker, line) = (script.turns[turn - 1].speaker, script.turns[turn - 1].line)
    }

    /// Where in a dialogue the speech is, as words; nil where there is none.
    var place: String? {
        guard let turn, let turns, let speaker else { return nil }
        let line = line.map { ", line \($0)" } ?? ""
        return "turn \(turn) of \(turns) (\(speaker)\(line))"
    }

    /// For people, on one line.
    var sentence: String {
        let place = output.map { "\($0): " } ?? ""
        let speed = rtf.map { ", real-time factor \($0.digits(2))" } ?? ""
        let first = timeToFirstAudio.map { ", first sound after \($0.digits(2)) s" } ?? ""
        return
            "\(place)\(seconds.digits(2)) s of speech in \(synthesisSeconds.digits(2)) s\(speed)\(first), "
            + "seed \(seed ?? 0)"
    }
}

/// Takes speech from a model to every place it goes, and counts.
struct SpeechDelivery {
    private let sinks: [any SoundSink]
    private let tempo: TempoChanger
    private let showsProgress: Bool
    private let start = ContinuousClock.now
    private var drawn: ContinuousClock.Instant?
    var summary = SpeechSummary()

    init(to destination: SoundDestination, sampleRate: Int, speed: Double, showsProgress: Bool) throws {
        tempo = try TempoChanger(sampleRate: sampleRate, speed: speed)
        sinks = try destination.open(sampleRate: sampleRate)
        self.showsProgress = showsProgress
        summary.sampleRate = sampleRate
        if case .file(let path) = destination.place { summary.output = path }
        if destination.place != .none { summary.format = destination.format.rawValue }
    }

    /// Hears a stream to its end. What stops it sooner leaves the sound made so far, as a file that can be played.
    mutating func run(_ stream: SpeechStream) async throws {
        // Whoever stops it before the first sound stops it there.
        summary.reach(1)
        do {
            for try await chunk in stream { try take(chunk) }
            try write(tempo.finish())
            Console.endProgress()
            for sink in sinks { try sink.finish() }
        } catch {
            Console.endProgress()
            let notes = sinks.compactMap { $0.abandon() }
            for note in notes { Console.note("note: \(note)") }
            if notes.isEmpty { summary.output = nil }
            throw Interrupted(SpeechError(describing: error), summary)
        }
    }

    private mutating func take(_ chunk: AudioChunk) throws {
        let now = ContinuousClock.now
        summary.synthesisSeconds = (now - start) / .seconds(1)
        if summary.timeToFirstAudio == nil, !chunk.audio.samples.isEmpty {
            summary.timeToFirstAudio = summary.synthesisSeconds
        }
        summary.frames = chunk.frames
        summary.ending = chunk.ending
        if let turn = chunk.turn { summary.reach(turn) }
        try write(tempo.change(chunk.audio.samples))
        if showsProgress, drawn.map({ now - $0 > .milliseconds(100) }) ?? true {
            drawn = now
            Console.progress(
                (summary.place.map { "\($0): " } ?? "")
                    + "\(summary.seconds.digits(1)) s of speech, \(summary.frames) frames, "
                    + "real-time factor \((summary.rtf ?? 0).digits(2))")
        }
    }

    private mutating func write(_ samples: [Float]) throws {
        summary.seconds += Double(samples.count) / Double(summary.sampleRate)
        summary.rtf = summary.seconds > 0 ? summary.synthesisSeconds / summary.seconds : nil
        for sink in sinks { try sink.write(samples) }
    }
}

/// Speech that broke off, and how far it had come.
struct Interrupted: Error {
    let error: SpeechError
    /// Nil when nothing was heard yet and there is no script that says where.
    let speech: SpeechSummary?

    init(_ error: SpeechError, _ speech: SpeechSummary) {
        self.speech = speech.seconds > 0 || speech.place != nil ? speech : nil
        guard error.code == .cancelled, self.speech != nil else {
            self.error = error
            return
        }
        let place = speech.place.map { " in \($0)," } ?? ""
        let time = speech.seconds > 0 ? "after \(speech.seconds.digits(1)) s of it" : "before its first sound"
        self.error = SpeechError(
            .cancelled, "The speech was stopped\(place) \(time).", remedy: error.remedy)
    }
}
