import Foundation
import ModelHub
import Testing

/// Models that are published without their tokenizer.
@Suite(.serialized) struct TokenizerTests {
    private static let files = [
        "config.json": LocalHub.config, "model.safetensors": LocalHub.weights,
        "vocab.json": #"{"text": "{}"}"#, "merges.txt": #"{"text": "a b"}"#,
    ]
    /// One repository under the names of the model and of the tokenizer's home.
    private static func alias(_ model: String, _ tokenizer: String) -> String {
        #""renamed": {"\#(model)": "acme/tiny", "\#(tokenizer)": "acme/tiny"}"#
    }

    @Test(arguments: [
        ("vibevoice-realtime-0.5b", "microsoft/VibeVoice-Realtime-0.5B", "Qwen/Qwen2.5-0.5B"),
        ("vibevoice-1.5b", "microsoft/VibeVoice-1.5B", "Qwen/Qwen2.5-1.5B"),
        ("vibevoice-asr-7b", "microsoft/VibeVoice-ASR", "Qwen/Qwen2.5-7B"),
    ])
    func `a pull fetches the tokenizer's two files and no more from where they are`(
        name: String, repository: String, home: String
    ) async throws {
        let hub = try LocalHub(files: Self.files, more: Self.alias(repository, home))
        let model = try HubModel(name)
        #expect(model.repository == repository && model.tokenizer == home)
        let snapshot = try await hub.hub().pull(model)
        #expect(snapshot.path.contains("models--" + repository.replacingOccurrences(of: "/", with: "--")))
        let cache = hub.home.appendingPathComponent("hub")
        let other = CacheFolder(cache: cache, repository: home).root.appendingPathComponent("snapshots")
        let commit = try #require(try FileManager.default.contentsOfDirectory(atPath: other.path).first)
        let names = try FileManager.default.contentsOfDirectory(atPath: other.path + "/" + commit)
        #expect(names.sorted() == ["merges.txt", "vocab.json"])
        #expect(hub.hub().installed().map(\.names) == [[name]], "the tokenizer's home is no model")
    }

    @Test func `a model whose tokenizer is elsewhere is whole with it and only then`() async throws {
        let (repository, home) = ("microsoft/VibeVoice-1.5B", "Qwen/Qwen2.5-1.5B")
        var files = Self.files
        let model = try HubModel("vibevoice-1.5b")
        // The model alone, as another program fetches it.
        for name in ["vocab.json", "merges.txt"] { files[name] = nil }
        let bare = try LocalHub(files: files, more: Self.alias(repository, home))
        await #expect(throws: HubError.notFound(repository: home, file: "vocab.json")) {
            try await bare.hub().pull(model)
        }
        _ = try await bare.hub().pull(HubModel(LocalHub.repository))
        #expect(bare.hub().tokenizer(of: model) == nil && bare.hub().snapshot(of: model) == nil)
        let hub = try LocalHub(files: Self.files, more: Self.alias(repository, home))
        let snapshot = try await hub.hub().pull(model)
        #expect(hub.hub().snapshot(of: model)?.path == snapshot.path)
        let tables = try #require(hub.hub().tokenizer(of: model))
        #expect(FileManager.default.fileExists(atPath: tables.path + "/vocab.json"))
    }
}
