import NIOCore
import Synchronization

/// Lets go of a client that says nothing while nothing is done for it, or that does not end what it began.
final class WyomingPatience: Sendable {
    private struct State {
        var working = 0
        /// A text or a recording was begun: the client is the one who is waited for.
        var isWithinTurn = false
        var deadline: Deadline?
        var isOver = false
    }

    private let limits: Settings.Limits
    private let channel: any Channel
    private let state = Mutex(State())

    init(_ limits: Settings.Limits, _ channel: any Channel) {
        (self.limits, self.channel) = (limits, channel)
        heard(isWithinTurn: false)
    }

    /// A whole event came.
    func heard(isWithinTurn: Bool) {
        state.withLock { state in
            state.isWithinTurn = isWithinTurn
            renew(&state)
        }
    }

    /// Work begins.
    func began() { state.withLock { $0.working += 1 } }

    /// Work has ended.
    func finished() {
        state.withLock { state in
            state.working -= 1
            renew(&state)
        }
    }

    func end() {
        state.withLock { state in
            state.isOver = true
            state.deadline?.cancel()
        }
    }

    private func renew(_ state: inout State) {
        state.deadline?.cancel()
        guard !state.isOver else { return }
        let seconds = state.isWithinTurn ? limits.receiveSeconds : limits.idleSeconds
        state.deadline = Deadline(in: seconds, on: channel.eventLoop) { [weak self] in self?.tire() }
    }

    private func tire() {
        let isTired = state.withLock { !$0.isOver && ($0.working == 0 || $0.isWithinTurn) }
        if isTired { channel.close(promise: nil) }
    }
}

/// Memory for recordings while they come and wait, of all connections together.
final class RecordingMemory: Sendable {
    private let most: Int
    private let used = Mutex(0)

    init(most: Int) { self.most = most }

    /// What one recording takes; given back when nobody holds it.
    final class Share: Sendable {
        private let memory: RecordingMemory
        private let count = Mutex(0)

        init(_ memory: RecordingMemory) { self.memory = memory }
        deinit { memory.used.withLock { $0 -= count.withLock { $0 } } }

        /// - Throws: `WyomingFailure` when all is taken.
        func grow(by bytes: Int) throws {
            let fits = memory.used.withLock { used in
                guard used + bytes <= memory.most else { return false }
                used += bytes
                return true
            }
            guard fits else { throw WyomingFailure.noMemory }
            count.withLock { $0 += bytes }
        }
    }
}
