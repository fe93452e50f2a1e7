import AudioDSP
import SpeechCore

/// Makes speech faster or slower at the same pitch, in pieces. Not `Sendable`: one per stream, used by one task.
public final class TempoChanger {
    /// The speeds there are: 2 takes half the time.
    public static let speeds = TempoFilter.speeds

    private let filter: TempoFilter

    /// A changer of mono sound at `sampleRate`. At a speed of 1 samples pass as they are.
    ///
    /// - Throws: `SpeechError` when `speed` is not within `speeds`.
    public init(sampleRate: Int, speed: Double) throws {
        do {
            filter = try TempoFilter(sampleRate: sampleRate, speed: speed)
        } catch {
            throw SpeechError(describing: error)
        }
    }

    /// Takes new samples, gives those that are settled: at any speed but 1, about a tenth of a second behind.
    ///
    /// - Throws: `SpeechError`.
    public func change(_ samples: [Float]) throws -> [Float] {
        do {
            return try filter.change(samples)
        } catch {
            throw SpeechError(describing: error)
        }
    }

    /// The rest. Once.
    ///
    /// - Throws: `SpeechError`.
    public func finish() throws -> [Float] {
        do {
            return try filter.finish()
        } catch {
            throw SpeechError(describing: error)
        }
    }
}
