import SpeechCore
import Synchronization

/// A request on its way through the pool. Used by the pool only.
final class Ticket {
    /// What a worker is asked.
    enum Work: Sendable {
        case speak([Utterance], SynthesisOptions)
        case transcribe(AudioBuffer, TranscriptionOptions)
        case clone(Recording, name: String)

        var listens: Bool { if case .transcribe = self { true } else { false } }
    }

    /// Tells tickets apart.
    let id: UInt64
    let model: String
    let digest: OrderDigest
    let work: Work
    let output: WorkerOutput
    let asked = ContinuousClock.now
    /// Its number with the worker that has it.
    var number: UInt32 = 0
    var started: ContinuousClock.Instant?
    /// Whether it was inside a worker that ended, and runs alone.
    var isSuspect = false
    /// Whoever waits until the request has a place in a loaded model's queue.
    private var admission: CheckedContinuation<Void, any Error>?

    init(_ request: EngineRequest) {
        (id, model, digest) = (request.id, request.model, request.digest)
        (work, output) = (request.work, request.output)
    }

    var isAdmitted: Bool { admission == nil }

    func awaitAdmission(_ continuation: CheckedContinuation<Void, any Error>) { admission = continuation }

    func admit() {
        admission?.resume()
        admission = nil
    }

    /// Tells whoever asked: as the answer to asking, while it waits for that, else in the stream.
    func fail(_ error: any Error) {
        admission?.resume(throwing: error)
        admission = nil
        output.fail(error)
    }
}

/// A request as it comes to the pool.
struct EngineRequest: Sendable {
    private static let count = Atomic<UInt64>(0)

    let id = count.wrappingAdd(1, ordering: .relaxed).newValue
    let model: String
    let digest: OrderDigest
    let work: Ticket.Work
    let output: WorkerOutput
}

extension Ticket.Work {
    /// Samples of a piece of a recording: a megabyte.
    private static let piece = 1 << 18

    /// What a worker is told, in order: recordings go ahead in pieces.
    func tell(_ worker: WorkerProcess, _ number: UInt32) throws {
        func send(ahead samples: [Float], of place: Int = 0) throws {
            var rest = samples[...]
            repeat {
                try worker.send(.samples(Array(rest.prefix(Self.piece)), of: place), request: number)
                rest = rest.dropFirst(Self.piece)
            } while !rest.isEmpty
        }
        switch self {
        case .speak(let utterances, let options):
            let (turns, recordings) = SpokenTurns.parted(utterances)
            for (place, samples) in recordings.enumerated() { try send(ahead: samples, of: place) }
            try worker.send(.speak(turns, options), request: number)
        case .transcribe(let audio, let options):
            try send(ahead: audio.samples)
            try worker.send(.transcribe(sampleRate: audio.sampleRate, options), request: number)
        case .clone(let recording, let name):
            try send(ahead: recording.audio.samples)
            try worker.send(
                .clone(sampleRate: recording.audio.sampleRate, transcript: recording.transcript, name: name),
                request: number)
        }
    }
}
