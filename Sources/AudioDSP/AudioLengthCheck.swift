import CLibAV
import Foundation

/// Tells whether a source is longer than a limit, without decoding it.
///
/// A file's own word for its length is taken where the file holds as much. Where libav only estimates, from a bit rate
/// or a header that another program never filled in, and the estimate is beyond the limit, the packets are counted.
struct AudioLengthCheck {
    private let source: ByteSource
    private let maximumSeconds: Double

    init(_ source: ByteSource, maximumSeconds: Double) {
        (self.source, self.maximumSeconds) = (source, maximumSeconds)
    }

    /// - Throws: `tooLong`, or what opening the source throws. The source is at its beginning again after that.
    func run() throws(AudioFileError) {
        let session = AudioDecodingSession(source, maximumSeconds: maximumSeconds)
        defer { _ = source.seek(to: 0, whence: SEEK_SET) }
        try session.open()
        guard let claim = session.claimedSeconds, claim.seconds > maximumSeconds + 1 else { return }
        guard !claim.isCertain else { throw .tooLong(limit: maximumSeconds) }
        try session.countPackets()
    }
}
