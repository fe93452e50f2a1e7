package import SpeechCore
import Synchronization

/// An engine that does the same work once for those who ask for it at the same time.
///
/// Clients repeat a request that seems slow, and do not say that they do. A request whose content is that of one
/// still being answered joins it: it hears from the beginning what was made already, and then what is made. A request
/// without a seed counts as the same too, for its repetition is not a wish for another reading. Work stops when the
/// last listener leaves.
package struct JoiningEngine: SpeechEngine {
    private let base: any SpeechEngine
    private let speeches: Joint<AudioChunk>
    private let transcriptions: Joint<TranscriptionEvent>

    /// - Parameter most: bytes kept of a request for those who come later; of a longer one nobody joins the rest.
    package init(_ base: any SpeechEngine, most: Int = 16 << 20) {
        self.base = base
        speeches = Joint(most: most) { $0.audio.samples.count * 4 + 64 }
        transcriptions = Joint(most: most) { event in
            if case .writing(let text) = event { text.utf8.count + 64 } else { 512 }
        }
    }

    package func models() async -> [EngineModel] { await base.models() }

    package func card(of model: String) async throws -> EngineCard { try await base.card(of: model) }

    package func speak(_ order: SpeechOrder) async throws -> AsyncThrowingStream<AudioChunk, any Error> {
        try await speeches.stream(OrderDigest(order)) { [base] in try await base.speak(order) }
    }

    package func transcribe(_ order: TranscriptionOrder) async throws
        -> AsyncThrowingStream<TranscriptionEvent, any Error>
    {
        try await transcriptions.stream(OrderDigest(order)) { [base] in try await base.transcribe(order) }
    }

    package func clone(_ recording: Recording, name: String, model: String) async throws -> VoiceProfile {
        try await base.clone(recording, name: name, model: model)
    }
}

/// Requests of one kind that are being answered.
private actor Joint<Element: Sendable> {
    typealias Stream = AsyncThrowingStream<Element, any Error>
    private let most: Int
    private let size: @Sendable (Element) -> Int
    private var running: [OrderDigest: SharedAnswer<Element>] = [:]

    init(most: Int, size: @escaping @Sendable (Element) -> Int) { (self.most, self.size) = (most, size) }

    func stream(_ digest: OrderDigest, _ start: @escaping @Sendable () async throws -> Stream) async throws
        -> Stream
    {
        if let known = running[digest], let listening = known.join() {
            return try await listening.opened()
        }
        let answer = SharedAnswer(most: most, size: size, start)
        guard let listening = answer.join() else { throw CancellationError() }
        running[digest] = answer
        let work = Task {
            await answer.run()
            if running[digest] === answer { running[digest] = nil }
        }
        answer.began(work)
        return try await listening.opened()
    }
}

/// One answer and all who listen to it.
private final class SharedAnswer<Element: Sendable>: Sendable {
    typealias Stream = AsyncThrowingStream<Element, any Error>

    /// One who listens.
    struct Listening: Sendable {
        let answer: SharedAnswer
        let number: Int
        let elements: Stream

        /// What it hears, once the request was taken in.
        func opened() async throws -> Stream {
            try await withTaskCancellationHandler {
                _ = try await answer.opening.value
            } onCancel: {
                answer.leave(number)
            }
            return elements
        }
    }

    private struct State {
        var listeners: [Int: Stream.Continuation] = [:]
        var last = 0
        /// What those hear first who come later; nil when that is not all any more, or nobody listens.
        var kept: [Element]? = []
        var bytes = 0
        var work: Task<Void, Never>?
    }

    /// The answer beneath, when its request was taken in.
    fileprivate let opening: Task<Stream, any Error>
    private let state = Mutex(State())
    private let most: Int
    private let size: @Sendable (Element) -> Int

    init(
        most: Int, size: @escaping @Sendable (Element) -> Int,
        _ start: @escaping @Sendable () async throws -> Stream
    ) {
        (self.most, self.size) = (most, size)
        opening = Task { try await start() }
    }

    /// Another listener; nil when it is too late to hear all.
    func join() -> Listening? {
        let (elements, continuation) = Stream.makeStream()
        let number = state.withLock { state -> Int? in
            guard let kept = state.kept else { return nil }
            for element in kept { continuation.yield(element) }
            state.last += 1
            state.listeners[state.last] = continuation
            return state.last
        }
        guard let number else { return nil }
        continuation.onTermination = { [weak self] reason in
            if case .cancelled = reason { self?.leave(number) }
        }
        return Listening(answer: self, number: number, elements: elements)
    }

    /// The last to leave ends the work.
    fileprivate func leave(_ number: Int) {
        // What is taken out is let go of outside the lock: a stream that goes says so, and comes back here.
        let (listener, isLast, work) = state.withLock { state in
            let listener = state.listeners.removeValue(forKey: number)
            let isLast = listener != nil && state.listeners.isEmpty
            if isLast { state.kept = nil }
            return (listener, isLast, state.work)
        }
        defer { withExtendedLifetime(listener) {} }
        guard isLast else { return }
        opening.cancel()
        work?.cancel()
    }

    /// Remembers the task that runs this, to be ended with the last listener.
    func began(_ work: Task<Void, Never>) {
        let isDeserted = state.withLock { state in
            state.work = work
            return state.kept == nil && state.listeners.isEmpty
        }
        if isDeserted { work.cancel() }
    }

    /// Passes on everything to everyone.
    func run() async {
        do {
            for try await element in try await opening.value { give(element) }
            finish(nil)
        } catch {
            finish(error)
        }
    }

    private func give(_ element: Element) {
        let listeners = state.withLock { state in
            state.bytes += size(element)
            if state.bytes > most { state.kept = nil } else { state.kept?.append(element) }
            return state.listeners.values
        }
        // Outside the lock: giving wakes a task, and a task that is being ended holds what waking takes while it
        // comes here through `leave`.
        for listener in listeners { listener.yield(element) }
    }

    private func finish(_ error: (any Error)?) {
        let listeners = state.withLock { state in
            defer { (state.listeners, state.kept) = ([:], nil) }
            return state.listeners.values
        }
        // Outside the lock: whoever hears the end may leave at once.
        for listener in listeners { listener.finish(throwing: error) }
    }
}
