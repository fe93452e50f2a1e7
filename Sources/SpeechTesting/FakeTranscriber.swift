import Foundation
package import SpeechCore
import Synchronization

/// Writes down a letter for each hundred samples: what surrounds a model that listens can be tested without one.
package final class FakeTranscriber: Transcriber {
    /// What a fake was asked and did, readable from outside its thread.
    package final class Log: Sendable {
        private let stored = Mutex<[String]>([])
        package init() {}
        package var events: [String] { stored.withLock { $0 } }
        func add(_ event: String) { stored.withLock { $0.append(event) } }
    }

    package let card = TranscriberCard(
        family: "fake", size: "0", longestRecording: 10, tellsSpeakers: false, takesContext: true)
    private let log: Log
    private let secondsPerStep: Double

    package init(secondsPerStep: Double = 0, log: Log = Log()) {
        (self.secondsPerStep, self.log) = (secondsPerStep, log)
    }

    /// A recording whose context is "refused" is refused.
    package func begin(_ audio: AudioBuffer, _ options: TranscriptionOptions) throws -> any Transcription {
        guard options.context != "refused" else {
            throw SpeechError(.invalidInput, "This recording is refused.", remedy: "Give another.")
        }
        log.add("began \(options.context)")
        return Work(audio, options, log, secondsPerStep)
    }

    private final class Work: Transcription {
        private let audio: AudioBuffer
        private let options: TranscriptionOptions
        private let log: Log
        private let pause: Double
        private var written = ""
        let timings = TranscriptionTimings()

        init(_ audio: AudioBuffer, _ options: TranscriptionOptions, _ log: Log, _ pause: Double) {
            (self.audio, self.options, self.log, self.pause) = (audio, options, log, pause)
        }

        deinit { log.add("left \(options.context)") }

        /// A context of "broken" fails at the third letter.
        func step() throws -> [TranscriptionEvent] {
            if pause > 0 { Thread.sleep(forTimeInterval: pause) }
            log.add("stepped \(options.context)")
            if options.context == "broken", written.count == 2 { throw FakeFailure.broken(step: 3) }
            guard written.count < audio.samples.count / 100 else {
                let segment = TranscriptSegment(start: 0, end: audio.duration, text: written)
                return [
                    .segment(segment), .finished(Transcript(segments: [segment], duration: audio.duration)),
                ]
            }
            written += "a"
            return [.writing("a")]
        }
    }
}
