import Dispatch

/// A tensor of a synthetic checkpoint, by name and row-major shape.
package struct SyntheticTensor: Equatable, Sendable {
    package let name: String
    package let shape: [Int]

    package init(name: String, shape: [Int]) { (self.name, self.shape) = (name, shape) }
}

/// The values of one tensor of a synthetic checkpoint: each is a function of the seed, the tensor's name and its
/// index, so any part can be made on any thread.
package struct SyntheticValues: Sendable {
    private let key: UInt64
    private let kind: Kind

    /// What values are like.
    package enum Kind: Sendable {
        case normal(mean: Float, deviation: Float)
        case constant(Float)
        /// How often an entry was used.
        case usage
        /// Rows of `width` values, each times the usage that the tensor of the name `usage` gives it.
        case codebook(width: Int, usage: String)
        /// Filters of `taps` taps that sum to nothing, so that a constant input makes no sound.
        case differences(taps: Int, deviation: Float)
    }

    /// Of `codebook`, the key of the tensor that has its usage.
    private let usageKey: UInt64

    package init(_ name: String, _ kind: Kind, seed: UInt64) {
        key = Self.key(name, seed)
        self.kind = kind
        if case .codebook(_, let usage) = kind { usageKey = Self.key(usage, seed) } else { usageKey = 0 }
    }

    /// The tensor to be written, made a few million values at a time on all cores.
    package func source(_ tensor: SyntheticTensor, _ type: ElementType) -> TensorSource {
        TensorSource(tensor.name, type, tensor.shape) { sink in
            let count = tensor.shape.reduce(1, *)
            let length = min(count, 1 << 24)
            let piece = UnsafeMutableRawBufferPointer.allocate(
                byteCount: length * type.blockBytes, alignment: 64)
            defer { piece.deallocate() }
            for start in stride(from: 0, to: count, by: length) {
                let end = min(count, start + length)
                write(start..<end, type, to: piece)
                try sink(UnsafeRawBufferPointer(rebasing: piece[..<((end - start) * type.blockBytes)]))
            }
        }
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
    private subscript(index: Int) -> Float {
        switch kind {
        case .normal(let mean, let deviation): return Self.normal(key, index) * deviation + mean
        case .constant(let value): return value
        case .usage: return Self.usage(key, index)
        case .codebook(let width, _):
            return Self.normal(key, index) * Self.usage(usageKey, index / width)
        case .differences(let taps, let deviation):
            let first = index / taps * taps
            let mean = (first..<first + taps).reduce(Float(0)) { $0 + Self.normal(key, $1) } / Float(taps)
            return (Self.normal(key, index) - mean) * deviation
        }
    }

    /// Writes the values of `range` in `type`, float32 or bfloat16, from the start of `target`.
    private func write(_ range: Range<Int>, _ type: ElementType, to target: UnsafeMutableRawBufferPointer) {
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
