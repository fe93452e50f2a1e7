import CMynahKernels
import Testing

/// Holds every test of these kernels: they share the switch of `mynah_force_portable`, so they run one by one.
@Suite(.serialized) enum KernelTests {}

/// The instruction sets to try, as `mynah_force_portable` counts them: all, AVX2 at most, portable.
let levels: [Int32] = [0, 1, 2]

func withLevel<R>(_ level: Int32, _ body: () throws -> R) rethrows -> R {
    mynah_force_portable(level)
    defer { mynah_force_portable(0) }
    return try body()
}

/// A repeatable stream of numbers (xorshift64*).
struct Noise {
    var state: UInt64

    init(_ seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func bits() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }

    /// Uniform in -1 ..< 1.
    mutating func value() -> Float { Float(bits() >> 40) / Float(1 << 23) - 1 }

    mutating func values(_ count: Int) -> [Float] { (0..<count).map { _ in value() } }
}

/// Bits of the half nearest to a number of ordinary size.
func half(_ x: Float) -> UInt16 {
    let bits = x.bitPattern
    let sign = UInt16(bits >> 16) & 0x8000
    let exponent = Int(bits >> 23 & 0xff) - 112
    precondition(exponent < 31)
    if exponent <= 0 { return sign | UInt16((abs(x) * 0x1p24).rounded(.toNearestOrEven)) }
    let rounded = (bits & 0x7f_ffff) + 0xfff + (bits >> 13 & 1)
    return sign + UInt16(exponent << 10) + UInt16(rounded >> 13)
}

func double(half h: UInt16) -> Double {
    let magnitude = Double(h & 0x3ff)
    let exponent = Int(h >> 10 & 31)
    let value = exponent == 0 ? magnitude * 0x1p-24 : (magnitude + 1024) * pow2(exponent - 25)
    return h & 0x8000 == 0 ? value : -value
}

func pow2(_ n: Int) -> Double { Double(sign: .plus, exponent: n, significand: 1) }

/// A weight matrix as bytes of a type and as the numbers those bytes mean.
struct Weights {
    var type: mynah_type
    var rows: Int
    var k: Int
    var bytes: [UInt8] = []
    var values: [Double] = []

    var rowBytes: Int { bytes.count / rows }

    init(_ type: mynah_type, rows: Int, k: Int, seed: Int) {
        self.type = type
        self.rows = rows
        self.k = k
        var noise = Noise(seed)
        let block =
            type == MYNAH_Q8_0 || type == MYNAH_Q4_0 ? 32 : type == MYNAH_Q4_K || type == MYNAH_Q6_K ? 256 : 1
        for _ in 0..<rows * k / block { append(&noise) }
    }

    mutating func append(half h: UInt16) { bytes += [UInt8(h & 255), UInt8(h >> 8)] }

    mutating func append(_ noise: inout Noise) {
        switch type {
        case MYNAH_F32:
            let x = noise.value()
            withUnsafeBytes(of: x.bitPattern) { bytes += $0 }
            values.append(Double(x))
        case MYNAH_F16:
            let h = half(noise.value() + 2)
            append(half: h)
            values.append(double(half: h))
        case MYNAH_BF16:
            let bits = noise.value().bitPattern >> 16
            append(half: UInt16(bits))
            values.append(Double(Float(bitPattern: bits << 16)))
        case MYNAH_Q8_0: appendQ8(&noise)
        case MYNAH_Q4_0: appendQ4(&noise)
        case MYNAH_Q4_K: appendQ4K(&noise)
        default: appendQ6K(&noise)
        }
    }

    private mutating func scale(_ noise: inout Noise) -> Double {
        let h = half(noise.value() * 0.01 + 0.02)
        append(half: h)
        return double(half: h)
    }

    private mutating func appendQ8(_ noise: inout Noise) {
        let d = scale(&noise)
        for _ in 0..<32 {
            let q = Int8(truncatingIfNeeded: noise.bits() >> 32)
            bytes.append(UInt8(bitPattern: q))
            values.append(d * Double(q))
        }
    }

    private mutating func appendQ4(_ noise: inout Noise) {
        let d = scale(&noise)
        let packed = (0..<16).map { _ in UInt8(truncatingIfNeeded: noise.bits() >> 32) }
        bytes += packed
        values += packed.map { d * (Double($0 & 15) - 8) } + packed.map { d * (Double($0 >> 4) - 8) }
    }

    private mutating func appendQ4K(_ noise: inout Noise) {
        let d = scale(&noise)
        let dmin = scale(&noise)
        let scales = (0..<8).map { _ in UInt8(noise.bits() >> 58) }
        let minima = (0..<8).map { _ in UInt8(noise.bits() >> 58) }
        bytes += (0..<4).map { scales[$0] & 63 | (scales[$0 + 4] >> 4) << 6 }
        bytes += (0..<4).map { minima[$0] & 63 | (minima[$0 + 4] >> 4) << 6 }
        bytes += (0..<4).map { scales[$0 + 4] & 15 | (minima[$0 + 4] & 15) << 4 }
        for run in 0..<4 {
            let packed = (0..<32).map { _ in UInt8(truncatingIfNeeded: noise.bits() >> 32) }
            bytes += packed
            for (j, nibbles) in [(2 * run, packed.map { $0 & 15 }), (2 * run + 1, packed.map { $0 >> 4 })] {
                values += nibbles.map { d * Double(scales[j]) * Double($0) - dmin * Double(minima[j]) }
            }
        }
    }

    private mutating func appendQ6K(_ noise: inout Noise) {
        let low = (0..<128).map { _ in UInt8(truncatingIfNeeded: noise.bits() >> 32) }
        let high = (0..<64).map { _ in UInt8(truncatingIfNeeded: noise.bits() >> 32) }
        let scales = (0..<16).map { _ in Int8(truncatingIfNeeded: noise.bits() >> 32) }
        bytes += low + high + scales.map { UInt8(bitPattern: $0) }
        let d = scale(&noise)
        for i in 0..<256 {
            let (part, l) = (i / 128, i % 32)
            let quarter = i % 128 / 32
            let byte = low[part * 64 + quarter % 2 * 32 + l]
            let top = high[part * 32 + l] >> UInt8(2 * quarter) & 3
            let q = Int(quarter < 2 ? byte & 15 : byte >> 4) + Int(top) * 16 - 32
            values.append(d * Double(scales[i / 16]) * Double(q))
        }
    }
}

let blockTypes = [MYNAH_Q8_0, MYNAH_Q4_0, MYNAH_Q4_K, MYNAH_Q6_K]
let allTypes = [MYNAH_F32, MYNAH_F16, MYNAH_BF16] + blockTypes

/// What a block-type kernel sees of an activation row: signed bytes with a scale to 32 elements.
func quantised(_ x: [Float]) -> [Double] {
    stride(from: 0, to: x.count, by: 32).flatMap { start -> [Double] in
        let block = x[start..<start + 32]
        let largest = block.map(abs).max() ?? 0
        guard largest > 0 else { return [Double](repeating: 0, count: 32) }
        let inverse = 127 / largest
        return block.map { Double(($0 * inverse).rounded(.toNearestOrEven)) * Double(largest / 127) }
    }
}
