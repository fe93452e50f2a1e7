import CMynahKernels
import Foundation
import Testing

extension ConvTests {
    /// One row of n channels through the activation, float32.
    func activated(_ x: [Float], _ kind: mynah_activation, a: [Float] = [], b: [Float] = []) -> [Float] {
        let memory = ConvMemory(x.count * 4)
        var args = mynah_prepare_args()
        x.withUnsafeBufferPointer { x in
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    (args.x, args.a, args.b) = (x.baseAddress, a.baseAddress, b.baseAddress)
                    args.dst = memory.base
                    args.t = 1
                    args.channels = Int64(x.count)
                    args.activation = kind
                    mynah_conv_prepare(&args, 0, 1)
                }
            }
        }
        return memory.floats
    }

    @Test
    func `snake's squared sine is true to 1.2e-7 for arguments up to ten thousand`() {
        // A tiny x times a large a: what is added to x is the squared sine alone.
        var noise = ConvNoise(seed: 7)
        let arguments = noise.values(40_000).enumerated().map { $1 * [1, 10, 100, 10_000][$0 % 4] }
        let tiny = arguments.map { $0 * 0x1p-40 }
        let scale = [Float](repeating: 0x1p40, count: tiny.count)
        let one = [Float](repeating: 1, count: tiny.count)
        onEveryPath {
            let y = activated(tiny, MYNAH_ACTIVATION_SNAKE, a: scale, b: one)
            for (value, z) in zip(y, arguments) {
                let sine = sin(Double(z))
                #expect(abs(Double(value) - sine * sine) <= 1.2e-7)
            }
        }
    }

    @Test
    func `snake follows its scales beyond ten thousand and at the edges of the row`() {
        let x: [Float] = [0.5, -3, 20_000, -1e6, 0, 3e9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, -30_001, 12]
        let a = x.indices.map { Float($0 % 3) * 0.5 + 0.5 }, b = x.indices.map { 0.25 * Float($0 % 5) }
        onEveryPath {
            let y = activated(x, MYNAH_ACTIVATION_SNAKE, a: a, b: b)
            for i in x.indices {
                let sine = sin(Double(a[i] * x[i]))
                let expected = Double(x[i]) + Double(b[i]) * sine * sine
                #expect(abs(Double(y[i]) - expected) <= 3e-7 + 1e-7 * abs(expected))
            }
        }
    }

    @Test
    func `elu is e^x - 1 below zero`() {
        var noise = ConvNoise(seed: 8)
        let x = noise.values(3000).enumerated().map { $1 * [0.001, 1, 10, 200][$0 % 4] }
        onEveryPath {
            for (value, x) in zip(activated(x, MYNAH_ACTIVATION_ELU), x) {
                let expected = x > 0 ? Double(x) : expm1(Double(x))
                #expect(abs(Double(value) - expected) <= 2e-7 * abs(expected))
            }
        }
    }

    @Test
    func `what is not a number stays so and touches no neighbour`() {
        var x = [Float](repeating: 1, count: 40)
        (x[3], x[17], x[38]) = (.nan, .infinity, -.infinity)
        let one = [Float](repeating: 1, count: 40)
        onEveryPath {
            let snake = activated(x, MYNAH_ACTIVATION_SNAKE, a: one, b: one)
            let elu = activated(x, MYNAH_ACTIVATION_ELU)
            #expect(snake.indices.allSatisfy { snake[$0].isNaN == [3, 17, 38].contains($0) })
            #expect(elu.indices.allSatisfy { elu[$0].isNaN == ($0 == 3) })
            #expect(elu[17] == .infinity && elu[38] == -1)
            let halves = prepared(x, channels: 40, type: MYNAH_CONV_BF16).bytes
            let seen = (0..<40).map { UInt16(halves[2 * $0]) | UInt16(halves[2 * $0 + 1]) << 8 }
            #expect(seen[17] == 0x7f80 && seen[38] == 0xff80)
            #expect(seen[3] & 0x7f80 == 0x7f80 && seen[3] & 0x7f != 0)
            #expect(seen.indices.allSatisfy { [3, 17, 38].contains($0) || seen[$0] == 0x3f80 })
        }
    }

    @Test
    func `rounding to bf16 goes to the nearest even`() {
        var noise = ConvNoise(seed: 9)
        let ties: [Float] = [0x3f80_8000, 0x3f81_8000, 0x3f80_8001, 0xbf81_7fff, 0x7f7f_ffff, 0, 0x8000_0000]
            .map { Float(bitPattern: $0) }
        let x = ties + noise.values(500)
        onEveryPath {
            let halves = prepared(x, channels: x.count, type: MYNAH_CONV_BF16).bytes
            let seen = x.indices.map { UInt16(halves[2 * $0]) | UInt16(halves[2 * $0 + 1]) << 8 }
            #expect(seen == x.map(bf16Bits))
        }
    }

    /// x [., 21] through snake, behind `pad` rows of state, which move on.
    func streamed(
        _ x: ArraySlice<Float>, pad: Int, state: ConvMemory?, type: mynah_conv_type, threads: Int
    ) -> [UInt8] {
        let channels = 21, t = x.count / channels
        let scales = (0..<channels).map { 0.1 * Float($0) }
        let memory = ConvMemory((pad + t) * channels * mynah_conv_type_bytes(type))
        var args = mynah_prepare_args()
        (args.t, args.channels, args.pad) = (Int64(t), Int64(channels), Int64(pad))
        args.type = type
        args.activation = MYNAH_ACTIVATION_SNAKE
        args.state = state.map { UnsafeRawPointer($0.base) }
        args.next_state = state?.base
        args.dst = memory.base
        x.withUnsafeBufferPointer { x in
            scales.withUnsafeBufferPointer { scales in
                (args.x, args.a, args.b) = (x.baseAddress, scales.baseAddress, scales.baseAddress)
                asThreads(threads) { mynah_conv_prepare(&args, $0, $1) }
            }
        }
        return memory.bytes
    }

    @Test(arguments: [1, 2, 3, 7, 20], [0, 1, 6, 18])
    func `a stream through its state equals the whole`(_ piece: Int, _ pad: Int) {
        let channels = 21, steps = 41
        var noise = ConvNoise(seed: 10)
        let x = noise.values(steps * channels)
        for type in Self.types {
            for threads in [1, 3] {
                let row = channels * mynah_conv_type_bytes(type)
                let whole = streamed(x[...], pad: pad, state: nil, type: type, threads: 1)
                let state = ConvMemory(pad * row)
                state.base.initializeMemory(as: UInt8.self, repeating: 0, count: pad * row)
                for start in stride(from: 0, to: steps, by: piece) {
                    let end = min(start + piece, steps)
                    let part = streamed(
                        x[(start * channels)..<(end * channels)], pad: pad, state: state, type: type,
                        threads: threads)
                    #expect(part == Array(whole[(start * row)..<((pad + end) * row)]))
                }
            }
        }
    }

    @Test
    func `prepare reads strided rows and fills the right with zeros`() {
        let x: [Float] = [1, 2, -9, 3, 4, -9, 5, 6, -9]
        let memory = ConvMemory(7 * 2 * 4)
        var args = mynah_prepare_args()
        x.withUnsafeBufferPointer { x in
            args.x = x.baseAddress
            args.dst = memory.base
            (args.t, args.channels, args.pad, args.pad_right, args.x_stride) = (3, 2, 2, 2, 3)
            asThreads(2) { mynah_conv_prepare(&args, $0, $1) }
        }
        #expect(memory.floats == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0])
    }

    /// The steps from ..< from + count of a depthwise convolution; taps [k, channels].
    func depthwise(
        _ shape: ConvCase, from: Int, count: Int, x: [Float], taps: [Float], bias: [Float], threads: Int = 1
    ) -> [Float] {
        let y = ConvMemory(count * shape.cin * 4)
        var args = mynah_depthwise_args()
        args.y = y.floatBase
        (args.t, args.channels, args.k) = (Int64(count), Int64(shape.cin), Int64(shape.k))
        args.dilation = Int64(shape.dilation)
        x[(from * shape.cin)...].withUnsafeBufferPointer { x in
            taps.withUnsafeBufferPointer { taps in
                bias.withUnsafeBufferPointer { bias in
                    (args.x, args.w, args.bias) = (x.baseAddress, taps.baseAddress, bias.baseAddress)
                    asThreads(threads) { mynah_depthwise_conv(&args, $0, $1) }
                }
            }
        }
        return y.floats
    }

    @Test(arguments: [
        ConvCase(cin: 1024, cout: 1024, k: 7, steps: 4), ConvCase(cin: 5, cout: 5, k: 7, steps: 3),
        ConvCase(cin: 70, cout: 70, k: 3, dilation: 2, steps: 9),
    ])
    func `a depthwise convolution sums each channel by itself`(shape: ConvCase) {
        var noise = ConvNoise(seed: 11)
        let x = noise.values(shape.rows * shape.cin), w = noise.values(shape.cin * shape.k)
        let bias = noise.values(shape.cin)
        var taps = [Float](repeating: 0, count: w.count)
        mynah_depthwise_pack(&taps, w, Int64(shape.cin), Int64(shape.k))
        let whole = depthwise(shape, from: 0, count: shape.steps, x: x, taps: taps, bias: bias)
        for (i, value) in whole.enumerated() {
            let c = i % shape.cin
            let sum = (0..<shape.k).reduce(Double(bias[c])) {
                $0 + Double(x[i + $1 * shape.dilation * shape.cin]) * Double(w[c * shape.k + $1])
            }
            #expect(abs(Double(value) - sum) <= 2e-6)
        }
        let shared = depthwise(shape, from: 0, count: shape.steps, x: x, taps: taps, bias: bias, threads: 3)
        let pieces = (0..<shape.steps).flatMap {
            depthwise(shape, from: $0, count: 1, x: x, taps: taps, bias: bias, threads: 2)
        }
        #expect(shared == whole)
        #expect(pieces == whole)
    }

    @Test
    func `rows are padded with zeros, the edge or the mirror`() {
        func pad(_ x: [Float], _ left: Int64, _ right: Int64, _ mode: mynah_pad_mode) -> [Float] {
            let memory = ConvMemory((x.count + 2 * Int(left + right)) * 4)
            asThreads(3) {
                mynah_pad_rows(memory.floatBase, x, Int64(x.count / 2), 2, left, right, mode, $0, $1)
            }
            return memory.floats
        }
        let x: [Float] = [1, 10, 2, 20, 3, 30]
        #expect(pad(x, 1, 2, MYNAH_PAD_ZERO) == [0, 0] + x + [0, 0, 0, 0])
        #expect(pad(x, 2, 1, MYNAH_PAD_EDGE) == [1, 10, 1, 10] + x + [3, 30])
        #expect(pad(x, 2, 2, MYNAH_PAD_REFLECT) == [3, 30, 2, 20] + x + [2, 20, 1, 10])
        #expect(pad(x, 3, 0, MYNAH_PAD_REFLECT) == [2, 20, 3, 30, 2, 20] + x)
        #expect(pad([4, 5], 1, 2, MYNAH_PAD_REFLECT) == [4, 5, 4, 5, 4, 5, 4, 5])
        #expect(pad([], 1, 1, MYNAH_PAD_EDGE) == [0, 0, 0, 0])
    }
}
