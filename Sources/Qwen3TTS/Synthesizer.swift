import AudioDSP
import Checkpoints
import Foundation
import SpeechCore
import TensorGraph
import TextProcessing

/// A loaded Qwen3-TTS checkpoint, speaking several requests at once.
final class Qwen3Synthesizer: SpeechCore.Synthesizer {
    let model: Model
    private let files: ModelFiles
    private let device: Device
    private let batch: Batch
    /// In the order they came.
    private var requests: [Request] = []
    private var nextRequest = 1
    /// Codec streams not in use: laying one out costs more than a reset.
    private var idleStreams: [CodecStream] = []
    private let sessions: Int

    init(_ model: Model, _ files: ModelFiles, on device: Device, sessions: Int, exact: Bool) throws {
        (self.model, self.files, self.device, self.sessions) = (model, files, device, sessions)
        batch = try Batch(
            model, on: device, slots: sessions + 1, capacity: Model.contextRows, half: !exact)
    }

    var hasRoom: Bool { requests.count < sessions }

    var timings: StageTimings { batch.timings }

    var card: ModelCard { model.card }

    // MARK: requests

    func begin(_ utterance: Utterance, _ options: SynthesisOptions) throws -> Int {
        precondition(hasRoom, "a request begins only where there is room")
        let plan = try SpeechError.translating { try model.plan(utterance, options) { try voiceEncoder() } }
        let stream = try idleStreams.popLast() ?? CodecStream(model.codec, on: device)
        let request = Request(nextRequest, plan, stream, framesPerChunk: max(1, options.framesPerChunk))
        nextRequest += 1
        requests.append(request)
        return request.number
    }

    func cancel(_ number: Int) {
        guard let index = requests.firstIndex(where: { $0.number == number }) else { return }
        let request = requests.remove(at: index)
        if let session = request.session { batch.remove(session) }
        idleStreams.append(request.stream)
    }

    func step() throws -> [(request: Int, chunk: AudioChunk)] {
        for request in requests where request.session == nil { admitNextSegment(request) }
        let spoken = batch.step()
        var chunks: [(request: Int, chunk: AudioChunk)] = []
        for request in requests {
            guard let session = request.session else { continue }
            if let frame = spoken.first(where: { $0.session === session })?.frame {
                request.pending.append(frame)
            }
            if let chunk = takeChunk(request, session) { chunks.append((request.number, chunk)) }
            guard session.ending != nil else { continue }
            batch.remove(session)
            request.session = nil
            if request.isOver { cancel(request.number) }
        }
        try device.check()
        return chunks
    }

    private func admitNextSegment(_ request: Request) {
        let segment = request.plan.segments[request.nextSegment]
        request.nextSegment += 1
        request.stream.reset()
        request.seam.beginSegment()
        let conditioning = request.plan.conditioning
        request.session = batch.admit(segment.prompt, conditioning, segment.rules)
        // The decoder hears the reference first, so that the new sound continues it; nobody else does.
        if !conditioning.frames.isEmpty, segment.continuesReference {
            timeCodec(conditioning.frames.count) { request.stream.prime(conditioning.frames) }
        }
    }

    /// The sound of the frames that wait, when they are enough or the last; nil otherwise.
    private func takeChunk(_ request: Request, _ session: Session) -> AudioChunk? {
        let ended = session.ending != nil
        // The first chunk is a single frame, so that sound begins as soon as there is any.
        let wanted = request.framesSent == 0 ? 1 : request.framesPerChunk
        guard ended || request.pending.count >= wanted else { return nil }
        var samples: [Float] = []
        timeCodec(request.pending.count) { samples = request.stream.decode(request.pending) }
        request.framesSent += request.pending.count
        request.pending = []
        let last = ended && request.isOver
        samples = request.seam.pass(samples, endOfSegment: ended, isLast: last)
        if session.ending == .limit { request.ending = .limit }
        if samples.isEmpty && !last { return nil }
        return AudioChunk(
            audio: AudioBuffer(samples: samples, sampleRate: model.sampleRate), frames: request.framesSent,
            ending: last ? request.ending : nil)
    }

    private func timeCodec(_ frames: Int, _ work: () -> Void) {
        let start = ContinuousClock.now
        work()
        batch.timings.codecSeconds += (ContinuousClock.now - start).seconds
        batch.timings.codecFrames += frames
    }

    // MARK: voices

    private func voiceEncoder() throws -> VoiceEncoder { try VoiceEncoder(files, on: device) }

    func prepare(_ recording: Recording, name: String) throws -> VoiceProfile {
        try SpeechError.translating { try model.profile(of: recording, name: name, voiceEncoder()) }
    }
}

extension Model {
    /// What the checkpoint can do.
    var card: ModelCard {
        ModelCard(
            family: Qwen3TTSFamily.modelType, variant: config.ttsModelType.rawValue,
            size: config.ttsModelSize,
            sampleRate: sampleRate, languages: prompts.languages, speakers: prompts.speakers,
            clones: config.ttsModelType == .base, designs: config.ttsModelType == .voiceDesign,
            takesInstructions: !config.ignoresInstruction, textIntake: .sentences)
    }
}

/// One request: its segments, one after the other, through one codec stream.
private final class Request {
    let number: Int
    let plan: SpeechPlan
    let stream: CodecStream
    let framesPerChunk: Int
    var session: Session?
    var nextSegment = 0
    var pending: [CodeFrame] = []
    var framesSent = 0
    var seam: Seam
    var ending = AudioChunk.Ending.natural

    init(_ number: Int, _ plan: SpeechPlan, _ stream: CodecStream, framesPerChunk: Int) {
        (self.number, self.plan, self.stream, self.framesPerChunk) = (number, plan, stream, framesPerChunk)
        seam = Seam(sampleRate: plan.sampleRate)
    }

    /// Whether every segment has been given to the model.
    var isOver: Bool { nextSegment == plan.segments.count }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
