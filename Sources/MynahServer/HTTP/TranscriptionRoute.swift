import CoreMetrics
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import SpeechCore
import Synchronization

/// `POST /v1/audio/transcriptions` and `/v1/audio/translations`.
struct TranscriptionRoute: Sendable {
    let parts: ServerParts

    func transcribe(_ request: Request, _ context: ServerContext) async throws -> Response {
        let limits = parts.settings.limits
        let form = try await Form.read(
            request, TranscriptionRequest.fields, files: ["file"], fileLimit: limits.uploadBytes, parts: parts
        )
        let asked = try TranscriptionRequest(form)
        let (model, card) = try await parts.names.listener(asked.model)
        let longest = min(limits.recordingSeconds, max(1, Int(card.longestRecording)))
        let audio = try await RecordingReader.audio(
            asked.file.upload, longest: longest, param: "file", isVoice: false)
        parts.metrics.heardSeconds.increment(by: audio.duration)
        let order = TranscriptionOrder(
            model: model, audio: audio,
            options: TranscriptionOptions(context: asked.context, seed: asked.seed))
        let engine = parts.engine
        let job = try await Job<TranscriptionEvent>(parts, context) { relay in
            for try await event in try await engine.transcribe(order) { try await relay.send(event) }
        }
        return asked.streams ? try await events(job, asked) : try await whole(job, asked, context)
    }

    func translate(_ request: Request, _ context: ServerContext) async throws -> Response {
        let form = try await Form.read(
            request, TranscriptionRequest.translationFields, files: ["file"],
            fileLimit: parts.settings.limits.uploadBytes, parts: parts)
        let asked = try TranscriptionRequest(form)
        if asked.format == .diarized {
            throw APIError.outOfRange(
                "response_format", "'diarized_json'", "one of json, text, srt, verbose_json, vtt")
        }
        let (model, _) = try await parts.names.listener(asked.model)
        throw APIError.cannotHonour(
            "model",
            "The model '\(model)' writes down what is said and does not translate it, "
                + "nor does any other here. Use "
                + "/v1/audio/transcriptions, and translate the text.")
    }

    // MARK: answers

    private func whole(
        _ job: Job<TranscriptionEvent>, _ asked: TranscriptionRequest, _ context: ServerContext
    ) async throws -> Response {
        defer { job.stop() }
        var transcript: Transcript?
        while let event = try await job.next() {
            if case .finished(let found) = event { transcript = found }
        }
        guard let transcript else { throw APIError.brokenOff() }
        if parts.settings.log.content {
            context.logger.info("transcribe", metadata: ["text": "\(transcript.text)"])
        }
        switch asked.format {
        case .text: return .text(transcript.text + "\n")
        case .srt: return .text(transcript.rendered(as: .srt), type: "application/x-subrip; charset=utf-8")
        case .vtt: return .text(transcript.rendered(as: .vtt), type: "text/vtt; charset=utf-8")
        default: return .json(transcript.answer(asked.format, language: asked.language))
        }
    }

    private func events(
        _ job: Job<TranscriptionEvent>, _ asked: TranscriptionRequest
    ) async throws -> Response {
        let first = try await job.first()
        let writer = EventWriter(isDiarized: asked.format == .diarized)
        return job.response(
            beginningWith: first, type: ServerSentEvent.mediaType, silence: ServerSentEvent.ping
        ) { event in
            Array(writer.text(of: event).utf8)
        } failure: { error in
            ServerSentEvent.failure("error", error)
        }
    }
}

/// Turns what a model writes into the events that clients read.
///
/// What was told cannot be taken back; where the model goes round in circles and some of it does not stand, the text
/// of the last event does.
private final class EventWriter: Sendable {
    private let isDiarized: Bool
    private let count = Mutex(0)

    init(isDiarized: Bool) { self.isDiarized = isDiarized }

    func text(of event: TranscriptionEvent) -> String {
        switch event {
        case .listening, .writing, .retracted: ""
        case .segment(let segment): segment.isSilence ? "" : told(segment)
        case .finished(let transcript): ended(transcript)
        }
    }

    private func told(_ segment: TranscriptSegment) -> String {
        let number = count.withLock { count in
            count += 1
            return count
        }
        let delta = ServerSentEvent.text(
            "transcript.text.delta", ["delta": .text((number > 1 ? "\n" : "") + segment.text)])
        guard isDiarized, case .object(let fields) = TimedSegment(segment).diarized(number: number) else {
            return delta
        }
        return delta + ServerSentEvent.text("transcript.text.segment", fields)
    }

    private func ended(_ transcript: Transcript) -> String {
        var text = ""
        // What the model wrote and nobody can read in segments is one; a part of that kind is words alone.
        if let leftover = transcript.leftover {
            let joint = count.withLock { $0 } > 0 ? "\n" : ""
            text = ServerSentEvent.text("transcript.text.delta", ["delta": .text(joint + leftover)])
        } else if count.withLock({ $0 }) == 0, !transcript.text.isEmpty {
            text = told(TranscriptSegment(start: 0, end: transcript.duration, text: transcript.text))
        }
        return text
            + ServerSentEvent.text(
                "transcript.text.done",
                [
                    "text": .text(transcript.text),
                    "usage": ["type": "duration", "seconds": .number(transcript.duration)],
                ]) + ServerSentEvent.done
    }
}
