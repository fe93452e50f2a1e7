import Checkpoints
import Testing

/// A folder of two shards, `a` in the first and `b` in the second, with that index.
private func shards(_ index: String?) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (name, shard) in [("a", "one.safetensors"), ("b", "two.safetensors")] {
        let tensor = TensorSource(name, .u8, [2], bytes: Array((name + name).utf8))
        try SafetensorsWriter.write([tensor], to: "\(folder.path)/\(shard)")
    }
    if let index { _ = try folder.write(Array(index.utf8), "model.safetensors.index.json") }
    return folder
}

private let good =
    #"{"metadata":{"total_size":4,"x":[null,{"y":-1.5e3}]},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}"#

@Suite struct CheckpointFolderTests {
    @Test func `shards are read by their index`() throws {
        let folder = try shards(good)
        let checkpoint = try CheckpointFolder(path: folder.path)
        #expect(checkpoint.tensors.map(\.name) == ["a", "b"])
        #expect(checkpoint.files.count == 2)
        #expect(checkpoint["b"]?.contents == Array("bb".utf8))
        #expect(checkpoint["c"] == nil)
    }

    @Test func `a single file is read without an index, and before one`() throws {
        let folder = try shards(good)
        try SafetensorsWriter.write(
            [TensorSource("c", .u8, [0], bytes: [])], to: folder.path + "/model.safetensors")
        #expect(try CheckpointFolder(path: folder.path).tensors.map(\.name) == ["c"])
    }

    @Test func `a folder without a checkpoint is refused`() throws {
        let folder = try shards(nil)
        #expect(throws: CheckpointError.incomplete(path: folder.path, name: "model.safetensors")) {
            try CheckpointFolder(path: folder.path)
        }
    }

    @Test func `a broken single file does not fall back to the shards`() throws {
        let folder = try shards(good)
        let path = try folder.write(
            Array("version https://git-lfs.github.com/spec/v1\n".utf8), "model.safetensors")
        #expect(throws: CheckpointError.unknownFormat(path: path, content: .gitLFSPointer)) {
            try CheckpointFolder(path: folder.path)
        }
    }

    @Test func `a tensor in two shards is refused`() throws {
        let folder = try shards(good)
        try SafetensorsWriter.write(
            ["a", "b"].map { TensorSource($0, .u8, [1], bytes: [1]) }, to: folder.path + "/two.safetensors")
        #expect(throws: CheckpointError.duplicate(path: folder.path, name: "a")) {
            try CheckpointFolder(path: folder.path)
        }
    }

    @Test(arguments: [
        (#"{"weight_map":{"a":"two.safetensors"}}"#, "missingTensor"),
        (#"{"weight_map":{"a":"three.safetensors"}}"#, "missingFile"),
        (#"{"weight_map":{"a":"../one.safetensors"}}"#, "malformed"),
        (#"{"weight_map":{"a":"/etc/passwd"}}"#, "malformed"),
        (#"{"weight_map":{"a":"..\\one.safetensors"}}"#, "malformed"),
        (#"{"weight_map":{"a":"one\u0000.safetensors"}}"#, "malformed"),
        (#"{"weight_map":{"a":""}}"#, "malformed"),
        (#"{"weight_map":{"a":"one.bin"}}"#, "malformed"), (#"{"weight_map":{"a":1}}"#, "malformed"),
        (#"{"weight_map":{"a":"one.safetensors","a":"one.safetensors"}}"#, "duplicate"),
        (#"{"weight_map":{"a":"one.safetensors"},"weight_map":{}}"#, "duplicate"),
        (#"{"weight_map":{}}"#, "malformed"), ("{}", "malformed"), ("[]", "malformed"),
        ("{\"x\":tru}", "malformed"),
        (good + "}", "malformed"), (String(good.dropLast()), "malformed"),
        ("{\"x\":" + String(repeating: "[", count: 10_000), "malformed"),
    ])
    func `a hostile index is refused`(index: String, wanted: String) throws {
        let folder = try shards(index)
        let error = #expect(throws: CheckpointError.self) { try CheckpointFolder(path: folder.path) }
        #expect(try kind(of: #require(error)) == wanted)
    }
}
