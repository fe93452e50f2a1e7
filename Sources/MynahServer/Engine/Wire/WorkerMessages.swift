package import Mynah
package import SpeechCore

/// The version of what goes between the server and its workers. A worker of another is refused: the program was
/// replaced while the server ran.
package let workerProtocol: UInt32 = 2

/// What the server tells a worker. 6 and 7 are kept for text that arrives while it is spoken.
package enum WorkerOrder: Sendable {
    /// Say what the model's files say of it.
    case inspect(WorkerModel)
    /// Make the model ready.
    case load(WorkerModel)
    /// Samples of the recording, by its place among several, that the request's next order is about. Recordings go
    /// ahead of it in pieces, one after the other.
    case samples([Float], of: Int)
    case speak(SpokenTurns, SynthesisOptions)
    /// `sampleRate` is that of the samples that went ahead.
    case transcribe(sampleRate: Int, TranscriptionOptions)
    case clone(sampleRate: Int, transcript: String?, name: String)
    case cancel
    case shutDown
}

/// What a worker tells the server.
package enum WorkerReport: Sendable {
    /// The first thing said.
    case hello(version: UInt32)
    case inspected(ModelFacts)
    /// This share of the weights is ready.
    case loading(Double)
    case loaded
    /// The model cannot be inspected or loaded.
    case refused(SpeechError)
    case chunk(AudioChunk)
    case event(TranscriptionEvent)
    case profile(VoiceProfile)
    /// The request failed.
    case failed(SpeechError)
    /// The model's own thread turns; bytes that the process holds, where it can tell.
    case beat(resident: UInt64)
}

/// A message that goes in a frame.
package protocol WorkerMessage: Sendable {
    init(kind: UInt8, from wire: inout WireReader) throws(WireError)
    /// Writes the content and gives the kind.
    func write(to wire: inout WireWriter) -> UInt8
}

extension WorkerMessage {
    package init(_ frame: Frame) throws(WireError) {
        var wire = WireReader(frame.payload)
        self = try Self(kind: frame.kind, from: &wire)
        try wire.end()
    }

    /// The message as it is sent; nil when it is longer than a frame may be.
    package func bytes(request: UInt32) -> [UInt8]? {
        var wire = WireWriter()
        let kind = write(to: &wire)
        return Frame(kind: kind, request: request, payload: wire.bytes[...]).bytes
    }
}

extension WorkerOrder: WorkerMessage {
    package init(kind: UInt8, from wire: inout WireReader) throws(WireError) {
        switch kind {
        case 1: self = .inspect(try wire.get())
        case 2: self = .load(try wire.get())
        case 3: self = .samples(try wire.samples(), of: try wire.get())
        case 4: self = .speak(try wire.get(), try wire.get())
        case 5: self = .transcribe(sampleRate: try wire.get(), try wire.get())
        case 8: self = .clone(sampleRate: try wire.get(), transcript: try wire.get(), name: try wire.get())
        case 9: self = .cancel
        case 10: self = .shutDown
        default: throw .unknown("order", UInt64(kind))
        }
    }

    package func write(to wire: inout WireWriter) -> UInt8 {
        switch self {
        case .inspect(let model):
            wire.put(model)
            return 1
        case .load(let model):
            wire.put(model)
            return 2
        case .samples(let samples, let place):
            wire.put(samples: samples)
            wire.put(place)
            return 3
        case .speak(let turns, let options):
            wire.put(turns)
            wire.put(options)
            return 4
        case .transcribe(let sampleRate, let options):
            wire.put(sampleRate)
            wire.put(options)
            return 5
        case .clone(let sampleRate, let transcript, let name):
            wire.put(sampleRate)
            wire.put(transcript)
            wire.put(name)
            return 8
        case .cancel: return 9
        case .shutDown: return 10
        }
    }
}

extension WorkerReport: WorkerMessage {
    package init(kind: UInt8, from wire: inout WireReader) throws(WireError) {
        switch kind {
        case 1: self = .hello(version: try wire.get())
        case 2: self = .inspected(try wire.get())
        case 3: self = .loading(try wire.get())
        case 4: self = .loaded
        case 5: self = .refused(try wire.get())
        case 6: self = .chunk(try wire.get())
        case 7: self = .event(try wire.get())
        case 8: self = .profile(try wire.get())
        case 9: self = .failed(try wire.get())
        case 10: self = .beat(resident: try wire.get())
        default: throw .unknown("report", UInt64(kind))
        }
    }

    package func write(to wire: inout WireWriter) -> UInt8 {
        switch self {
        case .hello(let version):
            wire.put(version)
            return 1
        case .inspected(let facts):
            wire.put(facts)
            return 2
        case .loading(let share):
            wire.put(share)
            return 3
        case .loaded: return 4
        case .refused(let error):
            wire.put(error)
            return 5
        case .chunk(let chunk):
            wire.put(chunk)
            return 6
        case .event(let event):
            wire.put(event)
            return 7
        case .profile(let profile):
            wire.put(profile)
            return 8
        case .failed(let error):
            wire.put(error)
            return 9
        case .beat(let resident):
            wire.put(resident)
            return 10
        }
    }
}
