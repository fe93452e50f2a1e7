import Checkpoints
import Dispatch

/// The values of one tensor of a synthetic checkpoint.
///
/// Projections are scaled by the square root of what they sum over, norms lie around one, and codebooks are unit
/// vectors times their usage, so that activations stay within the range of a trained model's.
struct SyntheticValues: Sendable {
    private let key: UInt64
    private let kind: Kind

    private enum Kind: Sendable {
        case normal(mean: Float, deviation: Float)
        case ones
        case usage
        /// Rows of `width` values, each times the usage that the tensor of key `usage` gives it.
        case codebook(width: Int, usage: UInt64)
        /// Filters of `taps` taps that sum to nothing, so that a constant input makes no sound.
        case differences(taps: Int, deviation: Float)
    }

    init(_ entry: SyntheticCheckpoint.Entry, seed: UInt64, outputGain: Float) {
        key = Self.key(entry.name, seed)
        kind = Self.kind(entry.name, entry.shape, seed, outputGain)
    }

    private static func kind(_ name: String, _ shape: [Int], _ seed: UInt64, _ outputGain: Float) -> Kind {
        let leaf = name.split(separator: ".").last.map(String.init) ?? name
        switch leaf {
        case "initialized": return .ones
        case "cluster_usage": return .usage
        case "embed_sum", "embedding_sum":
            let usage = name.dropLast(leaf.count) + "cluster_usage"
            return .codebook(width: shape[1], usage: key(String(usage), seed))
        case "alpha", "beta": return .normal(mean: 0, deviation: 0.3)
        case "gamma", "scale": return .normal(mean: 0.3, deviation: 0.1)
        default: break
        }
        if name.contains("norm") { return .normal(mean: leaf == "weight" ? 1 : 0, deviation: 0.1) }
        if name == "decoder.decoder.6.conv.bias" { return .normal(mean: 0, deviation: 0) }
        if leaf == "bias" { return .normal(mean: 0, deviation: 0.1) }
        if name.contains("text_embedding") { return .normal(mean: 0, deviation: 1) }
        if name.contains("codec_embedding") { return .normal(mean: 0, deviation: 0.3) }
        let deviation = gain(name) / Float(summands(name, shape)).squareRoot()
        if name == "decoder.decoder.6.conv.weight" {
            return .differences(taps: shape[2], deviation: deviation * outputGain)
        }
        return .normal(mean: 0, deviation: deviation)
    }

    /// How many products make one output of the layer.
    private static func summands(_ name: String, _ shape: [Int]) -> Int {
        guard name.hasPrefix("decoder.") else { return shape.dropFirst().reduce(1, *) }
        // Transposed convolutions `[in, out, taps]`: two taps reach each output in the blocks, one in the upsampling.
        if name.contains(".block.1.conv.") { return 2 * shape[0] }
        if name.hasPrefix("decoder.upsample."), name.hasSuffix(".0.conv.weight") { return shape[0] }
        return shape.dropFirst().reduce(1, *)
    }

    private static func gain(_ name: String) -> Float {
        if name.hasSuffix("codec_head.weight") || name.contains(".lm_head.") { return 3 }
        if name.hasSuffix("o_proj.weight") || name.hasSuffix("down_proj.weight") { return 0.6 }
        // Twelve residual units in a row, of which none is normalised.
        if name.hasPrefix("decoder.decoder."), name.contains(".conv2.") { return 0.4 }
        // Layers that a rectifier, or something near it, follows.
        let rectified = ["speaker_encoder", "encoder.encoder.", "linear_fc1"].contains { name.contains($0) }
        return rectified ? 1.4 : 1
    }

    // MARK: numbers

    /// FNV-1a of the name, started from the seed.
    private static func key(_ name: String, _ seed: UInt64) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325 ^ mixed(seed)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// SplitMix64's output function: the generator's state is a counter, so any value can be had by its index.
    private static func mixed(_ state: UInt64) -> UInt64 {
        var z = state &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Nearly normal, mean 0 and deviation 1: the sum of four uniform numbers of 16 bits.
    private static func normal(_ key: UInt64, _ index: Int) -> Float {
        let bits = mixed(key &+ UInt64(index) &+ 1)
        let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
        return (Float(sum) - 131_070) * Float(1.732_050_8 / 65536)
    }

    /// In [0.5, 2): how often an entry was used, never too rarely to divide by.
    private static func usage(_ key: UInt64, _ index: Int) -> Float {
        0.5 + 1.5 * Float(mixed(key &+ UInt64(index) &+ 1) >> 40) * 0x1p-24
    }

    /// The value at `index` of the tensor, row-major.
    subscript(index: Int) -> Float {
        switch kind {
        case .normal(let mean, let deviation): return Self.normal(key, index) * deviation + mean
        case .ones: return 1
        case .usage: return Self.usage(key, index)
        case .codebook(let width, let usage):
            return Self.normal(key, index) * Self.usage(usage, index / width)
        case .differences(let taps, let deviation):
            let first = index / taps * taps
            let mean = (first..<first + taps).reduce(Float(0)) { $0 + Self.normal(key, $1) } / Float(taps)
            return (Self.normal(key, index) - mean) * deviation
        }
    }

    /// Writes the values of `range` in `type`, float32 or bfloat16, from the start of `target`.
    func write(_ range: Range<Int>, _ type: ElementType, to target: UnsafeMutableRawBufferPointer) {
        precondition(type == .f32 || type == .bf16, "synthetic values are written in float32 or bfloat16")
        let block = 1 << 16
        guard let base = target.baseAddress else { return }
        // SAFETY: every block writes its own part of the buffer, which outlives the call.
        nonisolated(unsafe) let address = base
        DispatchQueue.concurrentPerform(iterations: (range.count + block - 1) / block) { number in
            let part = number * block..<min(range.count, (number + 1) * block)
            if type == .f32 {
                fill(part, from: range.lowerBound, address.assumingMemoryBound(to: Float.self)) { $0 }
            } else {
                fill(part, from: range.lowerBound, address.assumingMemoryBound(to: UInt16.self), Self.rounded)
            }
        }
    }

    @inline(__always)
    private func fill<Value>(
        _ part: Range<Int>, from start: Int, _ target: UnsafeMutablePointer<Value>,
        _ convert: (Float) -> Value
    ) {
        if case .normal(let mean, let deviation) = kind {
            for i in part { target[i] = convert(Self.normal(key, start + i) * deviation + mean) }
        } else {
            for i in part { target[i] = convert(self[start + i]) }
        }
    }

    /// To bfloat16, ties to even; the values are finite.
    @inline(__always)
    private static func rounded(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
    }
}
