import Checkpoints
import Foundation
import SpeechCore
import TensorGraph
import VibeVoice

/// The tiny checkpoint, and the values the authors' code computes with it.
enum Fixture {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("Fixtures/vibevoice").path
    static let model = folder + "/realtime-tiny"

    static func files() throws -> ModelFiles { try ModelFiles(path: model) }
    static func golden() throws -> CheckpointFile { try CheckpointFile(path: model + "/golden.safetensors") }
    static func preset(_ name: String) -> String { "\(folder)/presets/\(name).pt" }

    static func load(
        _ type: ElementType? = .f32, sessions: Int = 1, threads: Int = 2, kernels: Bool = true
    ) throws -> any SpeechCore.Synthesizer {
        try VibeVoiceRealtimeFamily.load(
            files(),
            LoadSettings(
                precision: Precision(type), device: .cpu, threads: threads, sessions: sessions,
                kernels: kernels))
    }
}

/// A request, and the step before which it is made.
struct TestRequest {
    var utterance: Utterance
    var options: SynthesisOptions
    var start = 0
    /// The step before which its caller gives up.
    var cancelled: Int?

    init(_ utterance: Utterance, _ options: SynthesisOptions, start: Int = 0, cancelled: Int? = nil) {
        (self.utterance, self.options, self.start, self.cancelled) = (utterance, options, start, cancelled)
    }
}

/// What came of a request.
struct TestSpeech: Equatable {
    var samples: [Float] = []
    var frames = 0
    var ending: AudioChunk.Ending?
}

extension SpeechCore.Synthesizer {
    /// Steps until every request has ended.
    func speak(_ requests: [TestRequest]) throws -> [TestSpeech] {
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

    func speak(_ utterance: Utterance, _ options: SynthesisOptions) throws -> TestSpeech {
        try speak([TestRequest(utterance, options)])[0]
    }
}

extension SynthesisOptions {
    /// At most so many rows of text and speech.
    static func rows(_ count: Int? = nil, seed: UInt64 = 1, chunk: Int = 4) -> SynthesisOptions {
        SynthesisOptions(seed: seed, maximumTokens: count, framesPerChunk: chunk)
    }
}

/// A folder that is gone when the test is.
final class ScratchFolder {
    let path = NSTemporaryDirectory() + "mynah-test-\(UInt64.random(in: 0 ... .max))"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
