import Checkpoints
import Foundation
import SpeechTesting
import Testing

/// How many files each target opens; each is one change or a few away from a good one.
private let iterations =
    ProcessInfo.processInfo.environment["MYNAH_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 2000

@Suite struct FuzzTests {
    /// Opens changed files. Opening ends or throws `CheckpointError`, by its type; reading one byte outside the
    /// file ends the process, for nothing is mapped after it.
    private func fuzz(_ seeds: [[UInt8]], seed: UInt64) throws {
        var mutator = Mutator(seed: seed)
        var (opened, total): (Int, UInt64) = (0, 0)
        for iteration in 0..<iterations {
            let bytes = mutator.mutate(seeds[iteration % seeds.count], with: seeds)
            guard !bytes.isEmpty else { continue }
            let map = try MappedFile(copying: bytes, named: "fuzzed \(seed) \(iteration)")
            guard let file = try? CheckpointFile(map) else { continue }
            opened += 1
            for tensor in file.tensors { total &+= sum(tensor, in: map) }
        }
        // Were every change refused at the door, this would test nothing but the door.
        #expect(opened > iterations / 100, "\(opened) of \(iterations) opened, sum \(total)")
    }

    /// Reads all of a tensor, and checks that its size and place are what they should be.
    private func sum(_ tensor: StoredTensor, in map: MappedFile) -> UInt64 {
        #expect(tensor.type.byteCount(tensor.shape) == tensor.bytes.count, "\(map.path)")
        if let start = map.bytes.baseAddress, let own = tensor.bytes.baseAddress, own >= start,
            own < start + map.bytes.count
        {
            #expect(own + tensor.bytes.count <= start + map.bytes.count, "\(map.path)")
        } else {
            // What was made contiguous is no larger than what it was made of.
            #expect(tensor.bytes.count <= map.bytes.count, "\(map.path)")
        }
        return tensor.withBytes { $0.reduce(0) { $0 &+ UInt64($1) } }
    }

    @Test func `no change to a safetensors file escapes it`() throws {
        try fuzz([fixtureBytes("expected.safetensors"), safetensors("{}")], seed: 11)
    }

    @Test func `no change to a GGUF file escapes it`() throws {
        let small = GGUFBuilder.file(data: 98) {
            $0.value("general.alignment", 4, [UInt8](UInt32(32)))
            $0.value("text", 8, [UInt8](UInt64(2)) + [0x61, 0x62])
            $0.value("list", 9, [UInt8](UInt32(8), UInt64(1), UInt64(1)) + [0x61])
            $0.tensor([0x61], [2, 2])
            $0.tensor([0x62], [32], type: 8, offset: 32)
        }
        let nested = GGUFBuilder.file(data: 4) {
            $0.value("k", 9, [UInt8](UInt32(9), UInt64(1), UInt32(0), UInt64(2), UInt16(7)))
            $0.tensor([0x63], [1, 1, 1, 1])
        }
        try fuzz([small, nested], seed: 12)
    }

    @Test func `no change to a torch archive escapes it`() throws {
        let names = ["types.pt", "nested2.pt", "nested5.pt", "views.pt", "preset.pt", "restored.pt"]
        try fuzz(names.map { try fixtureBytes($0) }, seed: 13)
    }

    @Test func `no change to a pickle in a sound archive escapes it`() throws {
        // The archive around it is made anew, so that every change reaches the pickle.
        let tensor = Pickle.tensor(offset: 1, [2, 3], [1, 2])
        let pickle = Pickle.start + [0x7d, 0x71, 0] + Pickle.text("a") + tensor + [0x73] + Pickle.stop
        var mutator = Mutator(seed: 14)
        var opened = 0
        for iteration in 0..<iterations {
            let changed = mutator.mutate(pickle, with: [pickle])
            let map = try MappedFile(copying: ZipBuilder(pickle: changed).bytes, named: "pickle \(iteration)")
            guard let file = try? CheckpointFile(map) else { continue }
            opened += 1
            for tensor in file.tensors { _ = sum(tensor, in: map) }
        }
        #expect(opened > iterations / 100)
    }

    @Test func `no change to a NumPy array escapes it`() throws {
        let names = ["row.npy", "column.npy", "half.npy", "scalar.npy"]
        try fuzz(names.map { try fixtureBytes($0) }, seed: 15)
    }
}
