import AudioDSP
public import SpeechCore

/// Mono sound to the bytes of a format, in pieces. Not `Sendable`: one per stream, used by one task. After an error
/// it is of no use.
public final class SoundEncoder {
    /// What the bytes are.
    public let format: SoundFormat
    private let encoder: any AudioEncoder

    /// An encoder of sound at `sampleRate`, which is changed inside where the codec does not have it.
    ///
    /// Streamed, bytes come as soon as the codec has them, a WAV header says that its length is unknown, and an MP3
    /// or AAC begins with the codec's delay (about 45 ms at 24 kHz). Otherwise `encode` gives nothing and `finish`
    /// all, the true length in it. Every format that can hold it says that the speech is synthetic.
    ///
    /// - Throws: `SpeechError`.
    public init(_ format: SoundFormat, sampleRate: Int, isStreamed: Bool = true) throws {
        self.format = format
        do {
            encoder = try format.encoder(sampleRate: sampleRate, seekable: !isStreamed)
        } catch {
            throw SpeechError(describing: error)
        }
    }

    /// Takes samples in [-1, 1], clips others where the format holds integers, and gives the bytes that are complete.
    ///
    /// - Throws: `SpeechError`.
    public func encode(_ samples: [Float]) throws -> [UInt8] {
        do {
            return try encoder.encode(samples)
        } catch {
            throw SpeechError(describing: error)
        }
    }

    /// Ends the stream and gives what is left. Once.
    ///
    /// - Throws: `SpeechError`.
    public func finish() throws -> [UInt8] {
        do {
            return try encoder.finish()
        } catch {
            throw SpeechError(describing: error)
        }
    }
}
