import CLibAV
import Foundation

/// The bytes a demuxer reads: a plain file or memory, never an address.
final class ByteSource {
    private enum Storage {
        case file(Int32)
        case memory([UInt8])
    }

    private let storage: Storage
    /// Bytes in all.
    let count: Int
    private var offset = 0
    /// The first failure of the system to read, as an errno.
    private(set) var failure: Int32?

    init(_ bytes: [UInt8]) {
        storage = .memory(bytes)
        count = bytes.count
    }

    /// Opens a plain file, following links; a pipe or a device could block or never end, so those are refused.
    init(path: String) throws(AudioFileError) {
        guard !path.utf8.contains(0) else { throw .missingFile(path: path) }
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw .missingFile(path: path) }
            throw .unreadable(path: path, reason: systemReason(errno))
        }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .notAFile(path: path)
        }
        storage = .file(descriptor)
        count = Int(facts.st_size)
    }

    deinit {
        if case .file(let descriptor) = storage { close(descriptor) }
    }

    /// Copies up to `capacity` bytes; libav's end-of-file or errno form below zero.
    func read(into target: UnsafeMutablePointer<UInt8>, capacity: Int) -> Int32 {
        switch storage {
        case .memory(let bytes):
            let taken = min(capacity, bytes.count - offset)
            guard taken > 0 else { return mynah_av_eof() }
            bytes.withUnsafeBufferPointer { source in
                guard let base = source.baseAddress else { return }
                target.update(from: base + offset, count: taken)
            }
            offset += taken
            return Int32(taken)
        case .file(let descriptor):
            let taken = pread(descriptor, target, capacity, off_t(offset))
            guard taken >= 0 else {
                failure = failure ?? errno
                return mynah_av_error(errno)
            }
            offset += taken
            return taken == 0 ? mynah_av_eof() : Int32(taken)
        }
    }

    /// Bytes at an offset, without moving; nil when they are not all there.
    func bytes(at start: Int, count wanted: Int) -> [UInt8]? {
        guard start >= 0, wanted >= 0, start <= count - wanted else { return nil }
        switch storage {
        case .memory(let bytes):
            return Array(bytes[start..<start + wanted])
        case .file(let descriptor):
            var bytes = [UInt8](repeating: 0, count: wanted)
            return pread(descriptor, &bytes, wanted, off_t(start)) == wanted ? bytes : nil
        }
    }

    /// Moves as `lseek` does, or tells the size when `whence` is `AVSEEK_SIZE`.
    func seek(to target: Int64, whence: Int32) -> Int64 {
        let base: Int
        switch whence & ~Int32(AVSEEK_FORCE) {
        case Int32(AVSEEK_SIZE): return Int64(count)
        case SEEK_SET: base = 0
        case SEEK_CUR: base = offset
        case SEEK_END: base = count
        default: return Int64(mynah_av_error(EINVAL))
        }
        let (sum, overflow) = base.addingReportingOverflow(Int(target))
        guard !overflow, (0...count).contains(sum) else { return Int64(mynah_av_error(EINVAL)) }
        offset = sum
        return Int64(sum)
    }
}
