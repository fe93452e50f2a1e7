import Foundation

/// One file's way into the cache: locked, gone on with, verified, renamed.
struct BlobDownload {
    let file: RemoteFile
    let model: HubModel
    let commit: String
    let folder: CacheFolder
    let pace: PullPace

    /// Returns once the blob is whole, whether it came now or was there.
    func run(_ client: HubClient, _ meter: PullMeter) async throws(HubError) {
        let lock = try await FileLock.acquire(folder.lock(file.hash))
        defer { withExtendedLifetime(lock) {} }
        let blob = folder.blob(file.hash)
        if CacheFolder.size(blob) != file.size {
            try await complete(client, meter)
            try CacheFolder.rename(folder.incomplete(file.hash), to: blob)
        }
        meter.finish(file.path, size: file.size)
    }

    /// Leaves `.incomplete` whole and verified. Bytes that an earlier run left are given up once if they prove wrong.
    private func complete(_ client: HubClient, _ meter: PullMeter) async throws(HubError) {
        let partial = folder.incomplete(file.hash)
        let inherited = CacheFolder.size(partial) ?? 0
        try await transfer(client, meter)
        do {
            try await verify(partial, meter)
        } catch .hashMismatch where inherited > 0 {
            try await transfer(client, meter)
            try await verify(partial, meter)
        }
    }

    /// Brings `.incomplete` to its full length over as many requests as it takes.
    private func transfer(_ client: HubClient, _ meter: PullMeter) async throws(HubError) {
        let partial = folder.incomplete(file.hash)
        var patience = Patience(first: pace.backoff)
        var refusals = 0
        while true {
            var offset = CacheFolder.size(partial) ?? 0
            if offset > file.size { (offset, _) = (0, try? FileManager.default.removeItem(at: partial)) }
            let writer = try BlobWriter(file, at: partial, from: offset, meter: meter)
            defer { writer.close() }
            if offset == file.size { return meter.set(file.path, to: offset) }
            do throws(HubError) {
                let isServed = try await fetch(client, writer, from: offset)
                patience.renew()
                if isServed { continue }
                // No byte where ours end: ours are of another file, or the server's file is shorter than it said.
                try? FileManager.default.removeItem(at: partial)
                refusals += 1
                if refusals > 1 {
                    throw .tooShort(file: file.path, expected: file.size, actual: offset)
                }
            } catch {
                if writer.length > offset { patience.renew() }
                try await patience.wait(after: error) { meter.tell(.waiting(seconds: $0), file.path) }
            }
        }
    }

    /// One request. True if it brought every byte it asked for, false if the server refused the range.
    private func fetch(
        _ client: HubClient, _ writer: BlobWriter, from offset: Int64
    ) async throws(HubError) -> Bool {
        let end = offset + min(file.size - offset, pace.segment)
        let head = try await client.bytes(
            offset..<end, of: file, in: model.repository, commit: commit, into: writer)
        if head.status == 416 { return false }
        guard writer.length >= end else {
            throw .network(
                address: file.path, detail: "it broke off after \(writer.length) of \(file.size) bytes")
        }
        return true
    }

    /// Compares the bytes on disk with the hash in the listing; deletes them if it differs.
    private func verify(_ partial: URL, _ meter: PullMeter) async throws(HubError) {
        meter.tell(.verifying, file.path)
        let actual = try BlobHash.hash(of: partial, size: file.size, as: file.hash)
        guard actual == file.hash else {
            try? FileManager.default.removeItem(at: partial)
            throw .hashMismatch(file: file.path, expected: file.hash, actual: actual)
        }
    }
}

/// The hashes by which the hub names files.
enum BlobHash {
    /// The hash of a file on disk, of the kind that `name` is: SHA-256 of the content, or git's SHA-1 of a blob,
    /// which begins with the word, the size and a zero.
    static func hash(of file: URL, size: Int64, as name: String) throws(HubError) -> String {
        if name.count == 64 {
            var digest = MessageDigest<SHA256>()
            try read(file) { digest.update($0) }
            return digest.hexadecimal()
        }
        var digest = MessageDigest<SHA1>()
        digest.update(Array("blob \(size)\0".utf8))
        try read(file) { digest.update($0) }
        return digest.hexadecimal()
    }

    /// Reads in pieces of a megabyte, and stops if the task is cancelled.
    private static func read(_ file: URL, _ body: (UnsafeRawBufferPointer) -> Void) throws(HubError) {
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(path: file.path, detail: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { piece.deallocate() }
        while !Task.isCancelled {
            let count = Foundation.read(descriptor, piece.baseAddress, piece.count)
            if count == 0 { return }
            if count < 0 {
                if errno == EINTR { continue }
                throw .file(path: file.path, detail: String(cString: strerror(errno)))
            }
            body(UnsafeRawBufferPointer(rebasing: piece[..<count]))
        }
        throw .cancelled
    }
}
