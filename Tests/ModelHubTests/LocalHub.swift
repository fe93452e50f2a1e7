import Foundation
import ModelHub
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A hub on this machine's loopback (`scripts/hub_test_server.py`) and an empty cache to pull into.
final class LocalHub {
    private let process = Process()
    private let ports: Ports
    let home: URL

    private struct Ports: Decodable {
        let hub: Int
        let cdn: Int
    }

    /// A request as the server saw it.
    struct Request: Decodable {
        let server: String
        let method: String
        let path: String
        let range: String?
        let authorization: String?
    }

    struct Failure: Error {}

    static let repository = "acme/tiny"
    static let config = #"{"text": "{\"model_type\": \"tiny\"}"}"#
    static let weights = #"{"bytes": 300000, "large": true}"#

    /// `files` are the JSON of the scenario's files, `more` further keys of the scenario.
    init(
        files: [String: String] = ["config.json": config, "model.safetensors": weights], more: String = ""
    ) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let script = folder.appendingPathComponent("../../scripts/hub_test_server.py").standardizedFileURL
        home = FileManager.default.temporaryDirectory.appendingPathComponent("hub-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script.path]
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        let list = files.map { "\"\($0)\": \($1)" }.joined(separator: ", ")
        let rest = more.isEmpty ? "" : ", \(more)"
        let scenario = "{\"repository\": \"\(Self.repository)\", \"files\": {\(list)}\(rest)}"
        try input.fileHandleForWriting.write(contentsOf: Data(scenario.utf8))
        try input.fileHandleForWriting.close()
        var line = Data()
        while !line.contains(UInt8(ascii: "\n")) {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw Failure() }
            line += more
        }
        ports = try JSONDecoder().decode(Ports.self, from: line)
    }

    deinit {
        process.terminate()
        try? FileManager.default.removeItem(at: home)
    }

    var cdn: String { "http://127.0.0.1:\(ports.cdn)" }

    var folder: CacheFolder {
        CacheFolder(cache: home.appendingPathComponent("hub"), repository: Self.repository)
    }

    func hub(_ more: [String: String] = [:], segment: Int64 = 1 << 30) -> ModelHub {
        var environment = [
            "HF_HOME": home.path, "HF_ENDPOINT": "http://127.0.0.1:\(ports.hub)", "HOME": home.path,
        ]
        environment.merge(more) { $1 }
        let pace = PullPace(backoff: .milliseconds(5), segment: segment)
        return ModelHub(environment: environment, pace: pace)
    }

    func pull(_ more: [String: String] = [:]) async throws -> URL {
        try await hub(more).pull(HubModel(Self.repository))
    }

    /// What the pull of the whole model throws.
    func failure(_ more: [String: String] = [:]) async throws -> HubError? {
        do {
            _ = try await pull(more)
            return nil
        } catch let error as HubError {
            return error
        }
    }

    /// The requests so far.
    func requests() async throws -> [Request] {
        guard let url = URL(string: "\(cdn)/_log") else { throw Failure() }
        return try JSONDecoder().decode([Request].self, from: await URLSession.shared.data(from: url).0)
    }

    /// The names in `blobs`.
    func blobs() throws -> [String] {
        try FileManager.default.contentsOfDirectory(
            atPath: folder.root.appendingPathComponent("blobs").path
        ).sorted()
    }

    /// Leaves bytes as an interrupted pull would.
    func leavePartial(_ bytes: Data, of hash: String) throws {
        try folder.prepare()
        try bytes.write(to: folder.incomplete(hash))
    }
}

/// A list that closures of other threads add to.
final class Record<Element: Sendable>: @unchecked Sendable {
    // SAFETY: every access is under the lock.
    private let lock = NSLock()
    private var elements: [Element] = []

    func append(_ element: Element) { lock.withLock { elements.append(element) } }
    var all: [Element] { lock.withLock { elements } }
}
