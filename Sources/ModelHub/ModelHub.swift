package import Foundation

/// Models of the hub, on this machine's cache: the same folders that the hub's own tools use, either way.
package struct ModelHub: Sendable {
    let settings: HubSettings
    let pace: PullPace

    /// A hub as these variables describe it (see `HubSettings`).
    package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.init(environment: environment, pace: PullPace())
    }

    /// A hub asked at another pace, as tests do.
    package init(environment: [String: String], pace: PullPace) {
        settings = HubSettings(environment: environment)
        self.pace = pace
    }

    /// The folder that holds every repository.
    package var cache: URL { settings.cache }

    /// Fetches what is missing of a model, and returns its snapshot's folder. What came before an interruption is
    /// kept and gone on with. With `HF_HUB_OFFLINE` set, only looks. What is published apart, its tokenizer, is fetched
    /// into its own repository's folder.
    package func pull(
        _ model: HubModel, progress: @escaping @Sendable (PullProgress) -> Void = { _ in }
    ) async throws(HubError) -> URL {
        if settings.isOffline {
            guard let snapshot = snapshot(of: model) else { throw .offline(repository: model.repository) }
            return snapshot
        }
        let client = try HubClient(settings)
        defer { client.close() }
        // First, being small: what fails for want of a name or a permission fails at once.
        if let tokenizer = model.tokenizerFiles {
            let tables = SnapshotCheck(try await fetch(tokenizer, client, progress))
            guard tables.has(tokenizer.required) else {
                throw .notFound(repository: tokenizer.repository, file: tokenizer.required[0])
            }
        }
        return try await fetch(model, client, progress)
    }

    private func fetch(
        _ model: HubModel, _ client: HubClient, _ progress: @escaping @Sendable (PullProgress) -> Void
    ) async throws(HubError) -> URL {
        let listing = try await patiently { () async throws(HubError) in try await client.listing(of: model) }
        let folder = CacheFolder(cache: settings.cache, repository: model.repository)
        try folder.prepare()
        let meter = PullMeter(total: try total(of: listing), report: progress)
        try checkSpace(for: listing, in: folder)
        for file in listing.files {
            let download = BlobDownload(
                file: file, model: model, commit: listing.commit, folder: folder, pace: pace)
            try await download.run(client, meter)
        }
        return try folder.publish(listing, revision: model.revision)
    }

    /// The folder of a whole snapshot of a model on this machine, or nil. Asks nobody.
    package func snapshot(of model: HubModel) -> URL? {
        let folder = CacheFolder(cache: settings.cache, repository: model.repository)
        guard let commit = folder.commit(of: model.revision) else { return nil }
        let snapshot = folder.snapshot(commit)
        let check = SnapshotCheck(snapshot)
        guard check.isWhole(requiring: model.required),
            check.hasTokenizer || model.tokenizerFiles.map({ self.tokenizer($0) != nil }) ?? true
        else { return nil }
        return snapshot
    }

    /// The folder of the tokenizer that a model is published without; nil where it has its own, or there is none.
    package func tokenizer(of model: HubModel) -> URL? {
        model.tokenizerFiles.flatMap { tokenizer($0) }
    }

    private func tokenizer(_ files: HubModel) -> URL? {
        let folder = CacheFolder(cache: settings.cache, repository: files.repository)
        guard let commit = folder.commit(of: files.revision) else { return nil }
        let snapshot = folder.snapshot(commit)
        return SnapshotCheck(snapshot).has(files.required) ? snapshot : nil
    }

    /// The folder of a whole snapshot of a short name or repository on this machine, or nil. Asks nobody.
    package func snapshot(of name: String) -> URL? {
        (try? HubModel(name)).flatMap { snapshot(of: $0) }
    }

    /// The bytes of every file, blobs that two files share counted twice.
    private func total(of listing: RemoteListing) throws(HubError) -> Int64 {
        var total: Int64 = 0
        for file in listing.files {
            let (sum, overflow) = total.addingReportingOverflow(file.size)
            guard !overflow else { throw .malformedAnswer("sizes beyond counting") }
            total = sum
        }
        return total
    }

    /// Refuses to begin what cannot be finished.
    private func checkSpace(for listing: RemoteListing, in folder: CacheFolder) throws(HubError) {
        var needed: Int64 = 0
        for file in listing.files where CacheFolder.size(folder.blob(file.hash)) != file.size {
            needed += max(0, file.size - (CacheFolder.size(folder.incomplete(file.hash)) ?? 0))
        }
        guard needed > 0, let available = DiskSpace.free(at: folder.root) else { return }
        // Links, references and the file system's own books.
        let reserve: Int64 = 16_000_000
        if needed > available - reserve {
            throw .diskFull(needed: needed, available: available, folder: settings.cache.path)
        }
    }

    /// Runs a request again while it fails for reasons that pass.
    private func patiently<T: Sendable>(
        _ body: () async throws(HubError) -> T
    ) async throws(HubError) -> T {
        var patience = Patience(first: pace.backoff)
        while true {
            do {
                return try await body()
            } catch {
                try await patience.wait(after: error)
            }
        }
    }
}

/// How a hub is asked.
package struct PullPace: Sendable {
    /// The wait before the second attempt; it doubles for each after.
    let backoff: Duration
    /// Most bytes asked for at once. URLSession hands on what arrives without waiting for it to be written, so on a
    /// disk slower than the network this is what memory may have to hold.
    let segment: Int64

    /// A pace; what is not given suits the hub.
    package init(backoff: Duration = .seconds(1), segment: Int64 = 256 << 20) {
        precondition(segment > 0, "a segment has bytes, not \(segment)")
        (self.backoff, self.segment) = (backoff, segment)
    }
}

/// How often and how long to wait between attempts.
struct Patience {
    private let first: Duration
    private var attempts = 0
    private static let limit = 5
    /// Longer than this a server may not make us wait in one go.
    private static let longest = 120

    init(first: Duration) { self.first = first }

    /// Something arrived: what failed so far no longer counts.
    mutating func renew() { attempts = 0 }

    /// Waits before the next attempt: what the server asked for, or twice as long each time.
    ///
    /// - Throws: `error` itself when it will not pass or has come too often, and `cancelled`.
    mutating func wait(
        after error: HubError, _ tell: (Double) -> Void = { _ in }
    ) async throws(HubError) {
        attempts += 1
        guard error.isPassing, attempts < Self.limit else { throw error }
        var pause = first * (1 << (attempts - 1))
        if case .server(_, _, let seconds?) = error { pause = .seconds(min(max(seconds, 0), Self.longest)) }
        tell(pause / .seconds(1))
        do { try await Task.sleep(for: pause) } catch { throw .cancelled }
    }
}
