import Synchronization

/// How far a pull has come.
package struct PullProgress: Sendable, Equatable {
    /// What is being done.
    package enum Phase: Sendable, Equatable {
        /// Bytes are coming.
        case downloading
        /// The file's hash is being computed.
        case verifying
        /// The connection failed; the next attempt is this many seconds away.
        case waiting(seconds: Double)
    }

    /// What is being done.
    package let phase: Phase
    /// The file it is done to.
    package let file: String
    /// Bytes of the whole model that are on disk.
    package let bytesDone: Int64
    /// Bytes of the whole model.
    package let bytesTotal: Int64
    /// Over the last seconds; 0 before there is a measurement.
    package let bytesPerSecond: Double
}

/// Counts what arrives, and tells it at most ten times a second.
final class PullMeter: Sendable {
    private let total: Int64
    private let report: @Sendable (PullProgress) -> Void
    private let state = Mutex(State())

    private struct State {
        var finished: Int64 = 0
        var current: Int64 = 0
        var told: ContinuousClock.Instant?
        /// When and with how many bytes the present measurement began.
        var mark: (time: ContinuousClock.Instant, bytes: Int64)?
        var rate = 0.0
    }

    /// A meter of `total` bytes.
    init(total: Int64, report: @escaping @Sendable (PullProgress) -> Void) {
        (self.total, self.report) = (total, report)
    }

    /// A file of `size` bytes is whole.
    func finish(_ file: String, size: Int64) {
        state.withLock { state in
            state.finished += size
            state.current = 0
            state.told = nil
        }
        tell(.downloading, file)
    }

    /// This many bytes of the file under way are on disk.
    func set(_ file: String, to length: Int64) {
        state.withLock { $0.current = length }
        tell(.downloading, file)
    }

    /// Tells a change of phase at once, and bytes when it is time.
    func tell(_ phase: PullProgress.Phase, _ file: String) {
        let now = ContinuousClock.now
        let progress = state.withLock { state -> PullProgress? in
            if phase == .downloading, let told = state.told, now - told < .milliseconds(100) { return nil }
            state.told = now
            let done = state.finished + state.current
            Self.measure(&state, now, done, phase)
            return PullProgress(
                phase: phase, file: file, bytesDone: done, bytesTotal: total, bytesPerSecond: state.rate)
        }
        if let progress { report(progress) }
    }

    /// A new rate each second, half from the second before. Waiting and verifying do not count as slow.
    private static func measure(
        _ state: inout State, _ now: ContinuousClock.Instant, _ done: Int64, _ phase: PullProgress.Phase
    ) {
        guard phase == .downloading, let mark = state.mark, done >= mark.bytes else {
            state.mark = (now, done)
            return
        }
        let seconds = (now - mark.time) / .seconds(1)
        guard seconds >= 1 else { return }
        let rate = Double(done - mark.bytes) / seconds
        state.rate = state.rate == 0 ? rate : (state.rate + rate) / 2
        state.mark = (now, done)
    }
}
