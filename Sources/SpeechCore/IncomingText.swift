import Synchronization

/// Text on its way from whoever writes it to the model that speaks it, on threads of their own.
package final class IncomingText: Sendable {
    private let state = Mutex(State())

    private struct State {
        var text = ""
        var isOver = false
    }

    package init() {}

    /// Adds what was just written.
    package func append(_ text: String) { state.withLock { $0.text += text } }

    /// Says that nothing more will come.
    package func finish() { state.withLock { $0.isOver = true } }

    /// What came since it was last asked, and whether that was the last.
    package func take() -> (text: String, isOver: Bool) {
        state.withLock { state in
            defer { state.text = "" }
            return (state.text, state.isOver)
        }
    }
}
