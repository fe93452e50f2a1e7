import AudioDSP
public import Foundation
public import SpeechCore

extension Recording {
    /// A recording from a file of any kind that libav reads, of at most ten minutes.
    ///
    /// - Throws: `SpeechError` for a file that cannot be read, and for sound that no voice can be taken from.
    public init(contentsOf file: URL, transcript: String? = nil) throws {
        let audio = try AudioBuffer(voiceFrom: file, longest: AudioBuffer.longestRecording)
        self.init(audio, transcript: transcript)
        try check()
    }

    /// - Throws: `SpeechError` of code `invalidInput` when no voice can be taken from the sound.
    package func check() throws {
        guard let problem = RecordingReport(audio).problems.first else { return }
        let (code, message): (SpeechError.Code, String) =
            switch problem {
            case .empty: (.invalidInput, "The recording is empty.")
            case .tooShort(let seconds):
                (.invalidInput, "The recording is only \(seconds.shortened) seconds long.")
            case .silent: (.invalidInput, "The recording is silent.")
            case .notFinite(let sample): (.corruptData, "Sample \(sample) of the recording is not a number.")
            }
        throw SpeechError(code, message, remedy: "Give three to thirty seconds of clear speech.")
    }

    /// What may make a poor likeness, a sentence each; empty for a good recording.
    public var advice: [String] {
        RecordingReport(audio).warnings.map { warning in
            switch warning {
            case .short(let seconds):
                "the recording is \(seconds.shortened) s long; from three seconds on the likeness is better."
            case .long(let seconds):
                "the recording is \(seconds.shortened) s long; over thirty only takes time."
            case .clipped(let share): "the recording is clipped (\(share.asPercent)); record it less loud."
            case .beyondFullScale: "the recording goes beyond full scale; record it less loud."
            case .mostlySilent(let share): "\(share.asPercent) of the recording is silence; cut it out."
            case .leadingSilence(let seconds): "the recording begins with \(seconds.shortened) s of silence."
            case .trailingSilence(let seconds): "the recording ends with \(seconds.shortened) s of silence."
            case .quiet(let level): "the voice is quiet (\(level.shortened) dB); record it nearer."
            case .noisy(let distance): "noise is only \(distance.shortened) dB below the voice."
            case .lowSampleRate(let rate): "at \(rate) Hz the recording lacks the high part of a voice."
            }
        }
    }
}

extension Double {
    fileprivate var asPercent: String { "\((self * 1000).rounded() / 10)%" }
}
