import Foundation
import ModelHub
import Testing

/// Pulls over the loopback.
@Suite(.serialized) struct PullTests {
    @Test func `a pull lays the cache out as the hub's own tools do`() async throws {
        let hub = try LocalHub(files: [
            "config.json": LocalHub.config, "model.safetensors": LocalHub.weights,
            "speech_tokenizer/model.safetensors": #"{"bytes": 5000, "seed": 2, "large": true}"#,
            "pytorch_model.bin": #"{"bytes": 10, "large": true}"#,
        ])
        let snapshot = try await hub.pull()
        let commit = snapshot.lastPathComponent
        #expect(commit.count == 40)
        let root = hub.folder.root
        #expect(root.path == hub.home.path + "/hub/models--acme--tiny")
        #expect(try String(contentsOf: root.appendingPathComponent("refs/main"), encoding: .utf8) == commit)
        let link = try FileManager.default.destinationOfSymbolicLink(
            atPath: snapshot.appendingPathComponent("speech_tokenizer/model.safetensors").path)
        #expect(link.hasPrefix("../../../blobs/"))
        #expect(try hub.blobs().map(\.count).sorted() == [40, 64, 64])
        let weights = try Data(contentsOf: snapshot.appendingPathComponent("model.safetensors"))
        #expect(weights.count == 300_000)
        #expect(!FileManager.default.fileExists(atPath: snapshot.path + "/pytorch_model.bin"))
        #expect(hub.hub().snapshot(of: LocalHub.repository)?.path == snapshot.path)
    }

    @Test func `a second pull fetches no file again`() async throws {
        let hub = try LocalHub()
        _ = try await hub.pull()
        let before = try await hub.requests().count
        _ = try await hub.pull()
        let requests = try await hub.requests()
        #expect(requests.dropFirst(before).map(\.path) == ["/api/models/acme/tiny/revision/main"])
    }

    @Test func `the token is shown to the hub and not to where it redirects`() async throws {
        let hub = try LocalHub(more: #""token": "hf_secret""#)
        _ = try await hub.pull(["HF_TOKEN": "hf_secret\n"])
        let requests = try await hub.requests()
        let onHub = requests.filter { $0.server == "hub" }
        #expect(onHub.count == 3 && onHub.allSatisfy { $0.authorization == "Bearer hf_secret" })
        let elsewhere = requests.filter { $0.server == "cdn" }
        #expect(elsewhere.count == 1 && elsewhere.allSatisfy { $0.authorization == nil })
    }

    @Test func `a listing without sizes and hashes is completed by asking for each file`() async throws {
        let hub = try LocalHub(more: #""bare": true"#)
        _ = try await hub.pull()
        #expect(try hub.blobs().map(\.count).sorted() == [40, 64])
        #expect(try await hub.requests().filter { $0.method == "HEAD" }.count == 2)
    }

    @Test func `a renamed repository is found under its old name`() async throws {
        let hub = try LocalHub(more: #""renamed": {"acme/older": "acme/tiny"}"#)
        let snapshot = try await hub.hub().pull(HubModel("acme/older"))
        #expect(snapshot.path.contains("models--acme--older"))
        #expect(FileManager.default.fileExists(atPath: snapshot.path + "/model.safetensors"))
    }

    @Test func `a large file is asked for in segments and is whole`() async throws {
        let hub = try LocalHub()
        let model = try HubModel(LocalHub.repository)
        _ = try await hub.hub(segment: 120_000).pull(model)
        let ranges = try await hub.requests().filter { $0.server == "cdn" }.map(\.range)
        #expect(ranges == ["bytes=0-119999", "bytes=120000-239999", "bytes=240000-299999"])
        #expect(hub.hub().snapshot(of: model) != nil)
    }

    @Test func `progress never goes back and ends at the whole`() async throws {
        let hub = try LocalHub()
        let record = Record<PullProgress>()
        _ = try await hub.hub().pull(HubModel(LocalHub.repository)) { record.append($0) }
        let done = record.all.map(\.bytesDone)
        #expect(done == done.sorted())
        let total = Int64(300_000 + #"{"model_type": "tiny"}"#.utf8.count)
        #expect(done.last == total)
        #expect(record.all.allSatisfy { $0.bytesTotal == total })
    }

    @Test func `two pulls at once fetch each file once`() async throws {
        let hub = try LocalHub(
            more: #""faults": [{"path": "cdn/model.safetensors", "kind": "slow", "seconds": 0.5}]"#)
        let (one, two) = (hub.hub(), hub.hub())
        let model = try HubModel(LocalHub.repository)
        async let first = one.pull(model)
        async let second = two.pull(model)
        let (a, b) = try await (first, second)
        #expect(a == b)
        #expect(try await hub.requests().filter { $0.server == "cdn" }.count == 1)
    }

    @Test func `a cancelled pull says so and keeps the cache clean`() async throws {
        let hub = try LocalHub(
            more: #""faults": [{"path": "cdn/model.safetensors", "kind": "slow", "seconds": 20}]"#)
        let one = hub.hub()
        let model = try HubModel(LocalHub.repository)
        let pull = Task { try await one.pull(model) }
        while try await !hub.requests().contains(where: { $0.server == "cdn" }) {
            try await Task.sleep(for: .milliseconds(20))
        }
        let start = ContinuousClock.now
        pull.cancel()
        await #expect(throws: HubError.cancelled) { try await pull.value }
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(one.snapshot(of: model) == nil)
    }

    @Test func `offline takes what is here and asks nobody`() async throws {
        let hub = try LocalHub()
        #expect(try await hub.failure(["HF_HUB_OFFLINE": "1"]) == .offline(repository: "acme/tiny"))
        let snapshot = try await hub.pull()
        let before = try await hub.requests().count
        #expect(try await hub.pull(["HF_HUB_OFFLINE": "1"]).path == snapshot.path)
        #expect(try await hub.requests().count == before)
    }

    @Test func `what is installed is listed, and removed with its bytes`() async throws {
        let hub = try LocalHub()
        #expect(hub.hub().installed().isEmpty)
        let snapshot = try await hub.pull()
        let installed = hub.hub().installed()
        #expect(installed.map(\.repository) == ["acme/tiny"])
        #expect(installed.first?.bytes == 300_022)
        #expect(installed.first?.commit == snapshot.lastPathComponent)
        #expect(try hub.hub().remove(HubModel("acme/tiny")) == 300_022)
        #expect(hub.hub().installed().isEmpty)
    }

    @Test func `a snapshot with a missing blob is not whole`() async throws {
        let hub = try LocalHub()
        let snapshot = try await hub.pull()
        let weights = snapshot.appendingPathComponent("model.safetensors").resolvingSymlinksInPath()
        try FileManager.default.removeItem(at: weights)
        #expect(hub.hub().snapshot(of: LocalHub.repository) == nil)
        #expect(try await hub.failure(["HF_HUB_OFFLINE": "1"]) == .offline(repository: "acme/tiny"))
    }

    @Test func `a snapshot without a shard its index names is not whole`() async throws {
        let index =
            #"{"text": "{\"weight_map\": {\"a\": \"model-1.safetensors\", \"b\": \"model-2.safetensors\"}}"}"#
        let files = [
            "config.json": LocalHub.config, "model-1.safetensors": LocalHub.weights,
            "model.safetensors.index.json": index,
        ]
        let hub = try LocalHub(files: files)
        _ = try await hub.pull()
        #expect(hub.hub().snapshot(of: LocalHub.repository) == nil)
        let whole = try LocalHub(files: files.merging(["model-2.safetensors": LocalHub.weights]) { $1 })
        _ = try await whole.pull()
        #expect(whole.hub().snapshot(of: LocalHub.repository) != nil)
    }
}
