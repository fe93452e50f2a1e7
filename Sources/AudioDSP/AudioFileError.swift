/// What can be wrong with a sound on its way in or out.
package enum AudioFileError: Error, Sendable, Equatable {
    /// Nothing is there.
    case missingFile(path: String)
    /// A folder, a pipe or a device: only plain files are read and replaced.
    case notAFile(path: String)
    /// The system refused to read.
    case unreadable(path: String, reason: String)
    /// The system refused to write.
    case unwritable(path: String, reason: String)
    /// No demuxer knows these bytes.
    case unknownFormat
    /// A format that names other files or addresses, such as a playlist.
    case refusedFormat(name: String)
    /// There are streams, but none is sound; `found` names their codecs.
    case noAudio(found: [String])
    /// The codec is known, and this build of libav cannot decode it.
    case unsupportedCodec(name: String)
    /// A sample rate outside of what is taken.
    case unsupportedRate(Int)
    /// More channels than are taken.
    case unsupportedChannels(Int)
    /// The content contradicts itself at about this second.
    case corrupt(reason: String, second: Double)
    /// The file states a length and holds less.
    case truncated(stated: Double, decoded: Double)
    /// Longer than the caller allows, in seconds.
    case tooLong(limit: Double)
    /// Not a single sample.
    case empty
    /// A sample that is not a number, or infinite.
    case notFinite(sample: Int)
    /// This build of libav has no encoder for the format.
    case encoderMissing(format: String)
    /// The encoder or the container refused.
    case encoding(format: String, reason: String)
    /// An option of an encoder that no encoder takes.
    case invalidBitRate(Int)
    /// A speed outside of what speech is changed to.
    case invalidSpeed(Double)
    /// This build of libav lacks a filter.
    case filterMissing(name: String)
    /// libavfilter refused.
    case filtering(speed: Double, reason: String)
    /// soxr refused.
    case resampling(from: Int, to: Int, reason: String)
    /// Nothing to play through.
    case noDevice(reason: String)
    /// The device failed while playing.
    case playback(reason: String)
    /// The task was cancelled.
    case cancelled
}
