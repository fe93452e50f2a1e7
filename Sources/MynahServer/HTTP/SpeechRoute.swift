import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import Mynah
import NIOCore
import SpeechCore

/// `POST /v1/audio/speech`.
struct SpeechRoute: Sendable {
    let parts: ServerParts

    /// A piece of the answer.
    enum Piece: Sendable {
        case sound([UInt8])
        case end(frames: Int)
    }

    func callAsFunction(_ request: Request, _ context: ServerContext) async throws -> Response {
        let limits = parts.settings.limits
        let (object, bytes) = try await BodyReader.sizedObject(request, limit: limits.speechBytes)
        // Recordings have a bound of their own.
        guard bytes - SpeechRequest.recordingBytes(in: object) <= limits.jsonBytes else {
            throw APIError.bodyTooLarge(limit: limits.jsonBytes)
        }
        let asked = try SpeechRequest(object, limits: limits)
        let (order, sampleRate) = try await order(asked)
        if parts.settings.log.content {
            context.logger.info("speak", metadata: ["model": "\(order.model)", "input": "\(asked.input)"])
        }
        let engine = parts.engine
        let job = try await Job<Piece>(parts, context) { relay in
            try await Self.speak(order, asked, sampleRate: sampleRate, engine: engine, to: relay)
        }
        switch (asked.streamFormat, asked.streams) {
        case (.audio, true): return try await streamed(job, asked)
        case (.audio, false): return try await whole(job, asked)
        case (.sse, _): return try await events(job, asked)
        }
    }

    // MARK: answers

    private func streamed(_ job: Job<Piece>, _ asked: SpeechRequest) async throws -> Response {
        let first = try await beginning(of: job)
        return job.response(beginningWith: first, type: asked.format.mediaType) { piece in
            if case .sound(let bytes) = piece { bytes } else { [] }
        }
    }

    private func whole(_ job: Job<Piece>, _ asked: SpeechRequest) async throws -> Response {
        defer { job.stop() }
        var all = ByteBuffer()
        while let piece = try await job.next() {
            if case .sound(let bytes) = piece { all.writeBytes(bytes) }
        }
        return Response(
            status: .ok, headers: [.contentType: asked.format.mediaType], body: ResponseBody(byteBuffer: all))
    }

    private func events(_ job: Job<Piece>, _ asked: SpeechRequest) async throws -> Response {
        let first = try await job.first()
        let read = asked.input.unicodeScalars.count
        return job.response(
            beginningWith: first, type: ServerSentEvent.mediaType, silence: ServerSentEvent.ping
        ) { piece in
            Array(Self.event(piece, read: read).utf8)
        } failure: { error in
            ServerSentEvent.failure("speech.audio.error", error)
        }
    }

    private static func event(_ piece: Piece, read: Int) -> String {
        switch piece {
        case .sound(let bytes):
            ServerSentEvent.text(
                "speech.audio.delta", ["audio": .text(Data(bytes).base64EncodedString())])
        case .end(let frames):
            ServerSentEvent.text(
                "speech.audio.done",
                [
                    "usage": [
                        "input_tokens": .whole(read), "output_tokens": .whole(frames),
                        "total_tokens": .whole(read + frames),
                    ]
                ]) + ServerSentEvent.done
        }
    }

    /// Waits for the first sound: until then everything that fails is answered by its status.
    private func beginning(of job: Job<Piece>) async throws -> Piece {
        do {
            guard let first = try await job.next() else { throw APIError.brokenOff() }
            return first
        } catch {
            job.stop()
            throw error
        }
    }

    // MARK: work

    private static func speak(
        _ order: SpeechOrder, _ asked: SpeechRequest, sampleRate: Int, engine: any SpeechEngine,
        to relay: Relay<Piece>
    ) async throws {
        let stream = try await engine.speak(order)
        let encoder = try SoundEncoder(asked.format, sampleRate: sampleRate, isStreamed: asked.streams)
        let tempo = asked.speed == 1 ? nil : try TempoChanger(sampleRate: sampleRate, speed: asked.speed)
        var (frames, isOver) = (0, false)
        for try await chunk in stream {
            let samples = try tempo?.change(chunk.audio.samples) ?? chunk.audio.samples
            let bytes = try encoder.encode(samples)
            if !bytes.isEmpty { try await relay.send(.sound(bytes)) }
            frames = chunk.frames
            isOver = chunk.ending != nil
        }
        try Task.checkCancellation()
        // A stream that ends without an ending was not heard to its end: never a short success.
        guard isOver else { throw APIError.brokenOff() }
        var bytes: [UInt8] = []
        if let tempo { bytes += try encoder.encode(tempo.finish()) }
        bytes += try encoder.finish()
        if !bytes.isEmpty { try await relay.send(.sound(bytes)) }
        try await relay.send(.end(frames: frames))
    }

    private func order(_ asked: SpeechRequest) async throws -> (SpeechOrder, sampleRate: Int) {
        let (model, card) = try await parts.names.speaker(asked.model, preferred: preferred(asked))
        try asked.check(against: model, card)
        let settings = parts.settings.models[model] ?? Settings.Model()
        let language = (asked.language ?? settings.language).map { card.language($0) } ?? .auto
        let utterances =
            if let speakers = asked.speakers {
                try await dialogue(asked, speakers, language, model, card)
            } else {
                [try await utterance(asked, language, model, card)]
            }
        return (
            SpeechOrder(model: model, utterances: utterances, options: asked.synthesis(settings)),
            card.sampleRate
        )
    }

    /// The model that a kept voice was made by.
    private func preferred(_ asked: SpeechRequest) throws -> String? {
        guard asked.reference == nil else { return nil }
        let named = (asked.speakers ?? [:]).sorted { $0.key < $1.key }.compactMap { _, speaker in
            if case .named(let voice) = speaker { voice } else { nil }
        }
        return try (named + [asked.voice]).lazy.compactMap { try parts.names.model(for: $0) }.first
    }

    private func utterance(
        _ asked: SpeechRequest, _ language: Language, _ model: String, _ card: ModelCard
    ) async throws -> Utterance {
        var utterance = Utterance(asked.input, language: language)
        utterance.voice =
            if let reference = asked.reference {
                try await cloned(reference, asked.referenceText, param: "ref_audio")
            } else {
                try parts.names.voice(asked.voice, model: model, card: card)
            }
        guard let instructions = asked.instructions else { return utterance }
        if case .standard = utterance.voice, card.designs {
            utterance.voice = .described(instructions)
        } else {
            utterance.delivery = .instructed(instructions)
        }
        return utterance
    }

    private func cloned(_ recording: String, _ transcript: String?, param: String) async throws -> Voice {
        let limits = parts.settings.limits
        let upload = try DataURL.upload(recording, parts.uploads, limit: limits.voiceBytes, param: param)
        return .cloned(
            try await RecordingReader.recording(
                upload, transcript: transcript, longest: limits.referenceSeconds, param: param))
    }

    /// The turns of a script, each in its speaker's voice.
    private func dialogue(
        _ asked: SpeechRequest, _ speakers: [String: SpeechRequest.Speaker], _ language: Language,
        _ model: String, _ card: ModelCard
    ) async throws -> [Utterance] {
        guard card.dialogueSpeakers > 1 else { throw APIError.noDialogues(model) }
        let script = try APIError.blaming("input") { try Script(asked.input) }
        let count = max(script.speakers.count, speakers.count)
        guard count <= card.dialogueSpeakers else {
            throw APIError.tooManySpeakers(count, model, most: card.dialogueSpeakers)
        }
        var voices: [String: Voice] = [:]
        for (name, speaker) in speakers.sorted(by: { $0.key < $1.key }) {
            voices[name] =
                switch speaker {
                case .named(let voice):
                    try parts.names.voice(voice, model: model, card: card, param: "speakers")
                case .recorded(let audio, let text): try await cloned(audio, text, param: "speakers")
                }
        }
        let otherwise = try asked.voice.map { try parts.names.voice($0, model: model, card: card) }
        let delivery = asked.instructions.map(Delivery.instructed) ?? .plain
        return try APIError.blaming("speakers") {
            try script.utterances(
                voices: voices, otherwise: otherwise, language: language, delivery: delivery)
        }
    }
}

extension SpeechRequest {
    /// The choices about generation, what is not said taken from what the configuration says of the model.
    func synthesis(_ settings: Settings.Model) -> SynthesisOptions {
        var made = SynthesisOptions()
        made.seed = options.seed.map { UInt64($0) }
        made.sampling = Sampling.of(
            temperature: options.temperature ?? settings.temperature, topK: options.topK ?? settings.topK,
            topP: options.topP ?? settings.topP)
        made.guidance = (options.guidance ?? settings.guidance).map { Float($0) }
        made.diffusionSteps = options.steps ?? settings.steps
        made.repetitionPenalty = options.repetitionPenalty.map { Float($0) }
        made.maximumTokens = options.maximumTokens
        // One frame at a time is soonest; several together are cheaper where nobody hears the first.
        made.framesPerChunk = streams ? 1 : 4
        return made
    }
}

extension Sampling {
    /// Nil when nothing is said. What is not said beside something that is: the numbers of the published checkpoints.
    fileprivate static func of(temperature: Double?, topK: Int?, topP: Double?) -> Sampling? {
        guard temperature != nil || topK != nil || topP != nil else { return nil }
        return Sampling(temperature: Float(temperature ?? 0.9), topK: topK ?? 50, topP: Float(topP ?? 1))
    }
}

extension APIError {
    static func noDialogues(_ model: String) -> APIError {
        cannotHonour(
            "speakers",
            "The model '\(model)' speaks no dialogues. GET /v1/models tells how many speakers each knows.")
    }

    static func tooManySpeakers(_ count: Int, _ model: String, most: Int) -> APIError {
        cannotHonour(
            "speakers", "There are \(count) speakers; the model '\(model)' knows \(most) at most.")
    }

    /// Runs `body`; what the library finds wrong is said of a field.
    fileprivate static func blaming<Result>(_ param: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as SpeechError {
            // The remedy tells of another way to ask.
            throw invalid(param, error.message, code: error.code.rawValue)
        }
    }

    static func brokenOff() -> APIError {
        APIError(
            .internalServerError, .server, "broken_off", "The speech broke off before its end. Ask again.",
            retryAfter: 1)
    }
}
