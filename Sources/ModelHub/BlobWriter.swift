import Foundation
import Synchronization

/// Writes a file's bytes to the end of what came before, or from the start where the server ignored the range.
final class BlobWriter: BodySink {
    private let file: RemoteFile
    private let url: URL
    private let meter: PullMeter
    private let state: Mutex<State>

    private struct State {
        let handle: FileHandle
        var length: Int64
        var isBody = false
    }

    /// Opens the file for bytes from `offset` on, making it where it is not.
    init(_ file: RemoteFile, at url: URL, from offset: Int64, meter: PullMeter) throws(HubError) {
        let handle = try CacheFolder.attempt(url) {
            if !FileManager.default.fileExists(atPath: url.path) { try Data().write(to: url) }
            let handle = try FileHandle(forUpdating: url)
            try handle.seek(toOffset: UInt64(offset))
            return handle
        }
        (self.file, self.url, self.meter) = (file, url, meter)
        state = Mutex(State(handle: handle, length: offset))
    }

    /// Bytes on disk so far, those that were there before included.
    var length: Int64 { state.withLock { $0.length } }

    func close() { state.withLock { try? $0.handle.close() } }

    func begin(_ head: AnswerHead) throws(HubError) {
        let result: Result<Void, HubError> = state.withLock { state in
            state.isBody = head.status == 200 || head.status == 206
            let start = Self.start(of: head)
            guard state.isBody, start != state.length else { return .success(()) }
            guard start == 0 else { return .failure(.malformedAnswer("a range that was not asked for")) }
            return Self.captured(url, needed: file.size) {
                try state.handle.truncate(atOffset: 0)
                try state.handle.seek(toOffset: 0)
                state.length = 0
            }
        }
        try result.get()
        meter.set(file.path, to: length)
    }

    func receive(_ bytes: Data) throws(HubError) {
        let result: Result<Void, HubError> = state.withLock { state in
            guard state.isBody else { return .success(()) }
            guard state.length + Int64(bytes.count) <= file.size else {
                return .failure(.tooLong(file: file.path, expected: file.size))
            }
            return Self.captured(url, needed: file.size - state.length) {
                try state.handle.write(contentsOf: bytes)
                state.length += Int64(bytes.count)
            }
        }
        try result.get()
        meter.set(file.path, to: length)
    }

    /// Where an answer's bytes begin in the file: 0 unless `Content-Range` says otherwise.
    private static func start(of head: AnswerHead) -> Int64 {
        guard head.status == 206, let range = head["Content-Range"],
            let digits = range.split(separator: " ").last?.split(separator: "-").first
        else { return 0 }
        return Int64(digits) ?? 0
    }

    /// A failed write as what it means: a full disk by its numbers.
    private static func captured(
        _ url: URL, needed: Int64, _ body: () throws -> Void
    ) -> Result<Void, HubError> {
        do {
            try body()
            return .success(())
        } catch {
            if errno == ENOSPC || (error as? CocoaError)?.code == .fileWriteOutOfSpace {
                let folder = url.deletingLastPathComponent()
                return .failure(
                    .diskFull(needed: needed, available: DiskSpace.free(at: folder) ?? 0, folder: folder.path)
                )
            }
            return .failure(.file(path: url.path, detail: error.localizedDescription))
        }
    }
}

/// What the file system has left.
enum DiskSpace {
    /// Bytes that may still be written at a folder, or nil where the system does not say.
    static func free(at folder: URL) -> Int64? {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder.path)
        return (attributes?[.systemFreeSize] as? NSNumber)?.int64Value
    }
}
