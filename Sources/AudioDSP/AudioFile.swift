package import SpeechCore

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// A recording as it was stored, brought to one channel.
package struct DecodedAudio: Sendable, Equatable {
    /// The mean of all channels at the rate of the file. Stored integers are divided by their full scale;
    /// stored floats are kept, also those beyond 1.
    package let audio: AudioBuffer
    /// Channels in the file.
    package let channels: Int
    /// The container, as libav names it: `wav`, `mov,mp4,m4a,3gp,3g2,mj2`.
    package let container: String
    /// The codec, as libav names it: `pcm_s16le`, `mp3`.
    package let codec: String
    /// Bits of a stored sample; nil for a lossy codec, which has no such number.
    package let bitsPerSample: Int?

    /// Length in seconds.
    package var duration: Double { audio.duration }
}

/// Reading recordings: whatever libav reads, from a plain file or from memory.
///
/// What counts as damage: a packet that cannot be demuxed or decoded between two that can is `corrupt`. Up to two
/// bad packets before the first good one (a lossy stream cut out of a longer one) and one after the last (tags,
/// a last frame cut short) are passed over, unless the file states its length and holds less: that is `truncated`.
/// A format that states no length, as MP3 without its Xing header, cannot be known to be cut.
package enum AudioFile {
    /// Sample rates taken, in Hz.
    package static let sampleRates = 1_000...768_000
    /// Channels taken, at most.
    package static let maximumChannels = 64
    /// The version of libav in this program.
    package static var libraryVersion: String { LibAV.version }

    /// Reads a plain file of at most `maximumSeconds` of sound, counted as it is decoded.
    package static func read(
        path: String, maximumSeconds: Double
    ) throws(AudioFileError) -> DecodedAudio {
        try read(ByteSource(path: path), maximumSeconds, name: path)
    }

    /// Reads a whole file held in memory, of at most `maximumSeconds` of sound, counted as it is decoded.
    package static func read(
        bytes: [UInt8], maximumSeconds: Double
    ) throws(AudioFileError) -> DecodedAudio {
        try read(ByteSource(bytes), maximumSeconds, name: "")
    }

    /// Reads a whole file held in memory, of at most `maximumSeconds` of sound, counted as it is decoded.
    package static func read(
        data: Data, maximumSeconds: Double
    ) throws(AudioFileError) -> DecodedAudio {
        try read(bytes: [UInt8](data), maximumSeconds: maximumSeconds)
    }

    private static func read(
        _ source: ByteSource, _ maximumSeconds: Double, name: String
    ) throws(AudioFileError) -> DecodedAudio {
        precondition(maximumSeconds > 0, "a limit of \(maximumSeconds) seconds lets nothing through")
        let decoded: DecodedAudio
        do {
            // What is too long is refused before any of it is decoded and held.
            try AudioLengthCheck(source, maximumSeconds: maximumSeconds).run()
            let session = AudioDecodingSession(source, maximumSeconds: maximumSeconds)
            try session.open()
            decoded = try session.decode()
        } catch {
            guard let failure = source.failure else { throw error }
            throw .unreadable(path: name, reason: systemReason(failure))
        }
        return decoded
    }
}
