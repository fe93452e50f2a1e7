import AudioDSP
import NeuralLayers
package import SpeechCore
import TensorGraph

/// A script and a voice for each of its speakers.
package struct Dialogue: Sendable {
    package let script: DialogueScript
    /// By the speakers' numbers as written; empty leaves them to the model.
    package let voices: [Int: Voice]

    package init(_ script: DialogueScript, voices: [Int: Voice] = [:]) {
        (self.script, self.voices) = (script, voices)
    }
}

/// A model that speaks dialogues too.
package protocol DialogueSynthesizer: Synthesizer {
    /// As `begin` for an utterance.
    func begin(_ dialogue: Dialogue, _ options: SynthesisOptions) throws -> Int
}

/// A loaded long-form checkpoint, speaking several requests at once.
final class LongSynthesizer: DialogueSynthesizer {
    let model: LongModel
    private let device: Device
    private let sessions: Int
    private let batch: LongBatch
    private var requests: [Int: Request] = [:]
    private var nextRequest = 1
    /// Laid out for a request and not in use.
    private var idleStreams: [LongSession.Streams] = []

    init(_ model: LongModel, on device: Device, sessions: Int, exact: Bool) {
        (self.model, self.device, self.sessions) = (model, device, sessions)
        batch = LongBatch(model, on: device, slots: sessions, half: !exact)
    }

    var hasRoom: Bool { requests.count < sessions }

    var timings: StageTimings { batch.timings }

    var card: ModelCard { model.card }

    // MARK: requests

    func begin(_ utterance: Utterance, _ options: SynthesisOptions) throws -> Int {
        // A speaker with a name is one of a script, be it of one turn.
        guard utterance.speaker == nil else { return try begin(dialogue: [utterance], options) }
        try utterance.checkDelivery()
        let dialogue = try SpeechError.translating {
            let script = try DialogueScript(utterance.text)
            if case .standard = utterance.voice { return Dialogue(script) }
            // An utterance has one voice.
            return Dialogue(script, voices: [script.written(script.speakers[0]): utterance.voice])
        }
        return try begin(dialogue, options)
    }

    func begin(dialogue utterances: [Utterance], _ options: SynthesisOptions) throws -> Int {
        for utterance in utterances { try utterance.checkDelivery() }
        return try begin(try SpeechError.translating { try Dialogue(utterances) }, options)
    }

    func begin(_ dialogue: Dialogue, _ options: SynthesisOptions) throws -> Int {
        precondition(hasRoom, "a request begins only where there is room")
        let plan = try SpeechError.translating { try model.plan(dialogue, options) }
        let rows = plan.prompt.ids.count + plan.rules.maximumTokens
        // Those that have not joined the batch yet will be in its caches too.
        let waiting = requests.values.filter { $0.session == nil }.reduce(0) {
            $0 + $1.plan.prompt.ids.count + $1.plan.rules.maximumTokens
        }
        let need = batch.bytesToCome(adding: waiting + rows)
        guard need <= MemoryBudget.available else {
            throw SpeechError(
                .notEnoughMemory,
                "The dialogue and those being spoken need \(need / 1_000_000) MB of memory beside the model.",
                remedy: "Speak it in parts, or close other programs.")
        }
        let streams = idleStreams.popLast() ?? LongSession.Streams(model, on: device)
        requests[nextRequest] = Request(plan, streams, framesPerChunk: max(1, options.framesPerChunk))
        defer { nextRequest += 1 }
        return nextRequest
    }

    func cancel(_ number: Int) {
        guard let request = requests.removeValue(forKey: number) else { return }
        if let session = request.session { batch.remove(session) }
        idleStreams.append(request.streams)
    }

    func step() throws -> [(request: Int, chunk: AudioChunk)] {
        let order = requests.sorted { $0.key < $1.key }
        for (_, request) in order where request.session == nil { request.session = try begin(request) }
        batch.step()
        var chunks: [(request: Int, chunk: AudioChunk)] = []
        for (number, request) in order {
            guard let session = request.session else { continue }
            if let frame = session.frame {
                // The decoder's sum has no bound of its own.
                request.pending += frame.samples.map { min(max($0, -1), 1) }
                request.pendingFrames += 1
            }
            if let chunk = takeChunk(request, session) { chunks.append((number, chunk)) }
            if session.ending != nil { cancel(number) }
        }
        try device.check()
        return chunks
    }

    /// Listens to the voices and makes the prompt's rows.
    private func begin(_ request: Request) throws -> LongSession {
        let plan = request.plan
        let lengths = LongVoice.lengths(plan.voices.map(\.sampleCount), hop: model.hop)
        let voices = zip(plan.voices, lengths).map { voice, length in
            let means =
                switch voice.source {
                case .recorded(let samples): LongVoice.encode(samples, length: length, model, on: device)
                case .prepared(let latents): latents
                }
            return LongVoice.rows(model.headLatent(means), model, on: device)
        }
        return try batch.admit(
            prompt: model.promptRows(plan.prompt, voices: voices), plan.rules,
            .seeded(GaussianSource(seed: plan.seed)), request.streams)
    }

    private func takeChunk(_ request: Request, _ session: LongSession) -> AudioChunk? {
        let ended = session.ending != nil
        // The first chunk is a single frame, so that sound begins as soon as there is any.
        let wanted = request.framesSent == 0 ? 1 : request.framesPerChunk
        guard ended || request.pendingFrames >= wanted else { return nil }
        request.framesSent += request.pendingFrames
        let samples = request.pending
        (request.pending, request.pendingFrames) = ([], 0)
        return AudioChunk(
            audio: AudioBuffer(samples: samples, sampleRate: Model.sampleRate), frames: request.framesSent,
            turn: request.plan.turns > 1 ? min(session.turn, request.plan.turns) : nil,
            ending: session.ending)
    }

    // MARK: voices

    /// The profile's vector is what the encoder made of the recording, frame after frame.
    func prepare(_ recording: Recording, name: String) throws -> VoiceProfile {
        let samples = try model.levelled(recording)
        let latents = LongVoice.encode(samples, length: samples.count, model, on: device)
        try device.check()
        return VoiceProfile(name: name, family: model.profileFamily, speakerVector: latents)
    }
}

/// One dialogue being spoken.
private final class Request {
    let plan: LongPlan
    let streams: LongSession.Streams
    let framesPerChunk: Int
    var session: LongSession?
    /// Samples not yet given out, one after the other.
    var pending: [Float] = []
    var pendingFrames = 0, framesSent = 0

    init(_ plan: LongPlan, _ streams: LongSession.Streams, framesPerChunk: Int) {
        (self.plan, self.streams, self.framesPerChunk) = (plan, streams, framesPerChunk)
    }
}

extension LongModel {
    /// What the checkpoint can do.
    var card: ModelCard {
        let width = config.language.hiddenSize
        return ModelCard(
            family: VibeVoiceLongFamily.modelType, variant: "long", size: width == 1536 ? "1.5B" : "\(width)",
            sampleRate: Model.sampleRate, languages: ["auto"], speakers: [], clones: true, designs: false,
            takesInstructions: false, generation: .diffusion, dialogueSpeakers: DialogueScript.mostSpeakers)
    }
}
