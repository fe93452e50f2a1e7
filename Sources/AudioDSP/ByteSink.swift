import CLibAV
import Foundation

/// Where a muxer's bytes go.
final class ByteSink {
    enum Target {
        /// Bytes leave as they come and cannot be changed afterwards.
        case stream
        /// Bytes stay, and may be changed, until the end.
        case memory
        /// An open file, which is not closed here.
        case file(Int32)
    }

    private let target: Target
    private var bytes: [UInt8] = []
    private var offset = 0
    /// The first failure of the system to write, as an errno.
    private(set) var failure: Int32?

    init(_ target: Target) { self.target = target }

    /// Whether a header can be put right at the end.
    var isSeekable: Bool {
        if case .stream = target { return false }
        return true
    }

    /// What may leave now; of `memory`, nothing before the end.
    func drain(atEnd: Bool) -> [UInt8] {
        if case .memory = target, !atEnd { return [] }
        defer { bytes = [] }
        return bytes
    }

    /// Takes all of `count` bytes, or gives libav's form of an errno.
    func write(_ source: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
        switch target {
        case .stream:
            bytes.append(contentsOf: UnsafeBufferPointer(start: source, count: count))
        case .memory:
            let incoming = UnsafeBufferPointer(start: source, count: count)
            let end = min(offset + count, bytes.count)
            bytes.replaceSubrange(offset..<end, with: incoming)
            offset += count
        case .file(let descriptor):
            var done = 0
            while done < count {
                let written = pwrite(descriptor, source + done, count - done, off_t(offset + done))
                if written < 0, errno == EINTR { continue }
                guard written > 0 else {
                    failure = failure ?? errno
                    return mynah_av_error(errno)
                }
                done += written
            }
            offset += count
        }
        return Int32(count)
    }

    /// Moves within what was written, as `lseek` does, or tells its size when `whence` is `AVSEEK_SIZE`.
    func seek(to position: Int64, whence: Int32) -> Int64 {
        let size: Int
        switch target {
        case .stream: return Int64(mynah_av_error(ESPIPE))
        case .memory: size = bytes.count
        case .file(let descriptor): size = Int(lseek(descriptor, 0, SEEK_END))
        }
        let base: Int
        switch whence & ~Int32(AVSEEK_FORCE) {
        case Int32(AVSEEK_SIZE): return Int64(size)
        case SEEK_SET: base = 0
        case SEEK_CUR: base = offset
        case SEEK_END: base = size
        default: return Int64(mynah_av_error(EINVAL))
        }
        let (sum, overflow) = base.addingReportingOverflow(Int(position))
        guard !overflow, (0...size).contains(sum) else { return Int64(mynah_av_error(EINVAL)) }
        offset = sum
        return Int64(sum)
    }
}
