package import Foundation

/// A model found whole in the cache.
package struct InstalledModel: Sendable, Equatable {
    /// `organisation/name`.
    package let repository: String
    /// The catalogue's short names for it; none for others.
    package let names: [String]
    /// The commit.
    package let commit: String
    /// The folder to load it from.
    package let snapshot: URL
    /// The folder of its tokenizer, where that is another's.
    package let tokenizer: URL?
    /// What the snapshot's files take on disk, in bytes.
    package let bytes: Int64
}

extension ModelHub {
    /// The models whose `main` snapshot is whole, by name. Repositories of other kinds are left out.
    package func installed() -> [InstalledModel] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: settings.cache.path)) ?? []
        return names.sorted().compactMap { name in
            guard let repository = CacheFolder.repository(ofFolder: name),
                let model = try? HubModel(repository), let snapshot = snapshot(of: model)
            else { return nil }
            return InstalledModel(
                repository: repository,
                names: HubModel.catalogue.filter { $0.repository == repository }.map(\.name),
                commit: snapshot.lastPathComponent, snapshot: snapshot, tokenizer: tokenizer(of: model),
                bytes: SnapshotCheck(snapshot).files.reduce(0) { $0 + ($1.size ?? 0) })
        }
    }

    /// Deletes every revision of a model, and returns the bytes that were freed; 0 where there was none.
    package func remove(_ model: HubModel) throws(HubError) -> Int64 {
        let folder = CacheFolder(cache: settings.cache, repository: model.repository)
        guard FileManager.default.fileExists(atPath: folder.root.path) else { return 0 }
        let blobs = folder.root.appendingPathComponent("blobs")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: blobs.path)) ?? []
        let bytes = names.reduce(Int64(0)) { sum, name in
            sum + (CacheFolder.size(blobs.appendingPathComponent(name)) ?? 0)
        }
        try CacheFolder.attempt(folder.root) { try FileManager.default.removeItem(at: folder.root) }
        try? FileManager.default.removeItem(at: folder.locks)
        return bytes
    }
}

/// What a snapshot's folder holds, looked at without opening weights.
struct SnapshotCheck {
    /// Paths relative to the snapshot, and sizes; nil where a link leads nowhere.
    let files: [(path: String, size: Int64?)]
    private let snapshot: URL

    init(_ snapshot: URL) {
        self.snapshot = snapshot
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: snapshot.path)) ?? []
        files = paths.compactMap { path in
            let url = snapshot.appendingPathComponent(path)
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
            return exists && isFolder.boolValue ? nil : (path, CacheFolder.size(url))
        }
    }

    /// Whether it can be loaded: a configuration and weights, every shard that an index names, what the catalogue
    /// requires, and no link to bytes that are not there. Another tool links files as they come, so a snapshot may
    /// well be part of one.
    func isWhole(requiring required: [String]) -> Bool {
        let present = Set(files.filter { $0.size != nil }.map(\.path))
        guard present.count == files.count, present.contains("config.json"),
            present.contains(where: { $0.hasSuffix(".safetensors") && !$0.contains("/") }),
            required.allSatisfy(present.contains)
        else { return false }
        return present.filter { $0.hasSuffix(".safetensors.index.json") }.allSatisfy { index in
            let folder = index.split(separator: "/").dropLast().map { "\($0)/" }.joined()
            return shards(of: index)?.allSatisfy { present.contains(folder + $0) } ?? false
        }
    }

    /// Whether all these files are there.
    func has(_ required: [String]) -> Bool {
        let present = Set(files.filter { $0.size != nil }.map(\.path))
        return required.allSatisfy(present.contains)
    }

    /// Whether a tokenizer is among the files.
    var hasTokenizer: Bool { files.contains { $0.size != nil && HubModel.isTokenizer($0.path) } }

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    private struct ShardIndex: Decodable {
        let weightMap: [String: String]
    }

    private func shards(of index: String) -> Set<String>? {
        guard let data = try? Data(contentsOf: snapshot.appendingPathComponent(index)),
            let decoded = try? Self.decoder.decode(ShardIndex.self, from: data)
        else { return nil }
        return Set(decoded.weightMap.values)
    }
}
