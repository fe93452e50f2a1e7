import SpeechCore
import Synchronization

// Where each kind of answer goes.

extension WorkerOutput {
    /// Sound, as it is made.
    static func sound(
        _ continuation: AsyncThrowingStream<AudioChunk, any Error>.Continuation, _ metrics: ModelMetrics
    ) -> WorkerOutput {
        let asked = Mutex<ContinuousClock.Instant?>(.now)
        return answer(continuation) { report in
            guard case .chunk(let chunk) = report else { return nil }
            let first = asked.withLock { asked in
                defer { if !chunk.audio.samples.isEmpty { asked = nil } }
                return chunk.audio.samples.isEmpty ? nil : asked
            }
            metrics.made(chunk.audio, firstSince: first)
            return (chunk, chunk.ending != nil)
        }
    }

    static func events(
        _ continuation: AsyncThrowingStream<TranscriptionEvent, any Error>.Continuation
    ) -> WorkerOutput {
        answer(continuation) { report in
            guard case .event(let event) = report else { return nil }
            if case .finished = event { return (event, true) }
            return (event, false)
        }
    }

    static func profile(
        _ continuation: AsyncThrowingStream<VoiceProfile, any Error>.Continuation
    ) -> WorkerOutput {
        answer(continuation) { report in
            guard case .profile(let profile) = report else { return nil }
            return (profile, true)
        }
    }

    /// - Parameter element: what a report gives to the stream, and whether it is the last; nil for a report that
    ///   has no business there.
    private static func answer<Element: Sendable>(
        _ continuation: AsyncThrowingStream<Element, any Error>.Continuation,
        _ element: @escaping @Sendable (WorkerReport) -> (Element, isLast: Bool)?
    ) -> WorkerOutput {
        WorkerOutput(
            give: { report in
                if case .failed(let error) = report {
                    continuation.finish(throwing: EngineError.speech(error))
                    return .isLast
                }
                guard let (element, isLast) = element(report) else { return .isForeign }
                continuation.yield(element)
                if isLast { continuation.finish() }
                return isLast ? .isLast : .goesOn
            },
            fail: { continuation.finish(throwing: $0) })
    }
}
