import Foundation
import ModelHub
import SpeechCore
import Testing

/// What goes wrong on the way, and what becomes of it.
@Suite(.serialized) struct PullFailureTests {
    static let path = "cdn/model.safetensors"

    /// The hash and the bytes of the large file, by a pull of its own.
    private func reference() async throws -> (hash: String, bytes: Data) {
        let hub = try LocalHub()
        let file = try await hub.pull().appendingPathComponent("model.safetensors").resolvingSymlinksInPath()
        return (file.lastPathComponent, try Data(contentsOf: file))
    }

    private func weights(_ snapshot: URL) throws -> Data {
        try Data(contentsOf: snapshot.appendingPathComponent("model.safetensors"))
    }

    @Test func `a dropped connection is taken up where it broke off`() async throws {
        let hub = try LocalHub(
            more: #""faults": [{"path": "\#(Self.path)", "kind": "cut", "after": 100000}]"#)
        let snapshot = try await hub.pull()
        #expect(try await weights(snapshot) == reference().bytes)
        let ranges = try await hub.requests().filter { $0.server == "cdn" }.map(\.range)
        #expect(ranges == [nil, "bytes=100000-299999"])
    }

    @Test func `connections that drop for ever end in an error`() async throws {
        let faults = Array(repeating: #"{"path": "\#(Self.path)", "kind": "cut", "after": 0}"#, count: 9)
        let hub = try LocalHub(more: "\"faults\": [\(faults.joined(separator: ", "))]")
        guard case .network = try await hub.failure() else {
            Issue.record("a connection that never lasts went unnoticed")
            return
        }
        #expect(try await hub.requests().filter { $0.server == "cdn" }.count == 5)
    }

    @Test func `what an earlier run left is gone on with`() async throws {
        let (hash, bytes) = try await reference()
        let hub = try LocalHub()
        try hub.leavePartial(bytes.prefix(250_000), of: hash)
        #expect(try weights(await hub.pull()) == bytes)
        #expect(
            try await hub.requests().filter { $0.server == "cdn" }.map(\.range) == ["bytes=250000-299999"])
        #expect(try !hub.blobs().contains { $0.hasSuffix(".incomplete") })
    }

    @Test func `a file that was complete but for its name is not fetched`() async throws {
        let (hash, bytes) = try await reference()
        let hub = try LocalHub()
        try hub.leavePartial(bytes, of: hash)
        #expect(try weights(await hub.pull()) == bytes)
        #expect(try await hub.requests().filter { $0.server == "cdn" }.isEmpty)
    }

    @Test func `a server that ignores the range is read from the start`() async throws {
        let (hash, bytes) = try await reference()
        let hub = try LocalHub(more: #""faults": [{"path": "\#(Self.path)", "kind": "ignore_range"}]"#)
        try hub.leavePartial(bytes.prefix(1000), of: hash)
        #expect(try weights(await hub.pull()) == bytes)
        #expect(try await hub.requests().filter { $0.server == "cdn" }.count == 1)
    }

    @Test func `a refused range starts over`() async throws {
        let (hash, bytes) = try await reference()
        let hub = try LocalHub(
            more: #""faults": [{"path": "\#(Self.path)", "kind": "status", "status": 416}]"#)
        try hub.leavePartial(bytes.prefix(1000), of: hash)
        #expect(try weights(await hub.pull()) == bytes)
        #expect(
            try await hub.requests().filter { $0.server == "cdn" }.map(\.range) == ["bytes=1000-299999", nil])
    }

    @Test func `wrong bytes of an earlier run are given up for the whole file`() async throws {
        let (hash, bytes) = try await reference()
        let hub = try LocalHub()
        try hub.leavePartial(Data(repeating: 7, count: 1000), of: hash)
        #expect(try weights(await hub.pull()) == bytes)
        #expect(
            try await hub.requests().filter { $0.server == "cdn" }.map(\.range) == ["bytes=1000-299999", nil])
    }

    @Test(arguments: [true, false])
    func `wrong bytes are refused and deleted`(large: Bool) async throws {
        let file = #"{"bytes": 1000, "large": \#(large), "lie": true}"#
        let hub = try LocalHub(files: ["config.json": LocalHub.config, "model.safetensors": file])
        guard case .hashMismatch("model.safetensors", let expected, let actual) = try await hub.failure()
        else {
            Issue.record("wrong bytes were taken")
            return
        }
        #expect(expected.count == (large ? 64 : 40) && actual.count == expected.count && actual != expected)
        #expect(try !hub.blobs().contains { $0.hasPrefix(expected) })
        #expect(hub.hub().snapshot(of: LocalHub.repository) == nil)
    }

    @Test func `more bytes than listed are refused`() async throws {
        let hub = try LocalHub(files: ["model.safetensors": #"{"bytes": 1000, "large": true, "claims": 10}"#])
        #expect(try await hub.failure() == .tooLong(file: "model.safetensors", expected: 10))
    }

    @Test func `fewer bytes than listed end in an error and not in endless attempts`() async throws {
        let hub = try LocalHub(files: ["model.safetensors": #"{"bytes": 10, "large": true, "claims": 1000}"#])
        #expect(
            try await hub.failure() == .tooShort(file: "model.safetensors", expected: 1000, actual: 10))
        #expect(try hub.blobs().isEmpty)
    }

    @Test func `a busy server is asked again after as long as it says`() async throws {
        let hub = try LocalHub(
            more: #""faults": [{"path": "main", "kind": "status", "status": 429, "retry_after": 1}]"#)
        let start = ContinuousClock.now
        _ = try await hub.pull()
        #expect(ContinuousClock.now - start >= .seconds(1))
    }

    @Test func `a server's own failure is tried five times and then told`() async throws {
        let faults = Array(repeating: #"{"path": "main", "kind": "status", "status": 503}"#, count: 9)
        let hub = try LocalHub(more: "\"faults\": [\(faults.joined(separator: ", "))]")
        guard case .server(503, _, nil) = try await hub.failure() else {
            Issue.record("503 was not told")
            return
        }
        #expect(try await hub.requests().count == 5)
    }

    @Test func `a refused token, a missing one, a licence and an unknown name are told apart`() async throws {
        let refused = try LocalHub(more: #""token": "right""#)
        #expect(
            try await refused.failure(["HF_TOKEN": "wrong"])
                == .unauthorised(repository: "acme/tiny", status: 401, sentToken: true))
        #expect(
            try await refused.failure()
                == .unauthorised(repository: "acme/tiny", status: 401, sentToken: false))
        let gated = try LocalHub(more: #""token": "right", "refusal": "GatedRepo""#)
        #expect(try await gated.failure() == .gated(repository: "acme/tiny"))
        let unknown = try LocalHub(more: #""token": "right", "refusal": "RepoNotFound""#)
        #expect(try await unknown.failure() == .notFound(repository: "acme/tiny", file: nil))
        await #expect(throws: HubError.notFound(repository: "acme/none", file: nil)) {
            try await unknown.hub(["HF_TOKEN": "right"]).pull(HubModel("acme/none"))
        }
    }

    @Test(arguments: [
        "../../escape.json", "/etc/passwd.json", "a//b.json", "a/./b.json", "..", "a\\\\b.json", "",
    ])
    func `a name that leads out of the snapshot is refused before anything is written`(name: String)
        async throws
    {
        let hub = try LocalHub(more: "\"listing\": [\"\(name)\"]")
        guard case .hostileFileName = try await hub.failure() else {
            Issue.record("'\(name)' was taken")
            return
        }
        #expect(!FileManager.default.fileExists(atPath: hub.folder.root.path))
    }

    @Test func `redirects end, and lead only to the web`() async throws {
        let loop = #"{"path": "main", "kind": "redirect", "to": "/api/models/acme/tiny/revision/main"}"#
        let endless = try LocalHub(
            more: "\"faults\": [\(Array(repeating: loop, count: 9).joined(separator: ", "))]")
        guard case .refusedRedirect = try await endless.failure() else {
            Issue.record("redirects were followed for ever")
            return
        }
        #expect(try await endless.requests().count == 6)
        let local = try LocalHub(
            more: #""faults": [{"path": "main", "kind": "redirect", "to": "file:///etc/passwd"}]"#)
        #expect(try await local.failure() == .refusedRedirect("file:///etc/passwd"))
    }

    @Test func `a model larger than the disk is refused with both numbers before it begins`() async throws {
        let file = #"{"bytes": 10, "large": true, "claims": 4000000000000000000}"#
        let hub = try LocalHub(files: ["model.safetensors": file])
        guard case .diskFull(4_000_000_000_000_000_000, let available, _) = try await hub.failure() else {
            Issue.record("the disk was thought larger than it is")
            return
        }
        #expect(available > 0)
        #expect(try await hub.requests().count == 1)
    }

    @Test func `an endpoint that is not there is a network error with its address`() async throws {
        let hub = try LocalHub()
        guard case .network(let address, _) = try await hub.failure(["HF_ENDPOINT": "http://127.0.0.1:1"])
        else {
            Issue.record("nobody answered, and nobody minded")
            return
        }
        #expect(address.hasPrefix("http://127.0.0.1:1/api/models/"))
        #expect(try await hub.failure(["HF_ENDPOINT": "hub"]) == .invalidEndpoint("hub"))
    }
}
