public import SpeechCore
import Synchronization

/// Speech while it is made: chunks that laid end to end are the whole.
///
/// It is iterated once. Leaving the loop, cancelling the task, letting go of the stream or calling `cancel` stops
/// the model's work on it within one step. A loop that ends without an error has heard everything; a request that
/// was stopped ends with `SpeechError` of code `cancelled`, and one whose text broke off ends with the error of
/// whoever wrote it. Chunks wait for a slow listener, at most the utterance's worth of them.
public struct SpeechStream: AsyncSequence, Sendable {
    /// A piece of the speech.
    public typealias Element = AudioChunk
    /// A `SpeechError`, unless it is that of a text which came while it was spoken.
    public typealias Failure = any Error

    let request: SpeechRequest
    private let chunks: AsyncThrowingStream<AudioChunk, any Error>

    /// - Parameter onStop: called once when nobody wants the rest, so that a model that waits notices.
    init(
        _ utterances: [Utterance], reading text: IncomingText? = nil, _ options: SynthesisOptions,
        onStop: @escaping @Sendable () -> Void
    ) {
        let (chunks, continuation) = AsyncThrowingStream<AudioChunk, any Error>.makeStream()
        let request = SpeechRequest(utterances, reading: text, options, continuation, onStop: onStop)
        continuation.onTermination = { [weak request] reason in
            if case .cancelled = reason { request?.cancel() }
        }
        (self.request, self.chunks) = (request, chunks)
    }

    /// Stops the model's work on this request. Does nothing after the end.
    public func cancel() { request.cancel() }

    /// Chunks as they are made.
    public func makeAsyncIterator() -> Iterator {
        Iterator(chunks: chunks.makeAsyncIterator(), listener: Listener(request))
    }

    /// Chunks as they are made; letting go of it stops the model's work on the request.
    public struct Iterator: AsyncIteratorProtocol {
        var chunks: AsyncThrowingStream<AudioChunk, any Error>.Iterator
        let listener: Listener
        private var isOver = false

        init(chunks: AsyncThrowingStream<AudioChunk, any Error>.Iterator, listener: Listener) {
            (self.chunks, self.listener) = (chunks, listener)
        }

        /// The next chunk; nil when everything was heard.
        public mutating func next() async throws -> AudioChunk? {
            if isOver { return nil }
            guard let chunk = try await chunks.next() else {
                // The stream beneath ends without a word when the task that iterates is cancelled.
                isOver = true
                throw SpeechError.cancelled()
            }
            isOver = chunk.ending != nil
            return chunk
        }
    }

    /// Whoever iterates; gone means nobody listens.
    final class Listener: Sendable {
        private let request: SpeechRequest
        init(_ request: SpeechRequest) { self.request = request }
        deinit { request.cancel() }
    }
}

/// One utterance, or the turns of one dialogue, on its way through a model, as both sides see it.
final class SpeechRequest: Sendable {
    let utterances: [Utterance]
    /// Where the words come from; nil where the utterances have them.
    let text: IncomingText?
    let options: SynthesisOptions
    private let continuation: AsyncThrowingStream<AudioChunk, any Error>.Continuation
    private let onStop: @Sendable () -> Void
    private let stopped = Atomic(false)
    /// Whoever brings text.
    private let supplier = Mutex<Task<Void, Never>?>(nil)

    init(
        _ utterances: [Utterance], reading text: IncomingText?, _ options: SynthesisOptions,
        _ continuation: AsyncThrowingStream<AudioChunk, any Error>.Continuation,
        onStop: @escaping @Sendable () -> Void
    ) {
        (self.utterances, self.text, self.options) = (utterances, text, options)
        (self.continuation, self.onStop) = (continuation, onStop)
    }

    /// Whether nobody wants the rest.
    var isCancelled: Bool { stopped.load(ordering: .acquiring) }

    func cancel() { fail(SpeechError.cancelled()) }

    func give(_ chunk: AudioChunk) {
        continuation.yield(chunk)
        if chunk.ending != nil { continuation.finish() }
    }

    func fail(_ error: any Error) {
        guard !stopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
        continuation.finish(throwing: error)
        let supplier = supplier.withLock { $0 }
        supplier?.cancel()
        onStop()
    }

    /// Says who brings text, to be stopped with the request.
    func supplied(by task: Task<Void, Never>) {
        supplier.withLock { $0 = task }
        if isCancelled { task.cancel() }
    }
}
