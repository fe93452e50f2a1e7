import Synchronization

/// A client's connection, as the work done for it sees it.
package final class Connection: Sendable {
    private struct State {
        var hasLeft = false
        var next = 0
        var watchers: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// Calls `action` once, when the client has left; at once if it has.
    ///
    /// - Returns: what `forget` takes.
    func onLeave(_ action: @escaping @Sendable () -> Void) -> Int {
        let number: Int? = state.withLock { state in
            guard !state.hasLeft else { return nil }
            state.next += 1
            state.watchers[state.next] = action
            return state.next
        }
        guard let number else {
            action()
            return 0
        }
        return number
    }

    func forget(_ number: Int) {
        state.withLock { $0.watchers[number] = nil }
    }

    func leave() {
        let watchers = state.withLock { state in
            defer { state.watchers = [:] }
            state.hasLeft = true
            return state.watchers.values
        }
        for watcher in watchers { watcher() }
    }
}
