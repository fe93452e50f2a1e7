import CMynahKernels
import Testing

/// Reproducible numbers in -1 ..< 1.
struct ConvNoise {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) / Float(1 << 23) - 1
    }

    mutating func values(_ count: Int) -> [Float] {
        (0..<count).map { _ in next() }
    }
}

/// The nearest bf16 number, ties to even, as a float; the operand that the bf16 kernels see.
func bf16Rounded(_ value: Float) -> Float {
    Float(bitPattern: UInt32(bf16Bits(value)) << 16)
}

func bf16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
}

/// One convolution with data: input [rows, cin], weight [cout, cin, k].
struct ConvCase: CustomTestStringConvertible, Sendable {
    var cin: Int
    var cout: Int
    var k: Int
    var stride = 1
    var dilation = 1
    var steps: Int

    var rows: Int { (steps - 1) * stride + (k - 1) * dilation + 1 }

    var testDescription: String {
        "\(cin)→\(cout) k\(k) s\(stride) d\(dilation) T\(steps)"
    }
}

/// 64-byte aligned bytes, full of NaN bits so that what a kernel forgets to write shows.
final class ConvMemory {
    let base: UnsafeMutableRawPointer
    let count: Int

    init(_ count: Int) {
        self.count = count
        base = .allocate(byteCount: max(count, 1), alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: 0xff, count: count)
    }

    deinit {
        base.deallocate()
    }

    var floatBase: UnsafeMutablePointer<Float> {
        base.assumingMemoryBound(to: Float.self)
    }

    var floats: [Float] {
        Array(UnsafeBufferPointer(start: floatBase, count: count / 4))
    }

    var bytes: [UInt8] {
        Array(UnsafeBufferPointer(start: base.assumingMemoryBound(to: UInt8.self), count: count))
    }
}

/// Calls the operation as each of `threads` threads in turn.
func asThreads(_ threads: Int, _ body: (Int32, Int32) -> Void) {
    for thread in 0..<threads {
        body(Int32(thread), Int32(threads))
    }
}

/// x through `mynah_conv_prepare`, with no padding and no activation.
func prepared(_ x: [Float], channels: Int, type: mynah_conv_type, threads: Int = 1) -> ConvMemory {
    let memory = ConvMemory(x.count * mynah_conv_type_bytes(type))
    var args = mynah_prepare_args()
    x.withUnsafeBufferPointer { x in
        args.x = x.baseAddress
        args.dst = memory.base
        args.t = Int64(x.count / channels)
        args.channels = Int64(channels)
        args.type = type
        asThreads(threads) { mynah_conv_prepare(&args, $0, $1) }
    }
    return memory
}

func packed(_ w: [Float], _ shape: ConvCase, type: mynah_conv_type, threads: Int = 1) -> ConvMemory {
    let (cin, cout, k) = (Int64(shape.cin), Int64(shape.cout), Int64(shape.k))
    let memory = ConvMemory(mynah_conv_packed_bytes(cin, cout, k, type))
    asThreads(threads) { mynah_conv_pack(memory.base, w, cin, cout, k, type, $0, $1) }
    return memory
}

/// The kernel's y [steps, cout].
func convolved(
    _ shape: ConvCase, x: ConvMemory, w: ConvMemory, type: mynah_conv_type, threads: Int = 1,
    bias: [Float] = [], residual: [Float] = [], firstRow: Int = 0
) -> [Float] {
    let y = ConvMemory(shape.steps * shape.cout * 4)
    var args = mynah_conv_args()
    args.x = UnsafeRawPointer(x.base + firstRow * shape.cin * mynah_conv_type_bytes(type))
    args.w = UnsafeRawPointer(w.base)
    args.y = y.floatBase
    args.cin = Int64(shape.cin)
    args.cout = Int64(shape.cout)
    args.k = Int64(shape.k)
    args.stride = Int64(shape.stride)
    args.dilation = Int64(shape.dilation)
    args.t_out = Int64(shape.steps)
    args.type = type
    args.bias_count = Int64(bias.count)
    bias.withUnsafeBufferPointer { bias in
        residual.withUnsafeBufferPointer { residual in
            args.bias = bias.isEmpty ? nil : bias.baseAddress
            args.residual = residual.isEmpty ? nil : residual.baseAddress
            asThreads(threads) { mynah_conv(&args, $0, $1) }
        }
    }
    return y.floats
}

/// The sums in double and, beside each, the sum of the magnitudes of its terms.
func oracle(
    _ shape: ConvCase, x: [Float], w: [Float], bias: [Float], residual: [Float]
) -> [(Double, Double)] {
    var result: [(Double, Double)] = []
    for t in 0..<shape.steps {
        for o in 0..<shape.cout {
            var sum = 0.0
            var magnitude = 0.0
            func add(_ term: Double) {
                sum += term
                magnitude += abs(term)
            }
            if !bias.isEmpty { add(Double(bias[o % bias.count])) }
            if !residual.isEmpty { add(Double(residual[t * shape.cout + o])) }
            for j in 0..<shape.k {
                let row = (t * shape.stride + j * shape.dilation) * shape.cin
                for c in 0..<shape.cin {
                    add(Double(x[row + c]) * Double(w[(o * shape.cin + c) * shape.k + j]))
                }
            }
            result.append((sum, magnitude))
        }
    }
    return result
}
