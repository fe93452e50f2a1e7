/// A small generator with a seed, so that a failure can be had again (xorshift64*).
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(_ seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_f491_4f6c_dd1d
    }
}

/// Changes files as hostile writers and bad disks do.
package struct Mutator {
    private var random: SeededGenerator

    package init(seed: UInt64) { random = SeededGenerator(seed) }

    /// Numbers at which arithmetic goes wrong.
    private static let edges: [UInt64] = [
        0, 1, 31, 32, 33, 255, 65535, 65536, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 32, 1 << 62, 1 << 63 - 1,
        1 << 63,
        .max - 31, .max,
    ]

    package mutating func mutate(_ seed: [UInt8], with others: [[UInt8]]) -> [UInt8] {
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
