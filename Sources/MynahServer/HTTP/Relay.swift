import Synchronization

/// Elements on their way from whoever makes them to the one who writes them: at most so many wait, and whoever makes
/// more waits too.
final class Relay<Element: Sendable>: Sendable {
    /// What the writer is given.
    enum Item: Sendable {
        case element(Element)
        /// Nothing came for as long as a client should be left without a sign.
        case silence
        case end
    }

    private struct State {
        var elements: [Element] = []
        var outcome: Result<Void, any Error>?
        var isClosed = false
        var hasSilence = false
        var reader: CheckedContinuation<Void, Never>?
        var writer: CheckedContinuation<Void, Never>?
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) { self.capacity = capacity }

    // MARK: making

    /// Gives an element on, once there is room.
    ///
    /// - Throws: `CancellationError` when nobody wants it any more.
    func send(_ element: Element) async throws {
        while true {
            let (isDone, waiting): (Bool, CheckedContinuation<Void, Never>?) = try state.withLock { state in
                if state.isClosed || state.outcome != nil { throw CancellationError() }
                guard state.elements.count < capacity else { return (false, nil) }
                state.elements.append(element)
                defer { state.reader = nil }
                return (true, state.reader)
            }
            waiting?.resume()
            if isDone { return }
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state in
                    if state.isClosed || state.outcome != nil || state.elements.count < capacity {
                        return true
                    }
                    state.writer = continuation
                    return false
                }
                if isFree { continuation.resume() }
            }
        }
    }

    /// Ends it: what waits is still read, then `error` is thrown.
    func finish(throwing error: (any Error)? = nil) {
        let (reader, writer) = state.withLock { state in
            if state.outcome == nil { state.outcome = error.map { .failure($0) } ?? .success(()) }
            defer { (state.reader, state.writer) = (nil, nil) }
            return (state.reader, state.writer)
        }
        reader?.resume()
        writer?.resume()
    }

    /// Tells the reader that nothing came, if it waits.
    func nudge() {
        let reader = state.withLock { state in
            if state.reader != nil { state.hasSilence = true }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    // MARK: reading

    /// The next element; `end` when everything was read.
    ///
    /// - Throws: what it was finished with.
    func next() async throws -> Item {
        while true {
            let (item, waiting): (Item?, CheckedContinuation<Void, Never>?) = try state.withLock { state in
                if !state.elements.isEmpty {
                    defer { state.writer = nil }
                    state.hasSilence = false
                    return (.element(state.elements.removeFirst()), state.writer)
                }
                if let outcome = state.outcome {
                    try outcome.get()
                    return (.end, nil)
                }
                if state.hasSilence {
                    state.hasSilence = false
                    return (.silence, nil)
                }
                return (nil, nil)
            }
            waiting?.resume()
            if let item { return item }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.elements.isEmpty || state.outcome != nil || state.hasSilence { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    /// Nobody reads any more.
    func close() {
        let writer = state.withLock { state in
            state.isClosed = true
            state.elements = []
            defer { state.writer = nil }
            return state.writer
        }
        writer?.resume()
    }
}
