import Foundation
package import SpeechCore

/// Writes a sound file in pieces: beside its place first, and into its place when it is complete.
///
/// Until `finish`, what stood at the path stands. Whatever ends it sooner (an error, `cancel`, letting go of it)
/// leaves nothing behind. Not `Sendable`.
package final class AudioFileWriter {
    /// Where the file will be, links followed.
    package let path: String
    /// What it is.
    package let format: SoundFormat
    private let temporary: String
    private var descriptor: Int32 = -1
    private var encoder: LibAVEncoder?

    /// A file of mono sound at `sampleRate`.
    package init(
        path: String, format: SoundFormat, sampleRate: Int, options: EncodingOptions = EncodingOptions()
    ) throws(AudioFileError) {
        self.format = format
        self.path = try Self.destination(path)
        // Beside its place, for only within one file system is a rename one step.
        temporary = Self.folder(of: self.path) + ".\(UInt64.random(in: 0...UInt64.max)).part"
        descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .unwritable(path: path, reason: systemReason(errno)) }
        do {
            encoder = try LibAVEncoder(
                format, sampleRate: sampleRate, sink: ByteSink(.file(descriptor)), isStreamed: false,
                options: options)
        } catch {
            throw abandoning(error)
        }
    }

    deinit { cancel() }

    /// Appends samples.
    package func write(_ samples: [Float]) throws(AudioFileError) {
        precondition(encoder != nil, "nothing is written to a file that is finished or given up")
        do {
            _ = try encoder?.encode(samples)
        } catch {
            throw abandoning(error)
        }
    }

    /// Completes the file and puts it in its place.
    package func finish() throws(AudioFileError) {
        precondition(encoder != nil, "a file that is finished or given up is not finished again")
        do {
            _ = try encoder?.finish()
        } catch {
            throw abandoning(error)
        }
        encoder = nil
        // A file system may tell only now that it is full.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw abandoning(.unwritable(path: path, reason: systemReason(errno)))
        }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0, rename(temporary, path) == 0 else {
            let reason = systemReason(errno)
            unlink(temporary)
            throw .unwritable(path: path, reason: reason)
        }
    }

    /// Gives up; nothing is left, and what stood at the path stands. Does nothing after `finish`.
    package func cancel() {
        encoder = nil
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        unlink(temporary)
    }

    private func abandoning(_ error: AudioFileError) -> AudioFileError {
        cancel()
        if case .unwritable(_, let reason) = error { return .unwritable(path: path, reason: reason) }
        return error
    }

    /// Follows links, and refuses to put a file in the place of a folder or a device.
    private static func destination(_ path: String) throws(AudioFileError) -> String {
        guard !path.isEmpty, !path.utf8.contains(0), path.utf8.last != UInt8(ascii: "/") else {
            throw .notAFile(path: path)
        }
        var facts = stat()
        guard stat(path, &facts) == 0 else { return path }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path: path) }
        guard let resolved = realpath(path, nil) else {
            throw .unwritable(path: path, reason: systemReason(errno))
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The folder with its slash; empty for the current one.
    private static func folder(of path: String) -> Substring {
        path.lastIndex(of: "/").map { path[...$0] } ?? ""
    }
}
