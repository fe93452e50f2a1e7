import Checkpoints
import Foundation
import Testing

/// A small generator with a seed, so that a failure can be had again (xorshift64*).
private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_f491_4f6c_dd1d
    }
}

/// Changes files as hostile writers and bad disks do.
private struct Mutator {
    var random: Random

    /// Numbers at which arithmetic goes wrong.
    private static let edges: [UInt64] = [
        0, 1, 31, 32, 33, 255, 65535, 65536, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 32, 1 << 62, 1 << 63 - 1,
        1 << 63,
        .max - 31, .max,
    ]

    mutating func mutate(_ seed: [UInt8], with others: [[UInt8]]) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            // Headers stand at the ends of files, so half of all changes go there.
            let window = Bool.random(using: &random) ? bytes.count : min(bytes.count, 256)
            var place = Int.random(in: 0..<window, using: &random)
            if Bool.random(using: &random) { place = bytes.count - 1 - place }
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = UInt8.random(in: 0 ... .max, using: &random)
            case 2: overwrite(&bytes, place)
            case 3:
                bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...32, using: &random)))
            case 4: splice(&bytes, place, others.randomElement(using: &random) ?? seed)
            default: if Int.random(in: 0..<4, using: &random) == 0 { bytes.removeSubrange(place...) }
            }
        }
        return bytes
    }

    private mutating func overwrite(_ bytes: inout [UInt8], _ place: Int) {
        let value = Mutator.edges.randomElement(using: &random) ?? 0
        let width = [1, 2, 4, 8].randomElement(using: &random) ?? 8
        for index in 0..<width where place + index < bytes.count {
            bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
        }
    }

    private mutating func splice(_ bytes: inout [UInt8], _ place: Int, _ other: [UInt8]) {
        guard !other.isEmpty else { return }
        let start = Int.random(in: 0..<other.count, using: &random)
        let piece = other[start..<min(other.count, start + Int.random(in: 1...64, using: &random))]
        let removed = Bool.random(using: &random) ? min(piece.count, bytes.count - place) : 0
        bytes.replaceSubrange(place..<place + removed, with: piece)
    }
}

/// How many files each target opens; each is one change or a few away from a good one.
private let iterations =
    ProcessInfo.processInfo.environment["MYNAH_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 2000

@Suite struct FuzzTests {
    /// Opens changed files. Opening ends or throws `CheckpointError`, by its type; reading one byte outside the
    /// file ends the process, for nothing is mapped after it.
    private func fuzz(_ seeds: [[UInt8]], seed: UInt64) throws {
        var mutator = Mutator(random: Random(state: seed))
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
        var mutator = Mutator(random: Random(state: 14))
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
