import Foundation
import SpeechCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The three descriptors that a program is started with.
enum StandardStreams {
    /// Gives each of them that is closed a descriptor that can do nothing, so that no file which is opened later gets
    /// its number and, with that, what is meant for it.
    static func holdPlaces() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
        where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // The lowest free number is the one; it fails as a closed one does, being open for the other direction.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Writes all of the bytes.
    ///
    /// - Returns: nil, or the system's words for what stopped it.
    static func write(_ bytes: some Sequence<UInt8>, to descriptor: Int32) -> String? {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return String(cString: strerror(errno)) }
            rest = rest.dropFirst(count)
        }
        return nil
    }
}

extension SpeechError {
    /// What was asked for does not reach whoever asked.
    ///
    /// - Parameters:
    ///   - what: which was to be written, as the subject of a sentence.
    ///   - path: of the file; nil is standard output.
    ///   - reason: in the system's words.
    static func unwritten(_ what: String, to path: String?, reason: String) -> SpeechError {
        SpeechError(
            .inputOutput,
            "\(what) could not be written to \(path.map { "'\($0)'" } ?? "standard output"): \(reason).",
            remedy: "Check the disk, or whether the program that reads it has ended.")
    }
}
