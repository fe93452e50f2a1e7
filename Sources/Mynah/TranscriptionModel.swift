public import SpeechCore
import Synchronization

/// A loaded model that listens. It runs on a thread of its own and takes one recording at a time; others wait in
/// the order they came.
public actor TranscriptionModel {
    /// What the model is and can do.
    public nonisolated let card: TranscriberCard
    private let transcriber: any Transcriber
    private let thread: ModelThread
    private let line = TranscriptionLine()
    private var current: (request: TranscriptionRequest, work: any Transcription)?
    private var isTurning = false

    /// The model's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private init(_ transcriber: any Transcriber, on thread: ModelThread) {
        card = transcriber.card
        self.transcriber = transcriber
        self.thread = thread
    }

    /// A model made by `load`, which runs on the model's thread.
    ///
    /// - Throws: `SpeechError`.
    package static func load(
        name: String, _ load: @escaping @Sendable () throws -> any Transcriber
    ) async throws -> TranscriptionModel {
        let thread = ModelThread(name: name)
        return try await thread.run {
            do { return TranscriptionModel(try load(), on: thread) } catch {
                throw SpeechError(describing: error)
            }
        }
    }

    /// Writes down a recording, and gives the whole.
    ///
    /// - Throws: `SpeechError`; of code `cancelled` when the task is.
    public nonisolated func transcribe(
        _ audio: AudioBuffer, options: TranscriptionOptions = TranscriptionOptions()
    ) async throws -> Transcript {
        for try await event in stream(audio, options: options) {
            if case .finished(let transcript) = event { return transcript }
        }
        throw SpeechError.cancelled()
    }

    /// Writes down a recording, and tells what happens as it happens.
    public nonisolated func stream(
        _ audio: AudioBuffer, options: TranscriptionOptions = TranscriptionOptions()
    ) -> TranscriptionStream {
        let stream = TranscriptionStream(audio, options)
        line.add(stream.request)
        Task { await self.wake() }
        return stream
    }

    /// Whether there is a request. Asking takes a turn of the model's thread.
    package var isWorking: Bool { isTurning }

    private func wake() {
        guard !isTurning else { return }
        isTurning = true
        turn()
    }

    /// One step, and the next in a job of its own.
    private func turn() {
        advance()
        guard current != nil || !line.isEmpty else {
            isTurning = false
            return
        }
        Task { self.turn() }
    }

    private func advance() {
        if current?.request.isCancelled == true { current = nil }
        do {
            if current == nil {
                guard let request = line.next(), let audio = request.take() else { return }
                current = (request, try begin(request, audio))
            }
            guard let (request, work) = current else { return }
            for event in try work.step() {
                request.give(event)
                if case .finished = event { current = nil }
            }
        } catch {
            current?.request.fail(SpeechError(describing: error))
            current = nil
        }
    }

    private func begin(_ request: TranscriptionRequest, _ audio: AudioBuffer) throws -> any Transcription {
        do {
            return try transcriber.begin(audio, request.options)
        } catch {
            request.fail(SpeechError(describing: error))
            throw error
        }
    }
}

/// A transcription while it is made.
///
/// It is iterated once. Leaving the loop, cancelling the task, letting go of the stream or calling `cancel` stops
/// the model's work on it within one step. A request that was stopped ends with `SpeechError` of code `cancelled`.
public struct TranscriptionStream: AsyncSequence, Sendable {
    /// What happens.
    public typealias Element = TranscriptionEvent
    /// A `SpeechError`.
    public typealias Failure = any Error

    let request: TranscriptionRequest
    private let events: AsyncThrowingStream<TranscriptionEvent, any Error>

    init(_ audio: AudioBuffer, _ options: TranscriptionOptions) {
        let (events, continuation) = AsyncThrowingStream<TranscriptionEvent, any Error>.makeStream()
        let request = TranscriptionRequest(audio, options, continuation)
        continuation.onTermination = { [weak request] reason in
            if case .cancelled = reason { request?.cancel() }
        }
        (self.request, self.events) = (request, events)
    }

    /// Stops the model's work on this request. Does nothing after the end.
    public func cancel() { request.cancel() }

    /// Events as they happen.
    public func makeAsyncIterator() -> Iterator {
        Iterator(events: events.makeAsyncIterator(), listener: Listener(request))
    }

    /// Events as they happen; letting go of it stops the model's work on the request.
    public struct Iterator: AsyncIteratorProtocol {
        var events: AsyncThrowingStream<TranscriptionEvent, any Error>.Iterator
        let listener: Listener
        private var isOver = false

        init(events: AsyncThrowingStream<TranscriptionEvent, any Error>.Iterator, listener: Listener) {
            (self.events, self.listener) = (events, listener)
        }

        /// The next event; nil after the last.
        public mutating func next() async throws -> TranscriptionEvent? {
            if isOver { return nil }
            guard let event = try await events.next() else {
                // The stream beneath ends without a word when the task that iterates is cancelled.
                isOver = true
                throw SpeechError.cancelled()
            }
            if case .finished = event { isOver = true }
            return event
        }
    }

    /// Whoever iterates; gone means nobody waits.
    final class Listener: Sendable {
        private let request: TranscriptionRequest
        init(_ request: TranscriptionRequest) { self.request = request }
        deinit { request.cancel() }
    }
}

/// One recording on its way through a model, as both sides see it.
final class TranscriptionRequest: Sendable {
    let options: TranscriptionOptions
    private let audio: Mutex<AudioBuffer?>
    private let continuation: AsyncThrowingStream<TranscriptionEvent, any Error>.Continuation
    private let stopped = Atomic(false)

    init(
        _ audio: AudioBuffer, _ options: TranscriptionOptions,
        _ continuation: AsyncThrowingStream<TranscriptionEvent, any Error>.Continuation
    ) {
        self.audio = Mutex(audio)
        (self.options, self.continuation) = (options, continuation)
    }

    /// The recording, once: an hour of it is not kept beside what the model made of it.
    func take() -> AudioBuffer? {
        audio.withLock { audio in
            defer { audio = nil }
            return audio
        }
    }

    /// Whether nobody wants the rest.
    var isCancelled: Bool { stopped.load(ordering: .acquiring) }

    func cancel() {
        guard !stopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
        continuation.finish(throwing: SpeechError.cancelled())
    }

    func give(_ event: TranscriptionEvent) {
        continuation.yield(event)
        if case .finished = event { continuation.finish() }
    }

    func fail(_ error: SpeechError) { continuation.finish(throwing: error) }
}

/// Requests that wait, in the order they were made.
private final class TranscriptionLine: Sendable {
    private let requests = Mutex<[TranscriptionRequest]>([])

    var isEmpty: Bool { requests.withLock { $0.isEmpty } }

    func add(_ request: TranscriptionRequest) { requests.withLock { $0.append(request) } }

    /// The first that somebody still wants.
    func next() -> TranscriptionRequest? {
        requests.withLock { requests in
            while !requests.isEmpty {
                let first = requests.removeFirst()
                if !first.isCancelled { return first }
            }
            return nil
        }
    }
}
