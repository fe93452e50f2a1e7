import Foundation

/// An advisory lock on a file of its own (`flock`), the same that the hub's Python tools take on Unix. The system
/// lets go of it when the process ends, however it ends.
struct FileLock: ~Copyable {
    private let descriptor: Int32

    /// Waits until the lock is ours, looking again five times a second.
    ///
    /// - Throws: `file`, `cancelled`.
    static func acquire(_ file: URL) async throws(HubError) -> FileLock {
        let descriptor = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .file(path: file.path, detail: String(cString: strerror(errno)))
        }
        let lock = FileLock(descriptor: descriptor)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw .file(path: file.path, detail: String(cString: strerror(errno)))
            }
            do { try await Task.sleep(for: .milliseconds(200)) } catch { throw .cancelled }
        }
        return lock
    }

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }
}
