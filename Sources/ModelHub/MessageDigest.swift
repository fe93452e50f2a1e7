/// A hash that works through blocks of 64 bytes and ends in padding and a bit count (FIPS 180-4, section 5).
package protocol Compression {
    /// The initial hash value.
    init()
    /// Takes in one block of 64 bytes (section 6).
    mutating func absorb(_ block: UnsafeRawPointer)
    /// The words of the hash value.
    var words: [UInt32] { get }
}

/// A message hashed piece by piece.
package struct MessageDigest<Core: Compression> {
    private var core = Core()
    private var rest: [UInt8] = []
    private var length: UInt64 = 0

    /// An empty message.
    package init() {}

    /// Takes in the next piece of the message.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        length &+= UInt64(bytes.count)
        var bytes = bytes[...]
        if !rest.isEmpty {
            let wanted = min(64 - rest.count, bytes.count)
            rest.append(contentsOf: bytes.prefix(wanted))
            bytes = bytes.dropFirst(wanted)
            if rest.count == 64 {
                rest.withUnsafeBytes { if let base = $0.baseAddress { core.absorb(base) } }
                rest.removeAll(keepingCapacity: true)
            }
        }
        while bytes.count >= 64 {
            if let base = UnsafeRawBufferPointer(rebasing: bytes).baseAddress { core.absorb(base) }
            bytes = bytes.dropFirst(64)
        }
        rest.append(contentsOf: bytes)
    }

    /// Takes in the next piece of the message.
    package mutating func update(_ bytes: some Collection<UInt8>) {
        Array(bytes).withUnsafeBytes { update($0) }
    }

    /// The hash of all that came, in lower-case hexadecimal.
    package consuming func hexadecimal() -> String {
        let bits = length &* 8
        var end: [UInt8] = [0x80]
        while (rest.count + end.count) % 64 != 56 { end.append(0) }
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            end.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
        update(end)
        return core.words.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }
}

/// SHA-256 (FIPS 180-4, section 6.2), by which the hub names large files.
package struct SHA256: Compression {
    private var h: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
        0x5be0_cd19
    )

    package init() {}

    package var words: [UInt32] { [h.0, h.1, h.2, h.3, h.4, h.5, h.6, h.7] }

    /// The fractional parts of the cube roots of the first 64 primes (section 4.2.2).
    private static let constants: [UInt32] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ]

    package mutating func absorb(_ block: UnsafeRawPointer) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { w in
            for t in 0..<16 {
                w[t] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: t &* 4, as: UInt32.self))
            }
            for t in 16..<64 {
                let (a, b) = (w[t &- 15], w[t &- 2])
                let low = rotate(a, 7) ^ rotate(a, 18) ^ (a >> 3)
                let high = rotate(b, 17) ^ rotate(b, 19) ^ (b >> 10)
                w[t] = w[t &- 16] &+ low &+ w[t &- 7] &+ high
            }
            Self.constants.withUnsafeBufferPointer { rounds(w, $0) }
        }
    }

    private mutating func rounds(
        _ w: UnsafeMutableBufferPointer<UInt32>, _ k: UnsafeBufferPointer<UInt32>
    ) {
        var (a, b, c, d, e, f, g, i) = h
        for t in 0..<64 {
            let one =
                i &+ (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) &+ ((e & f) ^ (~e & g)) &+ k[t] &+ w[t]
            let two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ ((a & b) ^ (a & c) ^ (b & c))
            (i, g, f, e, d, c, b, a) = (g, f, e, d &+ one, c, b, a, one &+ two)
        }
        h = (h.0 &+ a, h.1 &+ b, h.2 &+ c, h.3 &+ d, h.4 &+ e, h.5 &+ f, h.6 &+ g, h.7 &+ i)
    }
}

/// SHA-1 (FIPS 180-4, section 6.1), by which git, and so the hub, names small files.
package struct SHA1: Compression {
    private var h: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
        0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0
    )

    package init() {}

    package var words: [UInt32] { [h.0, h.1, h.2, h.3, h.4] }

    package mutating func absorb(_ block: UnsafeRawPointer) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { w in
            for t in 0..<16 {
                w[t] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: t &* 4, as: UInt32.self))
            }
            for t in 16..<80 { w[t] = rotate(w[t &- 3] ^ w[t &- 8] ^ w[t &- 14] ^ w[t &- 16], 31) }
            var (a, b, c, d, e) = h
            for t in 0..<80 {
                let (mix, constant): (UInt32, UInt32) =
                    switch t {
                    case ..<20: ((b & c) ^ (~b & d), 0x5a82_7999)
                    case ..<40: (b ^ c ^ d, 0x6ed9_eba1)
                    case ..<60: ((b & c) ^ (b & d) ^ (c & d), 0x8f1b_bcdc)
                    default: (b ^ c ^ d, 0xca62_c1d6)
                    }
                let next = rotate(a, 27) &+ mix &+ e &+ constant &+ w[t]
                (e, d, c, b, a) = (d, c, rotate(b, 2), a, next)
            }
            h = (h.0 &+ a, h.1 &+ b, h.2 &+ c, h.3 &+ d, h.4 &+ e)
        }
    }
}

/// Rotation to the right.
@inline(__always)
private func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
    (word &>> count) | (word &<< (32 &- count))
}
