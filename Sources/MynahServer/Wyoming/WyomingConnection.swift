import Mynah
import NIOCore
import ServiceLifecycle
import SpeechCore

/// One client's conversation. Requests are answered in order, one at a time; when the client leaves, the work for it
/// stops.
struct WyomingConnection: Sendable {
    let parts: ServerParts
    let memory: RecordingMemory

    private var directory: WyomingDirectory { WyomingDirectory(parts: parts) }

    /// Work that waits for its turn.
    enum Work: Sendable {
        /// Texts to speak one after the other, as they come; `isStreamed` when they come in events of their own.
        case speak(AsyncStream<String>, WyomingEvent.Voice?, isStreamed: Bool)
        /// A recording, and its share of the memory for recordings.
        case transcribe(AudioBuffer, Transcribe, RecordingMemory.Share)
        case fail(any Error)
    }

    /// What was asked of a recording before it came.
    struct Transcribe: Sendable {
        var model: String?
        var hints: [String] = []
    }

    /// Requests that a client may send ahead of their answers.
    private static let mostWaiting = 16

    /// Speaks with a client until it leaves, or the server goes down and what was asked is answered.
    func run(
        _ inbound: NIOAsyncChannelInboundStream<WyomingEvent>, _ client: WyomingWriter
    ) async {
        let (work, queue) = AsyncStream.makeStream(
            of: Work.self, bufferingPolicy: .bufferingOldest(Self.mostWaiting))
        await withTaskGroup(of: Void.self) { group in
            let patience = WyomingPatience(parts.settings.limits, client.channel)
            defer { patience.end() }
            group.addTask {
                for await piece in work {
                    do {
                        try await perform(piece, client)
                    } catch {
                        try? await client.send("error", WyomingError(error))
                    }
                    patience.finished()
                }
            }
            do {
                try await listen(inbound, client, queue, patience)
                queue.finish()
                // A client that left wants nothing any more; when the server goes, what is under way is ended.
                if !Task.isShuttingDownGracefully { group.cancelAll() }
            } catch {
                try? await client.send("error", WyomingError(error))
                queue.finish()
                group.cancelAll()
            }
        }
    }

    private func listen(
        _ inbound: NIOAsyncChannelInboundStream<WyomingEvent>, _ client: WyomingWriter,
        _ queue: AsyncStream<Work>.Continuation, _ patience: WyomingPatience
    ) async throws {
        var turn = WyomingTurn(limits: parts.settings.limits, memory: memory)
        defer { turn.end() }
        for try await event in inbound.cancelOnGracefulShutdown() {
            defer { patience.heard(isWithinTurn: turn.isOpen) }
            switch event.type {
            case "ping":
                try await client.send("pong", ["text": event.data?.text])
            case "describe":
                try await client.send("info", directory.info())
            default:
                let work: Work?
                do {
                    work = try turn.take(event)
                } catch {
                    work = .fail(error)
                }
                guard let work else { continue }
                patience.began()
                if case .dropped = queue.yield(work) { throw WyomingFailure.tooMuchAhead(Self.mostWaiting) }
            }
        }
    }

    private func perform(_ work: Work, _ client: WyomingWriter) async throws {
        switch work {
        case .speak(let texts, let voice, let isStreamed):
            let spoken = Spoken()
            do {
                try await speak(texts, voice, client, spoken)
            } catch {
                try await client.send("error", WyomingError(error))
            }
            if spoken.hasBegun { try await client.send("audio-stop", spoken.sound) }
            if isStreamed {
                try await client.send("synthesize-stopped", [String: String]())
            }
        case .transcribe(let audio, let wish, let share):
            defer { withExtendedLifetime(share) {} }
            let text = try await transcribe(audio, wish)
            try await client.send("transcript", ["text": text])
        case .fail(let error): throw error
        }
    }

    /// The content of `audio-start`, `audio-chunk` and `audio-stop`.
    private struct Sound: Encodable {
        var rate: Int
        let width = 2
        let channels = 1
        /// Milliseconds of sound before this.
        var timestamp: Int
    }

    /// How much was spoken of what one piece of work says.
    private final class Spoken {
        var rate = 1, samples = 0
        /// `audio-start` was told, so that `audio-stop` must be.
        var hasBegun = false

        var sound: Sound { Sound(rate: rate, timestamp: 1000 * samples / rate) }
    }

    private func speak(
        _ texts: AsyncStream<String>, _ voice: WyomingEvent.Voice?, _ client: WyomingWriter, _ spoken: Spoken
    ) async throws {
        var (order, rate) = try await directory.order(for: voice)
        let encoder = try SoundEncoder(.pcm, sampleRate: rate)
        spoken.rate = rate
        for await text in texts {
            order.utterances[0].text = text
            var isOver = false
            for try await chunk in try await parts.engine.speak(order) {
                // Not before there is sound: what the model refuses has no beginning.
                if !spoken.hasBegun { try await client.send("audio-start", spoken.sound) }
                spoken.hasBegun = true
                isOver = chunk.ending != nil
                guard !chunk.audio.samples.isEmpty else { continue }
                try await client.send("audio-chunk", spoken.sound, encoder.encode(chunk.audio.samples))
                spoken.samples += chunk.audio.samples.count
            }
            // A stream that is left ends as if it were over.
            try Task.checkCancellation()
            guard isOver else { throw APIError.brokenOff() }
        }
    }

    private func transcribe(_ audio: AudioBuffer, _ wish: Transcribe) async throws -> String {
        let (model, card) = try await parts.names.listener(wish.model)
        guard wish.hints.isEmpty || card.takesContext else { throw WyomingFailure.hints(model) }
        guard audio.duration <= card.longestRecording else {
            throw WyomingFailure.recordingTooLong(card.longestRecording)
        }
        let options = TranscriptionOptions(context: wish.hints.joined(separator: "\n"))
        let order = TranscriptionOrder(model: model, audio: audio, options: options)
        for try await event in try await parts.engine.transcribe(order) {
            if case .finished(let transcript) = event { return transcript.text }
        }
        try Task.checkCancellation()
        throw APIError.brokenOff()
    }
}

/// Where events for a client go. A client that takes nothing for too long is given up.
struct WyomingWriter: Sendable {
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    let channel: any Channel
    let seconds: Int

    func send(_ type: String, _ data: some Encodable & Sendable, _ payload: [UInt8] = []) async throws {
        let buffer = try WyomingReply(type: type, data: data, payload: payload).buffer()
        let deadline = Deadline(in: seconds, on: channel.eventLoop) { [channel] in
            channel.close(promise: nil)
        }
        defer { deadline.cancel() }
        try await outbound.write(buffer)
    }
}
