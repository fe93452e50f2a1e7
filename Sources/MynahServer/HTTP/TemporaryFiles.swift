import Foundation
import NIOCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Uploads on disk, in a folder of the server's own, within a quota.
final class TemporaryFiles: Sendable {
    private let folder: URL
    private let quota: Int
    private let used = Mutex(0)

    /// - Throws: an error of the file system.
    init(quota: Int) throws {
        self.quota = quota
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "mynah-\(RandomName.hexadecimal())", isDirectory: true)
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// A new file, empty.
    func make() throws -> Upload {
        let file = folder.appendingPathComponent(RandomName.hexadecimal())
        let descriptor = open(file.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw APIError.noRoom() }
        return Upload(file, descriptor, self)
    }

    fileprivate func reserve(_ count: Int) throws {
        let fits = used.withLock { used in
            guard used + count <= quota else { return false }
            used += count
            return true
        }
        guard fits else { throw APIError.noRoom() }
    }

    fileprivate func release(_ count: Int) { used.withLock { $0 -= count } }

    /// Bytes on disk now.
    var bytes: Int { used.withLock { $0 } }
}

/// A file that goes when nobody holds it.
final class Upload: Sendable {
    let file: URL
    private let owner: TemporaryFiles
    private let state: Mutex<(descriptor: Int32, count: Int)>

    fileprivate init(_ file: URL, _ descriptor: Int32, _ owner: TemporaryFiles) {
        (self.file, self.owner) = (file, owner)
        state = Mutex((descriptor, 0))
    }

    deinit {
        close()
        unlink(file.path)
        owner.release(count)
    }

    var count: Int { state.withLock { $0.count } }

    /// - Throws: `APIError` when the quota or the disk is full.
    func append(_ bytes: UnsafeRawBufferPointer) throws {
        try owner.reserve(bytes.count)
        let isWritten = state.withLock { state in
            state.count += bytes.count
            var done = 0
            while done < bytes.count {
                let count = write(state.descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
        guard isWritten else { throw APIError.noRoom() }
    }

    /// Nothing more will be written.
    func close() {
        state.withLock { state in
            if state.descriptor >= 0 { closeDescriptor(state.descriptor) }
            state.descriptor = -1
        }
    }

    /// Keeps what was uploaded.
    func copy(to place: URL) throws {
        close()
        try FileManager.default.copyItem(at: file, to: place)
    }
}

private func closeDescriptor(_ descriptor: Int32) {
    #if canImport(Glibc)
        _ = Glibc.close(descriptor)
    #else
        _ = Darwin.close(descriptor)
    #endif
}
