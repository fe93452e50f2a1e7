import AudioDSP
import NeuralLayers
import SpeechCore
import TensorGraph

/// A loaded realtime checkpoint, speaking several requests at once.
final class RealtimeSynthesizer: SpeechCore.Synthesizer {
    let model: Model
    private let device: Device
    private let batch: Batch
    private let sessions: Int
    private var requests: [Int: Request] = [:]
    private var nextRequest = 1
    /// Decoder streams not in use: laying one out costs more than a reset.
    private var idleStreams: [DecoderStream] = []
    /// Presets read lately, the last of them last.
    private var presets: [VoicePreset] = []
    private var codecSeconds = 0.0, codecFrames = 0

    init(_ model: Model, on device: Device, sessions: Int, exact: Bool) throws {
        (self.model, self.device, self.sessions) = (model, device, sessions)
        batch = try Batch(model, on: device, slots: sessions, capacity: model.contextRows, half: !exact)
    }

    var hasRoom: Bool { requests.count < sessions }

    var timings: StageTimings {
        var timings = batch.timings
        (timings.codecSeconds, timings.codecFrames) = (codecSeconds, codecFrames)
        return timings
    }

    var card: ModelCard {
        ModelCard(
            family: VibeVoiceRealtimeFamily.modelType, variant: "realtime",
            size: "\(model.config.decoderConfig.hiddenSize)",
            sampleRate: Model.sampleRate, languages: ["auto"], speakers: model.voices, clones: false,
            designs: false,
            takesInstructions: false)
    }

    // MARK: requests

    func begin(_ utterance: Utterance, _ options: SynthesisOptions) throws -> Int {
        precondition(hasRoom, "a request begins only where there is room")
        let plan = try SpeechError.translating { try model.plan(utterance, options, preset: preset) }
        let stream = idleStreams.popLast() ?? DecoderStream(model.decoder, on: device)
        requests[nextRequest] = Request(plan, stream, framesPerChunk: max(1, options.framesPerChunk))
        defer { nextRequest += 1 }
        return nextRequest
    }

    func cancel(_ number: Int) {
        guard let request = requests.removeValue(forKey: number) else { return }
        if let session = request.session { batch.remove(session) }
        idleStreams.append(request.stream)
    }

    func step() throws -> [(request: Int, chunk: AudioChunk)] {
        let order = requests.sorted { $0.key < $1.key }
        for (_, request) in order where request.session == nil { admitNextSegment(request) }
        let spoke = batch.step()
        var chunks: [(request: Int, chunk: AudioChunk)] = []
        for (number, request) in order {
            guard let session = request.session else { continue }
            if spoke.contains(where: { $0 === session }) {
                request.pending += model.decoderLatent(session.latent)
                request.pendingFrames += 1
            }
            if let chunk = takeChunk(request, session) { chunks.append((number, chunk)) }
            guard session.ending != nil else { continue }
            batch.remove(session)
            request.session = nil
            if request.isOver { cancel(number) }
        }
        return chunks
    }

    private func admitNextSegment(_ request: Request) {
        let segment = request.plan.segments[request.nextSegment]
        request.nextSegment += 1
        request.stream.reset()
        request.seam.beginSegment()
        let noise = NoiseSource.seeded(GaussianSource(seed: segment.seed))
        request.session = batch.admit(segment.ids, request.plan.preset, segment.rules, noise)
    }

    /// The sound of the frames that wait, when they are enough or the last; nil otherwise.
    private func takeChunk(_ request: Request, _ session: Session) -> AudioChunk? {
        let ended = session.ending != nil
        // The first chunk is a single frame, so that sound begins as soon as there is any.
        let wanted = request.framesSent == 0 ? 1 : request.framesPerChunk
        guard ended || request.pendingFrames >= wanted else { return nil }
        let start = ContinuousClock.now
        // The decoder's sum has no bound of its own.
        var samples = request.stream.decode(request.pending).map { min(max($0, -1), 1) }
        codecSeconds += (ContinuousClock.now - start).seconds
        codecFrames += request.pendingFrames
        request.framesSent += request.pendingFrames
        (request.pending, request.pendingFrames) = ([], 0)
        let last = ended && request.isOver
        samples = request.seam.pass(samples, endOfSegment: ended, isLast: last)
        if session.ending == .limit { request.ending = .limit }
        if samples.isEmpty && !last { return nil }
        return AudioChunk(
            audio: AudioBuffer(samples: samples, sampleRate: Model.sampleRate), frames: request.framesSent,
            ending: last ? request.ending : nil)
    }

    // MARK: voices

    private func preset(_ path: String) throws -> VoicePreset {
        if let known = presets.firstIndex(where: { $0.path == path }) {
            presets.append(presets.remove(at: known))
        } else {
            presets.append(try VoicePreset(path: path, model.geometry))
            // Some megabytes each.
            if presets.count > 8 { presets.removeFirst() }
        }
        return presets[presets.count - 1]
    }

    func prepare(_ recording: Recording, name: String) throws -> VoiceProfile { throw Model.cannotClone }
}

/// One request: its segments, one after the other, through one decoder stream.
private final class Request {
    let plan: SpeechPlan
    let stream: DecoderStream
    let framesPerChunk: Int
    var session: Session?
    var nextSegment = 0
    /// Latents not yet decoded, one after the other.
    var pending: [Float] = []
    var pendingFrames = 0, framesSent = 0
    var seam: Seam
    var ending = AudioChunk.Ending.natural

    init(_ plan: SpeechPlan, _ stream: DecoderStream, framesPerChunk: Int) {
        (self.plan, self.stream, self.framesPerChunk) = (plan, stream, framesPerChunk)
        seam = Seam(sampleRate: Model.sampleRate)
    }

    /// Whether every segment has been given to the model.
    var isOver: Bool { nextSegment == plan.segments.count }
}
