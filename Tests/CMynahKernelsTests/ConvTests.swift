import CMynahKernels
import Testing

/// Serialized, because one switch turns every kernel to the portable code.
@Suite(.serialized)
struct ConvTests {
    static let shapes = [
        ConvCase(cin: 4, cout: 8, k: 7, steps: 5), ConvCase(cin: 1, cout: 64, k: 7, steps: 19),
        ConvCase(cin: 3, cout: 5, k: 3, stride: 2, steps: 9), ConvCase(cin: 96, cout: 1, k: 7, steps: 33),
        ConvCase(cin: 96, cout: 1, k: 7, dilation: 3, steps: 6),
        ConvCase(cin: 33, cout: 1, k: 2, stride: 2, steps: 3), ConvCase(cin: 1, cout: 1, k: 1, steps: 1),
        ConvCase(cin: 96, cout: 96, k: 7, dilation: 9, steps: 21),
        ConvCase(cin: 384, cout: 48, k: 7, steps: 12),
        ConvCase(cin: 64, cout: 128, k: 8, stride: 4, steps: 13),
        ConvCase(cin: 32, cout: 16, k: 1, steps: 7), ConvCase(cin: 5, cout: 50, k: 4, dilation: 2, steps: 13),
        ConvCase(cin: 1536, cout: 96, k: 2, steps: 9), ConvCase(cin: 2, cout: 17, k: 16, stride: 8, steps: 4),
        ConvCase(cin: 901, cout: 33, k: 7, steps: 10), ConvCase(cin: 3000, cout: 20, k: 7, steps: 17),
        ConvCase(cin: 16, cout: 64, k: 5, stride: 5, steps: 11),
    ]

    static let types = [MYNAH_CONV_F32, MYNAH_CONV_BF16]

    /// Runs the body with every instruction set that this machine has.
    func onEveryPath(_ body: () throws -> Void) rethrows {
        for path in ["avx512bf16", "avx512", "avx2", "portable"] where mynah_conv_force_path(path) != 0 {
            defer { mynah_conv_force_portable(0) }
            try body()
        }
    }

    @Test(arguments: shapes)
    func `a convolution equals the double sum over its rounded operands`(shape: ConvCase) {
        var noise = ConvNoise(seed: 1)
        let x = noise.values(shape.rows * shape.cin), w = noise.values(shape.cout * shape.cin * shape.k)
        let bias = noise.values(shape.cout), residual = noise.values(shape.steps * shape.cout)
        for type in Self.types {
            let seen = type == MYNAH_CONV_BF16 ? { bf16Rounded($0) } : { (value: Float) in value }
            let expected = oracle(shape, x: x.map(seen), w: w.map(seen), bias: bias, residual: residual)
            onEveryPath {
                let y = convolved(
                    shape, x: prepared(x, channels: shape.cin, type: type), w: packed(w, shape, type: type),
                    type: type, bias: bias, residual: residual)
                for (value, (sum, magnitude)) in zip(y, expected) {
                    #expect(abs(Double(value) - sum) <= 5e-7 * magnitude)
                }
            }
        }
    }

    @Test(arguments: shapes)
    func `the number of threads changes no bit`(shape: ConvCase) {
        var noise = ConvNoise(seed: 2)
        let x = noise.values(shape.rows * shape.cin), w = noise.values(shape.cout * shape.cin * shape.k)
        for type in Self.types {
            onEveryPath {
                let one = convolved(
                    shape, x: prepared(x, channels: shape.cin, type: type), w: packed(w, shape, type: type),
                    type: type)
                for threads in [2, 3, 8] {
                    let many = convolved(
                        shape, x: prepared(x, channels: shape.cin, type: type, threads: threads),
                        w: packed(w, shape, type: type, threads: threads), type: type, threads: threads)
                    #expect(many.map(\.bitPattern) == one.map(\.bitPattern))
                }
            }
        }
    }

    @Test(arguments: shapes)
    func `pieces of any length have the bits of the whole`(shape: ConvCase) {
        var noise = ConvNoise(seed: 3)
        let x = noise.values(shape.rows * shape.cin), w = noise.values(shape.cout * shape.cin * shape.k)
        let residual = noise.values(shape.steps * shape.cout)
        for type in Self.types {
            onEveryPath {
                let input = prepared(x, channels: shape.cin, type: type)
                let weight = packed(w, shape, type: type)
                let whole = convolved(shape, x: input, w: weight, type: type, residual: residual)
                for length in [1, 2, 5, 9] {
                    var pieces: [Float] = []
                    for start in stride(from: 0, to: shape.steps, by: length) {
                        var piece = shape
                        piece.steps = min(length, shape.steps - start)
                        pieces += convolved(
                            piece, x: input, w: weight, type: type, threads: 2,
                            residual: Array(residual[(start * shape.cout)...]),
                            firstRow: start * shape.stride)
                    }
                    #expect(pieces.map(\.bitPattern) == whole.map(\.bitPattern))
                }
            }
        }
    }

    @Test
    func `the output may stand between other columns`() {
        let shape = ConvCase(cin: 6, cout: 20, k: 3, steps: 10)
        var noise = ConvNoise(seed: 4)
        let x = noise.values(shape.rows * shape.cin), w = noise.values(shape.cout * shape.cin * shape.k)
        let input = prepared(x, channels: 6, type: MYNAH_CONV_F32)
        let weight = packed(w, shape, type: MYNAH_CONV_F32)
        let dense = convolved(shape, x: input, w: weight, type: MYNAH_CONV_F32)
        let wide = ConvMemory(shape.steps * 32 * 4)
        wide.base.initializeMemory(as: Float.self, repeating: 7, count: shape.steps * 32)
        var args = mynah_conv_args()
        args.x = UnsafeRawPointer(input.base)
        args.w = UnsafeRawPointer(weight.base)
        args.y = wide.floatBase + 4
        args.y_stride = 32
        (args.cin, args.cout, args.k, args.stride, args.dilation) = (6, 20, 3, 1, 1)
        args.t_out = Int64(shape.steps)
        asThreads(2) { mynah_conv(&args, $0, $1) }
        for (i, value) in wide.floats.enumerated() {
            let column = i % 32 - 4
            #expect(value == ((0..<20).contains(column) ? dense[i / 32 * 20 + column] : 7))
        }
    }

    @Test(arguments: [
        (cin: 6, cout: 5, stride: 2, taps: 4), (cin: 16, cout: 8, stride: 8, taps: 2),
        (cin: 7, cout: 3, stride: 5, taps: 3), (cin: 4, cout: 16, stride: 1, taps: 2),
        (cin: 9, cout: 1, stride: 3, taps: 2), (cin: 8, cout: 6, stride: 2, taps: 1),
    ])
    func `a transposed convolution is a causal one whose steps unfold`(
        shape: (cin: Int, cout: Int, stride: Int, taps: Int)
    ) {
        var noise = ConvNoise(seed: 5)
        let (cin, cout, r, taps) = shape
        let steps = 6, kernel = taps * r
        let x = noise.values(steps * cin), w = noise.values(cin * cout * kernel), bias = noise.values(cout)
        let causal = ConvCase(cin: cin, cout: r * cout, k: taps, steps: steps)
        let padded = [Float](repeating: 0, count: (taps - 1) * cin) + x
        for (type, bound) in [(MYNAH_CONV_F32, 1e-5), (MYNAH_CONV_BF16, 0.2)] {
            let weight = ConvMemory(mynah_conv_packed_bytes(Int64(cin), Int64(r * cout), Int64(taps), type))
            asThreads(2) {
                mynah_conv_transpose_pack(
                    weight.base, w, Int64(cin), Int64(cout), Int64(kernel), Int64(r), type, $0, $1)
            }
            let y = convolved(
                causal, x: prepared(padded, channels: cin, type: type), w: weight, type: type, bias: bias)
            for (i, value) in y.enumerated() {
                let t = i / cout, o = i % cout
                var sum = Double(bias[o])
                for step in 0..<steps where (0..<kernel).contains(t - step * r) {
                    for c in 0..<cin {
                        sum += Double(x[step * cin + c]) * Double(w[(c * cout + o) * kernel + t - step * r])
                    }
                }
                #expect(abs(Double(value) - sum) <= bound)
            }
        }
    }

    @Test
    func `the sums of all instruction sets agree to rounding`() {
        let shape = ConvCase(cin: 192, cout: 144, k: 7, dilation: 3, steps: 40)
        var noise = ConvNoise(seed: 6)
        let x = noise.values(shape.rows * shape.cin), w = noise.values(shape.cout * shape.cin * shape.k)
        for type in Self.types {
            var results: [[Float]] = []
            onEveryPath {
                let input = prepared(x, channels: shape.cin, type: type)
                results.append(convolved(shape, x: input, w: packed(w, shape, type: type), type: type))
            }
            for other in results.dropFirst() {
                #expect(zip(results[0], other).allSatisfy { abs($0 - $1) <= 1e-4 })
            }
        }
    }

    @Test
    func `forcing the portable code names it`() {
        mynah_conv_force_portable(1)
        #expect(String(cString: mynah_conv_path()) == "portable")
        #expect(mynah_conv_force_path("no such path") == 0)
        #expect(String(cString: mynah_conv_path()) == "portable")
        mynah_conv_force_portable(0)
    }
}
