public import SpeechCore
import Synchronization

/// A loaded model that speaks. It runs on a thread of its own, and works on several requests at once: those that
/// come while others are spoken join them at the next frame, as far as there is room, and the rest wait in order.
public actor SpeechModel {
    /// What the model is and can do.
    public nonisolated let card: ModelCard
    private let scheduler: Scheduler
    private let thread: ModelThread
    private let arrivals = Inbox()
    private var isTurning = false

    /// The model's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private init(_ synthesizer: any Synthesizer, on thread: ModelThread) {
        card = synthesizer.card
        scheduler = Scheduler(synthesizer)
        self.thread = thread
    }

    /// A model made by `load`, which runs on the model's thread.
    ///
    /// - Throws: `SpeechError`.
    package static func load(
        name: String, _ load: @escaping @Sendable () throws -> any Synthesizer
    ) async throws -> SpeechModel {
        let thread = ModelThread(name: name)
        return try await thread.run {
            do { return SpeechModel(try load(), on: thread) } catch { throw SpeechError(describing: error) }
        }
    }

    /// Speaks, and gives the whole. Several utterances are spoken each with its own voice: as one dialogue by a
    /// model that speaks dialogues (`ModelCard.dialogueSpeakers`), else laid end to end, the model working on them
    /// together.
    ///
    /// - Throws: `SpeechError`; of code `cancelled` when the task is.
    public nonisolated func speak(
        _ utterances: Utterance..., options: SynthesisOptions = SynthesisOptions()
    ) async throws -> AudioBuffer {
        try await speak(utterances, options: options)
    }

    /// Speaks utterances in order, as the variadic form does.
    public nonisolated func speak(
        _ utterances: [Utterance], options: SynthesisOptions = SynthesisOptions()
    ) async throws -> AudioBuffer {
        let isDialogue = card.dialogueSpeakers > 1 && utterances.count > 1
        let streams =
            isDialogue
            ? [stream(utterances, options: options)] : utterances.map { stream($0, options: options) }
        defer { for stream in streams { stream.cancel() } }
        var audio = AudioBuffer(samples: [], sampleRate: card.sampleRate)
        for stream in streams {
            for try await chunk in stream { audio.samples += chunk.audio.samples }
        }
        return audio
    }

    /// Speaks, and gives sound as it is made. Two streams of one utterance, options and seed are the same sound.
    public nonisolated func stream(
        _ utterance: Utterance, options: SynthesisOptions = SynthesisOptions()
    ) -> SpeechStream {
        let stream = promise([utterance], options)
        arrivals.add(stream.request)
        Task { await self.wake() }
        return stream
    }

    /// Speaks utterances in order as one speech, and gives sound as it is made, each chunk with the turn it is of.
    ///
    /// A model that speaks dialogues (`ModelCard.dialogueSpeakers`) is given them as one, of that many speakers at
    /// most; another speaks one after the other.
    public nonisolated func stream(
        _ utterances: [Utterance], options: SynthesisOptions = SynthesisOptions()
    ) -> SpeechStream {
        let stream = promise(utterances, options)
        if utterances.count == 1 || card.dialogueSpeakers > 1 && !utterances.isEmpty {
            arrivals.add(stream.request)
            Task { await self.wake() }
        } else {
            speakInTurn(utterances, as: stream.request)
        }
        return stream
    }

    /// A stream of a request that the model has not been told of.
    nonisolated func promise(
        _ utterances: [Utterance], reading text: IncomingText? = nil, _ options: SynthesisOptions
    ) -> SpeechStream {
        SpeechStream(utterances, reading: text, options) { [weak self] in
            guard let self else { return }
            Task { await self.wake() }
        }
    }

    /// Tells the model of a request.
    nonisolated func add(_ request: SpeechRequest) { arrivals.add(request) }

    /// What the model needs of a recording to speak in its voice, computed once and kept in the profile.
    ///
    /// - Throws: `SpeechError` when the model does not clone, or the recording will not do.
    public func clone(_ recording: Recording, name: String) throws -> VoiceProfile {
        do {
            return try scheduler.synthesizer.prepare(recording, name: name)
        } catch {
            throw SpeechError(describing: error)
        }
    }

    /// Where time went since the model was loaded.
    public var timings: StageTimings { scheduler.synthesizer.timings }

    /// Whether there is a request. Asking takes a turn of the model's thread.
    package var isWorking: Bool { isTurning }

    /// Refuses words that the model cannot read as they come.
    func check(_ text: String) throws { try scheduler.synthesizer.check(text) }

    /// Goes on, if it waits, with what has come.
    func wake() {
        guard !isTurning else { return }
        isTurning = true
        turn()
    }

    /// One step, and the next in a job of its own, so that `clone` and `timings` get in between.
    private func turn() {
        scheduler.add(arrivals.empty())
        scheduler.turn()
        guard !scheduler.isIdle || !arrivals.isEmpty else {
            isTurning = false
            return
        }
        Task { self.turn() }
    }
}

/// Requests that the model has not looked at yet, in the order they were made.
private final class Inbox: Sendable {
    private let requests = Mutex<[SpeechRequest]>([])

    var isEmpty: Bool { requests.withLock { $0.isEmpty } }

    func add(_ request: SpeechRequest) { requests.withLock { $0.append(request) } }

    func empty() -> [SpeechRequest] {
        requests.withLock { requests in
            defer { requests = [] }
            return requests
        }
    }
}
