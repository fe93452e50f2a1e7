import Checkpoints
import Foundation
import SpeechTesting
import Testing

private let presets = PublishedPresets.folder

@Suite struct TorchTests {
    @Test(arguments: [
        "types.pt", "nested2.pt", "nested3.pt", "nested4.pt", "nested5.pt", "views.pt", "bare.pt",
        "preset.pt",
        "restored.pt",
    ])
    func `an archive of torch holds the tensors that torch says`(_ name: String) throws {
        let file = try CheckpointFile(path: fixturePath(name))
        #expect(file.format == .pytorch)
        try expectSame(file, expectedTensors(of: name))
    }

    @Test(arguments: 2...5) func `values beside tensors keep kind and order`(_ version: Int) throws {
        let root = try PickleArchive(path: fixturePath("nested\(version).pt")).root
        guard case .dictionary(let entries) = root, case .dictionary(let integers) = root["integers"] else {
            Issue.record("not a dictionary")
            return
        }
        #expect(
            entries.map(\.key.text) == [
                "net", "list", "size", "integers", "fraction", "text", "true", "false", "none",
            ])
        #expect(integers.map(\.key) == [0, 7, 8, 9, 10].map { .integer($0) })
        #expect(integers.map(\.value.integer) == [-1, 70_000, -(1 << 40), 1 << 62, 200])
        #expect(root["size"]?.elements?.map(\.integer) == [4, 5])
        #expect(root["text"]?.string == "Grüße, 世界")
        let file = try CheckpointFile(path: fixturePath("nested\(version).pt"))
        #expect(file.metadata["fraction"] == .double(-0.125))
        #expect(file.metadata["true"] == .bool(true))
        #expect(file.metadata["integers.8"] == .int(-(1 << 40)))
        guard case .some(.none) = root["none"] else {
            Issue.record("None is lost")
            return
        }
    }

    @Test func `bytes and shared tensors read`() throws {
        let root = try PickleArchive(path: fixturePath("bytes.pt")).root
        guard case .bytes(let bytes) = root["bytes"], let shared = root["shared"]?.elements else {
            Issue.record("not what was saved")
            return
        }
        #expect(bytes == [0, 255, 0, 255, 0, 255])
        #expect(shared.count == 2)
        #expect(shared[0].tensor?.bytes.baseAddress == shared[1].tensor?.bytes.baseAddress)
    }

    @Test func `a voice preset keeps its classes as inert records`() throws {
        let root = try PickleArchive(path: fixturePath("preset.pt")).root
        guard case .object(let output) = root["lm"], case .object(let cache) = root["lm"]?["past_key_values"]
        else {
            Issue.record("not a preset")
            return
        }
        #expect(output.className == "transformers.modeling_outputs.BaseModelOutputWithPast")
        #expect(output.items.map(\.key.text) == ["last_hidden_state", "past_key_values"])
        #expect(output.arguments.count == 4)
        #expect(cache.className == "transformers.cache_utils.DynamicCache")
        #expect(root["lm"]?["past_key_values"]?["_seen_tokens"]?.integer == 5)
        #expect(root["lm"]?["past_key_values"]?["key_cache"]?.elements?.first?.tensor?.shape == [1, 2, 5, 4])
    }

    @Test(.enabled(if: presets != nil, "\(PublishedPresets.missing)"))
    func `the published voice presets read`() throws {
        let folder = try #require(presets)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".pt") }
        try #require(!names.isEmpty)
        for name in names {
            let file = try CheckpointFile(path: "\(folder)/\(name)")
            #expect(file.tensors.count == 100, "\(name)")
            for (group, layers) in [("lm", 4), ("tts_lm", 20), ("neg_lm", 4), ("neg_tts_lm", 20)] {
                let hidden = try #require(file["\(group).last_hidden_state"])
                #expect(hidden.type == .bf16 && hidden.shape.count == 3 && hidden.shape[2] == 896)
                for layer in 0..<layers {
                    let keys = file["\(group).past_key_values.key_cache.\(layer)"]
                    let values = file["\(group).past_key_values.value_cache.\(layer)"]
                    #expect(keys?.shape == [1, 2, hidden.shape[1], 64], "\(name) \(group) \(layer)")
                    #expect(values?.shape == keys?.shape)
                }
            }
        }
    }

    @Test func `a view that repeats an element is refused`() throws {
        #expect(try refusal(fixtureBytes("expanded.pt")) == "invalidTensor.expandedView")
    }

    @Test func `a compressed member is refused`() throws {
        #expect(try refusal(fixtureBytes("deflated.pt")) == "unsupported")
    }

    @Test func `a name outside the list is refused by name`() throws {
        let path = try fixturePath("global.pt")
        #expect(throws: CheckpointError.forbiddenGlobal(path: path, name: "torch.float32")) {
            try PickleArchive(path: path)
        }
    }

    @Test(arguments: ["types.pt", "preset.pt", "restored.pt"])
    func `an archive cut anywhere is refused`(_ name: String) throws {
        let whole = try fixtureBytes(name)
        for length in 1..<whole.count {
            #expect(refusal(Array(whole.prefix(length))) != nil, "cut at \(length)")
        }
    }
}
