import Checkpoints
import Foundation
import Testing

/// Numbers that differ from tensor to tensor.
private func pattern(_ count: Int, _ seed: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ seed) }
}

private struct Refused: Error {}

@Suite struct WriterTests {
    static let plain: [ElementType] = [.f64, .f32, .f16, .bf16, .i64, .i32, .i16, .i8, .u8, .bool]
    static let ggml = ElementType.allCases.filter { $0 != .u8 && $0 != .bool }

    @Test func `every type that safetensors has comes back from it`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/model.safetensors"
        var tensors: [TensorSource] = []
        for (index, type) in WriterTests.plain.enumerated() {
            tensors.append(TensorSource("\(type)", type, [2, 3], bytes: pattern(6 * type.blockBytes, index)))
        }
        tensors.append(TensorSource("scalar", .f32, [], bytes: pattern(4, 20)))
        tensors.append(TensorSource("none \"\\\n", .f32, [3, 0], bytes: []))
        try SafetensorsWriter.write(tensors, metadata: ["ключ": "\u{1}\""], to: path)
        let file = try CheckpointFile(path: path)
        #expect(Set(file.tensors.map(\.name)) == Set(tensors.map(\.name)))
        #expect(file.metadata == ["ключ": .string("\u{1}\"")])
        for (index, type) in WriterTests.plain.enumerated() {
            let tensor = try #require(file["\(type)"])
            #expect(tensor.type == type && tensor.shape == [2, 3])
            #expect(tensor.contents == pattern(6 * type.blockBytes, index))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model.safetensors"])
    }

    @Test func `every type that ggml has comes back from GGUF`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/model.gguf"
        let metadata: [(key: String, value: MetadataValue)] = [
            ("general.architecture", .string("mynah")), ("small", .uint(3)), ("large", .uint(.max)),
            ("minus", .int(-1)),
            ("least", .int(.min)), ("half", .double(0.5)), ("tenth", .double(0.1)), ("yes", .bool(true)),
            ("words", .array([.string("a"), .string("")])), ("mixed", .array([.int(1), .int(.max)])),
            ("empty", .array([])),
        ]
        let shape = [2, 3, 256]
        let tensors = WriterTests.ggml.enumerated().map { index, type in
            TensorSource("\(type)", type, shape) { sink in
                let bytes = pattern(type.byteCount(shape) ?? 0, index)
                try bytes.prefix(7).withUnsafeBytes { try sink($0) }
                try bytes.dropFirst(7).withUnsafeBytes { try sink($0) }
            }
        }
        try GGUFWriter(metadata: metadata).write(tensors, to: path)
        let file = try CheckpointFile(path: path)
        #expect(file.format == .gguf)
        #expect(file.metadata == Dictionary(uniqueKeysWithValues: metadata.map { ($0.key, $0.value) }))
        #expect(file.tensors.map(\.type) == WriterTests.ggml)
        for (index, tensor) in file.tensors.enumerated() {
            #expect(tensor.shape == shape)
            #expect(tensor.contents == pattern(tensor.bytes.count, index))
            #expect(Int(bitPattern: tensor.bytes.baseAddress) % 32 == 0)
        }
    }

    @Test func `a file goes from torch to safetensors to GGUF unchanged`() throws {
        let folder = try TemporaryFolder()
        let torch = try CheckpointFile(path: fixturePath("views.pt"))
        try SafetensorsWriter.write(torch.tensors.map { TensorSource($0) }, to: folder.path + "/a")
        let copied = try CheckpointFile(path: folder.path + "/a")
        try GGUFWriter().write(copied.tensors.map { TensorSource($0) }, to: folder.path + "/b")
        try expectSame(CheckpointFile(path: folder.path + "/b"), expectedTensors(of: "views.pt"))
    }

    /// Faults of a request, and the error each should meet from both writers.
    static var faults: [(String, [TensorSource], String)] {
        [
            (
                "name twice",
                [TensorSource("a", .u8, [0], bytes: []), TensorSource("a", .u8, [0], bytes: [])],
                "duplicate"
            ),
            ("too few bytes", [TensorSource("a", .i8, [2], bytes: [1])], "invalidTensor.sizeMismatch"),
            (
                "too many bytes", [TensorSource("a", .i8, [2], bytes: [1, 2, 3])],
                "invalidTensor.sizeMismatch"
            ),
            (
                "shape that wraps", [TensorSource("a", .i8, [Int.max, 2], bytes: [])],
                "invalidTensor.badShape"
            ),
            ("negative dimension", [TensorSource("a", .i8, [-1], bytes: [])], "invalidTensor.badShape"),
        ]
    }

    @Test(arguments: WriterTests.faults.indices)
    func `a wrong request leaves the old file and nothing else`(_ index: Int) throws {
        let (name, tensors, wanted) = WriterTests.faults[index]
        let folder = try TemporaryFolder()
        let path = try folder.write([1, 2, 3], "model")
        let writers: [() throws -> Void] = [
            { try SafetensorsWriter.write(tensors, to: path) }, { try GGUFWriter().write(tensors, to: path) },
        ]
        for writer in writers {
            let error = #expect(throws: CheckpointError.self) { try writer() }
            #expect(try kind(of: #require(error)) == wanted, "\(name)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data([1, 2, 3]))
    }

    @Test func `an error of a source comes out, and no file is left`() throws {
        let folder = try TemporaryFolder()
        let tensor = TensorSource("a", .f32, [1]) { _ in throw Refused() }
        #expect(throws: Refused.self) { try SafetensorsWriter.write([tensor], to: folder.path + "/a") }
        #expect(throws: Refused.self) { try GGUFWriter().write([tensor], to: folder.path + "/a") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func `what a format cannot hold is refused`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a"
        func found(_ body: () throws -> Void) throws -> String {
            try kind(of: #require(#expect(throws: CheckpointError.self) { try body() }))
        }
        let block = TensorSource("a", .q4_0, [32], bytes: [])
        #expect(try found { try SafetensorsWriter.write([block], to: path) } == "unsupported")
        let reserved = TensorSource("__metadata__", .u8, [0], bytes: [])
        #expect(
            try found { try SafetensorsWriter.write([reserved], to: path) }
                == CheckpointError.TensorFault.badNameKind)
        let byte = TensorSource("a", .u8, [1], bytes: [1])
        #expect(try found { try GGUFWriter().write([byte], to: path) } == "unsupported")
        let long = TensorSource(String(repeating: "a", count: 257), .i8, [0], bytes: [])
        #expect(
            try found { try GGUFWriter().write([long], to: path) } == CheckpointError.TensorFault.badNameKind)
        let half = TensorSource("a", .q8_0, [33], bytes: [])
        #expect(try found { try GGUFWriter().write([half], to: path) } == "invalidTensor.badShape")
        let deep = TensorSource("a", .i8, [1, 1, 1, 1, 1], bytes: [1])
        #expect(try found { try GGUFWriter().write([deep], to: path) } == "invalidTensor.tooManyDimensions")
        for value in [MetadataValue.array([.int(1), .string("")]), .array([.array([])])] {
            #expect(
                try found { try GGUFWriter(metadata: [("k", value)]).write([], to: path) } == "unsupported")
        }
        let twice: [(key: String, value: MetadataValue)] = [("k", .int(1)), ("k", .int(1))]
        #expect(try found { try GGUFWriter(metadata: twice).write([], to: path) } == "duplicate")
        #expect(
            try found { try SafetensorsWriter.write([], to: folder.path + "/no/such/folder") } == "system")
    }
}
