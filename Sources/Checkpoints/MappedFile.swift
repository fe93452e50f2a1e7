#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file mapped read-only into memory, for as long as this object lives.
///
/// Pages are read when they are touched. Should another process cut the file short meanwhile, touching a page
/// past its new end raises SIGBUS, as for any mapping; files are therefore replaced by renaming, never in place.
package final class MappedFile: Sendable {
    /// The path, as given.
    package let path: String
    /// The whole file.
    // SAFETY: the memory is mapped without write permission and is unmapped only in `deinit`.
    nonisolated(unsafe) package let bytes: UnsafeRawBufferPointer
    // SAFETY: as above; this is the mapping that `bytes` lies in.
    nonisolated(unsafe) private let mapping: UnsafeMutableRawBufferPointer

    /// Whether this is a file on disk, and not a copy in memory.
    package let isFileBacked: Bool

    /// Maps the regular file at `path`.
    ///
    /// Throws `missingFile`, `notAFile`, `emptyFile`, `changed` or `system`.
    package init(path: String) throws(CheckpointError) {
        // Without O_NONBLOCK, opening a pipe would wait for a writer before we could refuse it.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw errno == ENOENT
                ? .missingFile(path: path) : .system(path: path, operation: "open", code: errno)
        }
        defer { close(descriptor) }
        let size = try MappedFile.size(of: descriptor, path)
        let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw .system(path: path, operation: "map", code: errno)
        }
        guard try MappedFile.size(of: descriptor, path) == size else {
            munmap(address, size)
            throw .changed(path: path)
        }
        self.path = path
        isFileBacked = true
        mapping = UnsafeMutableRawBufferPointer(start: address, count: size)
        bytes = UnsafeRawBufferPointer(mapping)
    }

    /// A file that exists only in memory, under a name used in errors.
    ///
    /// The bytes end where a page without access begins, so reading one byte too many ends the program.
    package init(copying contents: [UInt8], named path: String) throws(CheckpointError) {
        guard !contents.isEmpty else { throw .emptyFile(path: path) }
        let page = Int(getpagesize())
        let body = (contents.count + page - 1) / page * page
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        let address = mmap(nil, body + page, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let address, address != MAP_FAILED else {
            throw .system(path: path, operation: "map", code: errno)
        }
        let start = address + (body - contents.count)
        UnsafeMutableRawBufferPointer(start: start, count: contents.count).copyBytes(from: contents)
        guard mprotect(address, body, PROT_READ) == 0, mprotect(address + body, page, PROT_NONE) == 0 else {
            let code = errno
            munmap(address, body + page)
            throw .system(path: path, operation: "protect", code: code)
        }
        self.path = path
        isFileBacked = false
        mapping = UnsafeMutableRawBufferPointer(start: address, count: body + page)
        bytes = UnsafeRawBufferPointer(start: start, count: contents.count)
    }

    deinit {
        munmap(mapping.baseAddress, mapping.count)
    }

    private static func size(of descriptor: Int32, _ path: String) throws(CheckpointError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .system(path: path, operation: "inspect", code: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path: path) }
        guard status.st_size > 0 else { throw .emptyFile(path: path) }
        return Int(status.st_size)
    }

    /// The bytes of `range`, which must lie inside the file.
    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    /// The range of `count` bytes at `start` plus `offset`, or nil if any of it lies outside the file.
    func range(from start: Int = 0, offset: UInt64, count: Int) -> Range<Int>? {
        guard let offset = Int(exactly: offset) else { return nil }
        let (lower, lowerOverflow) = start.addingReportingOverflow(offset)
        let (upper, upperOverflow) = lower.addingReportingOverflow(count)
        guard !lowerOverflow, !upperOverflow, start >= 0, count >= 0, upper <= bytes.count else { return nil }
        return lower..<upper
    }
}

/// Memory that holds a tensor that the file does not store in row-major order.
final class OwnedBytes: Sendable {
    // SAFETY: written only before the first `StoredTensor` is made of it, and freed only in `deinit`.
    nonisolated(unsafe) let memory: UnsafeMutableRawBufferPointer

    /// Room for `count` bytes, on a cache line.
    init(count: Int) {
        memory = .allocate(byteCount: count, alignment: 64)
    }

    deinit {
        memory.deallocate()
    }
}
