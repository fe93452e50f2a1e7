package import Foundation

/// One repository in the hub's cache, laid out as the hub's own tools lay it out: `blobs/<hash>` holds the bytes,
/// `snapshots/<commit>/<path>` are links to them, and `refs/<revision>` names a commit.
package struct CacheFolder: Sendable {
    /// `models--organisation--name`.
    package let root: URL
    /// Where locks are, beside the repositories.
    let locks: URL

    package init(cache: URL, repository: String) {
        let name = "models--" + repository.replacingOccurrences(of: "/", with: "--")
        root = cache.appendingPathComponent(name, isDirectory: true)
        locks = cache.appendingPathComponent(".locks/\(name)", isDirectory: true)
    }

    /// The repository a folder of the cache is of, or nil.
    static func repository(ofFolder name: String) -> String? {
        guard name.hasPrefix("models--") else { return nil }
        let repository = name.dropFirst(8).replacingOccurrences(of: "--", with: "/")
        return HubModel.isRepository(repository) ? repository : nil
    }

    func blob(_ hash: String) -> URL { root.appendingPathComponent("blobs/\(hash)") }

    /// Bytes that are still coming, under the name by which other tools would go on with them.
    package func incomplete(_ hash: String) -> URL { root.appendingPathComponent("blobs/\(hash).incomplete") }

    func lock(_ hash: String) -> URL { locks.appendingPathComponent("\(hash).lock") }

    func snapshot(_ commit: String) -> URL {
        root.appendingPathComponent("snapshots/\(commit)", isDirectory: true)
    }

    /// Makes the folders that files go into.
    package func prepare() throws(HubError) {
        for folder in [root.appendingPathComponent("blobs"), locks] { try Self.make(folder) }
    }

    /// Size of a file in bytes, or nil where there is none. Links are followed.
    static func size(_ file: URL) -> Int64? {
        let real = file.resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: real),
            attributes[.type] as? FileAttributeType == .typeRegular
        else { return nil }
        return (attributes[.size] as? NSNumber)?.int64Value
    }

    /// Names the blobs by their paths in a commit, then the commit by its revision: in that order, so that a snapshot
    /// that is named is whole.
    func publish(_ listing: RemoteListing, revision: String) throws(HubError) -> URL {
        let snapshot = snapshot(listing.commit)
        for file in listing.files { try link(file, in: snapshot) }
        if revision != listing.commit {
            let reference = root.appendingPathComponent("refs/\(revision)")
            try Self.make(reference.deletingLastPathComponent())
            try Self.attempt(reference) {
                try Data(listing.commit.utf8).write(to: reference, options: .atomic)
            }
        }
        return snapshot
    }

    private func link(_ file: RemoteFile, in snapshot: URL) throws(HubError) {
        let link = snapshot.appendingPathComponent(file.path)
        let ups = file.path.split(separator: "/").count + 1
        let target = String(repeating: "../", count: ups) + "blobs/\(file.hash)"
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: link.path)) == target { return }
        try Self.make(link.deletingLastPathComponent())
        // Made beside and renamed over, so that a reader finds the old or the new and never nothing.
        let fresh = link.deletingLastPathComponent().appendingPathComponent(".\(UUID().uuidString)")
        try Self.attempt(link) {
            try FileManager.default.createSymbolicLink(atPath: fresh.path, withDestinationPath: target)
        }
        try Self.rename(fresh, to: link)
    }

    /// The commit a revision names here, or nil.
    func commit(of revision: String) -> String? {
        let reference = root.appendingPathComponent("refs/\(revision)")
        guard let text = try? String(contentsOf: reference, encoding: .utf8) else {
            return FileManager.default.fileExists(atPath: snapshot(revision).path) ? revision : nil
        }
        let commit = text.trimmingCharacters(in: .whitespacesAndNewlines)
        return HubModel.isRevision(commit) && !commit.contains("/") ? commit : nil
    }

    /// Renames in one step, over what may be there.
    static func rename(_ file: URL, to other: URL) throws(HubError) {
        guard Foundation.rename(file.path, other.path) == 0 else {
            throw .file(path: other.path, detail: String(cString: strerror(errno)))
        }
    }

    static func make(_ folder: URL) throws(HubError) {
        try attempt(folder) {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
    }

    /// Runs what Foundation throws from, as an error about a path.
    static func attempt<T>(_ path: URL, _ body: () throws -> T) throws(HubError) -> T {
        do {
            return try body()
        } catch {
            let detail = (error as? CocoaError)?.localizedDescription ?? error.localizedDescription
            throw .file(path: path.path, detail: detail)
        }
    }
}
