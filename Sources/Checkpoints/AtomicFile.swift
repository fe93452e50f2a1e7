#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file that appears under its name complete or not at all.
///
/// Bytes go to a new file beside it, which is flushed to the disk and renamed by `commit`, and removed if that
/// never comes.
struct AtomicFile: ~Copyable {
    private let path: String
    private let temporary: String
    private let descriptor: Int32
    private var isCommitted = false
    /// The bytes written so far.
    private(set) var count = 0

    init(path: String) throws(CheckpointError) {
        self.path = path
        temporary = "\(path).\(UInt64.random(in: 0 ... .max)).partial"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(path: path, operation: "create", code: errno) }
    }

    deinit {
        close(descriptor)
        if !isCommitted { unlink(temporary) }
    }

    /// Appends `bytes`.
    mutating func write(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            #if canImport(Darwin)
                let written = Darwin.write(descriptor, piece.baseAddress, min(piece.count, 1 << 30))
            #elseif canImport(Glibc)
                let written = Glibc.write(descriptor, piece.baseAddress, min(piece.count, 1 << 30))
            #else
                let written = Musl.write(descriptor, piece.baseAddress, min(piece.count, 1 << 30))
            #endif
            guard written > 0 else {
                if errno == EINTR { continue }
                throw .system(path: path, operation: "write", code: errno)
            }
            rest = rest.dropFirst(written)
        }
        count += bytes.count
    }

    /// Appends `bytes`.
    mutating func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    /// Gives the file its name, replacing what had it.
    consuming func commit() throws(CheckpointError) {
        guard fsync(descriptor) == 0 else { throw .system(path: path, operation: "flush", code: errno) }
        guard rename(temporary, path) == 0 else {
            throw .system(path: path, operation: "rename", code: errno)
        }
        isCommitted = true
        // The new name is in the folder, which is flushed apart from the file.
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let handle = open(folder, O_RDONLY | O_CLOEXEC)
        guard handle >= 0 else { return }
        fsync(handle)
        close(handle)
    }
}
