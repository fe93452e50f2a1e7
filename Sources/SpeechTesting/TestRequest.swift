import Foundation
package import SpeechCore

/// A request, and the step before which it is made.
package struct TestRequest {
    package var utterance: Utterance
    package var options: SynthesisOptions
    package var start = 0
    /// The step before which its caller gives up.
    package var cancelled: Int?

    package init(_ utterance: Utterance, _ options: SynthesisOptions, start: Int = 0, cancelled: Int? = nil) {
        (self.utterance, self.options, self.start, self.cancelled) = (utterance, options, start, cancelled)
    }
}

/// What came of a request.
package struct TestSpeech: Equatable {
    package var samples: [Float] = []
    package var frames = 0
    package var ending: AudioChunk.Ending?

    package init(samples: [Float] = [], frames: Int = 0, ending: AudioChunk.Ending? = nil) {
        (self.samples, self.frames, self.ending) = (samples, frames, ending)
    }
}

extension SpeechCore.Synthesizer {
    /// Steps until every request has ended.
    package func speak(_ requests: [TestRequest]) throws -> [TestSpeech] {
        var (speech, places, step) = (
            [TestSpeech](repeating: TestSpeech(), count: requests.count), [Int: Int](), 0
        )
        while true {
            for (index, request) in requests.enumerated() {
                if request.start == step { places[try begin(request.utterance, request.options)] = index }
                if request.cancelled == step, let number = places.first(where: { $0.value == index })?.key {
                    cancel(number)
                    places[number] = nil
                }
            }
            for (number, chunk) in try self.step() {
                guard let index = places[number] else { continue }
                speech[index].samples += chunk.audio.samples
                speech[index].frames = chunk.frames
                speech[index].ending = chunk.ending
                if chunk.ending != nil { places[number] = nil }
            }
            step += 1
            if places.isEmpty, requests.allSatisfy({ $0.start < step }) { return speech }
        }
    }

    package func speak(_ utterance: Utterance, _ options: SynthesisOptions) throws -> TestSpeech {
        try speak([TestRequest(utterance, options)])[0]
    }
}

/// A folder that is gone when the test is.
package final class ScratchFolder: Sendable {
    package let path = NSTemporaryDirectory() + "mynah-test-\(UInt64.random(in: 0 ... .max))"

    package init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
