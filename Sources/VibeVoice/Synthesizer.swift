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

    init(_ model: Model, on device: Device, sessions: Int, exact: Bool) throws {
        (self.model, self.device, self.sessions) = (model, device, sessions)
        batch = try Batch(model, on: device, slots: sessions, capacity: model.contextRows, half: !exact)
    }

    var hasRoom: Bool { requests.count < sessions }

    var timings: StageTimings { batch.timings }

    var card: ModelCard { model.card }

    // MARK: requests

    func begin(_ utterance: Utterance, _ options: SynthesisOptions) throws -> Int {
        let plan = try plan(utterance, options)
        return admit(try Request(plan, model.text(of: utterance), framesPerChunk: options.framesPerChunk))
    }

    func begin(_ utterance: Utterance, reading text: IncomingText, _ options: SynthesisOptions) throws -> Int
    {
        let plan = try plan(utterance, options)
        return admit(
            Request(
                plan, PromptStream(model.prompts), incoming: text, framesPerChunk: options.framesPerChunk))
    }

    func check(_ text: String) throws { try model.prompts.check(text) }

    private func plan(_ utterance: Utterance, _ options: SynthesisOptions) throws -> SpeechPlan {
        precondition(hasRoom, "a request begins only where there is room")
        return try SpeechError.translating { try model.plan(utterance, options, preset: preset) }
    }

    private func admit(_ request: Request) -> Int {
        request.stream = idleStreams.popLast() ?? DecoderStream(model.decoder, on: device)
        requests[nextRequest] = request
        defer { nextRequest += 1 }
        return nextRequest
    }

    var isStarved: Bool { !requests.isEmpty && requests.values.allSatisfy(\.isStarved) }

    func cancel(_ number: Int) {
        guard let request = requests.removeValue(forKey: number) else { return }
        if let session = request.session { batch.remove(session) }
        if let stream = request.stream { idleStreams.append(stream) }
    }

    func step() throws -> [(request: Int, chunk: AudioChunk)] {
        let order = requests.sorted { $0.key < $1.key }
        for (_, request) in order {
            request.readText()
            if request.session == nil, request.hasNextSegment { admitNextSegment(request) }
        }
        let spoke = batch.step()
        var chunks: [(request: Int, chunk: AudioChunk)] = []
        for (number, request) in order {
            guard let session = request.session else {
                // A text that came to nothing.
                if request.isOver { chunks.append((number, emptied(number))) }
                continue
            }
            if spoke.contains(where: { $0 === session }) {
                request.pending += model.decoderLatent(session.latent)
                request.pendingFrames += 1
            }
            // What ends while text still comes may be the last that is heard or not: who knows waits for that.
            guard session.ending == nil || request.knowsWhatFollows else { continue }
            if let chunk = takeChunk(request, session) { chunks.append((number, chunk)) }
            guard session.ending != nil else { continue }
            batch.remove(session)
            request.session = nil
            if request.isOver { cancel(number) }
        }
        try device.check()
        return chunks
    }

    private func admitNextSegment(_ request: Request) {
        let (plan, segment) = (request.plan, request.text.segments[request.nextSegment])
        let noise = NoiseSource.seeded(GaussianSource(seed: plan.seed(ofSegment: request.nextSegment)))
        request.nextSegment += 1
        request.stream?.reset()
        request.seam.beginSegment()
        request.session = batch.admit(
            segment.ids, isWhole: segment.isWhole, plan.preset, plan.rules(for: segment), noise)
    }

    private func emptied(_ number: Int) -> AudioChunk {
        cancel(number)
        return AudioChunk(
            audio: AudioBuffer(samples: [], sampleRate: Model.sampleRate), frames: 0, ending: .natural)
    }

    /// The sound of the frames that wait, when they are enough or the last; nil otherwise.
    private func takeChunk(_ request: Request, _ session: Session) -> AudioChunk? {
        let ended = session.ending != nil
        // The first chunk is a single frame, so that sound begins as soon as there is any.
        let wanted = request.framesSent == 0 ? 1 : request.framesPerChunk
        guard let stream = request.stream, ended || request.pendingFrames >= wanted else { return nil }
        var samples: [Float] = []
        batch.timings.codecSeconds += ContinuousClock.seconds {
            // The decoder's sum has no bound of its own.
            samples = stream.decode(request.pending).map { min(max($0, -1), 1) }
        }
        batch.timings.codecFrames += request.pendingFrames
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
    private(set) var text: PromptStream
    /// Where the text comes from; nil where it is there whole.
    private let incoming: IncomingText?
    let framesPerChunk: Int
    var stream: DecoderStream?
    var session: Session?
    var nextSegment = 0
    /// Latents not yet decoded, one after the other.
    var pending: [Float] = []
    var pendingFrames = 0, framesSent = 0
    var seam: Seam
    var ending = AudioChunk.Ending.natural

    init(_ plan: SpeechPlan, _ text: PromptStream, incoming: IncomingText? = nil, framesPerChunk: Int) {
        (self.plan, self.text, self.incoming) = (plan, text, incoming)
        self.framesPerChunk = max(1, framesPerChunk)
        seam = Seam(sampleRate: Model.sampleRate)
    }

    /// Takes what has come of the text, and tells the session that reads it.
    func readText() {
        guard let incoming, !text.isOver else { return }
        let (piece, isOver) = incoming.take()
        if !piece.isEmpty { text.append(piece) }
        if isOver { text.finish() }
        guard let session, !session.isWhole else { return }
        let segment = text.segments[nextSegment - 1]
        session.read(segment.ids, isWhole: segment.isWhole, plan.rules(for: segment))
    }

    var hasNextSegment: Bool { nextSegment < text.segments.count }

    /// Whether every segment has been given to the model, and no more will come.
    var isOver: Bool { text.isOver && !hasNextSegment }

    /// Whether it is certain that there is a next segment, or that there is none.
    var knowsWhatFollows: Bool { text.isOver || hasNextSegment }

    /// Whether nothing can be done before more text comes.
    var isStarved: Bool {
        guard let session else { return !knowsWhatFollows }
        return session.isWaiting || session.ending != nil && !knowsWhatFollows
    }
}

extension Model {
    /// What the checkpoint can do.
    var card: ModelCard {
        ModelCard(
            family: VibeVoiceRealtimeFamily.modelType, variant: "realtime",
            size: "\(config.decoderConfig.hiddenSize)", sampleRate: Model.sampleRate, languages: ["auto"],
            speakers: voices, clones: false, designs: false, takesInstructions: false,
            textIntake: .streaming, generation: .diffusion)
    }
}
