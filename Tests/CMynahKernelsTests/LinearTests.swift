import CMynahKernels
import Testing

/// A call of `mynah_linear` or `mynah_gated_linear` with everything it points to.
struct LinearCall {
    var weights: [Weights]
    var k: Int
    var rows: Int
    var x: [Float]
    var bias: [[Float]?] = []
    var norm: [Float]?
    var residual: [Float]?
    var exact = true
    var gated = false
    /// Whether blocks are laid out anew first.
    var turned = false

    init(_ weights: [Weights], rows: Int, seed: Int = 7) {
        self.weights = weights
        self.k = weights[0].k
        self.rows = rows
        var noise = Noise(seed)
        x = noise.values(rows * k)
    }

    var width: Int { gated ? weights[0].rows : weights.map(\.rows).reduce(0, +) }

    /// Runs the call with `threads` shares, one after another.
    func run(threads: Int = 1) -> [Float] {
        let weightCopies = weights.map { turned ? turn($0) : UnsafeMutableRawPointer(copy($0.bytes)) }
        let biasCopies = weights.indices.map { i in i < bias.count ? bias[i].map { copy($0) } : nil }
        let (input, normCopy) = (copy(x), norm.map { copy($0) })
        let residualCopy = residual.map { copy($0) }
        defer {
            weightCopies.forEach { $0.deallocate() }
            biasCopies.forEach { $0?.deallocate() }
            input.deallocate()
            normCopy?.deallocate()
            residualCopy?.deallocate()
        }
        var y = [Float](repeating: .nan, count: rows * width)
        let tables = weights.indices.map { i -> mynah_weight in
            let (type, rows) = (Int32(weights[i].type.rawValue), Int64(weights[i].rows))
            let laidOut = turned ? type + Int32(MYNAH_TURNED.rawValue) : type
            return mynah_weight(
                data: UnsafeRawPointer(weightCopies[i]), type: laidOut, rows: rows,
                row_bytes: turned ? mynah_linear_turned_row(type, Int64(k)) : weights[i].rowBytes,
                bias: biasCopies[i], vec_dot: nil, from_float: nil, activation_bytes: 0)
        }
        y.withUnsafeMutableBufferPointer { out in
            var args = mynah_linear_args()
            args.weights.0 = tables[0]
            if tables.count > 1 { args.weights.1 = tables[1] }
            if tables.count > 2 { args.weights.2 = tables[2] }
            args.weight_count = Int32(tables.count)
            args.exact = exact ? 1 : 0
            (args.k, args.rows) = (Int64(k), Int64(rows))
            (args.x, args.x_stride) = (UnsafePointer(input), Int64(k))
            (args.y, args.y_stride) = (out.baseAddress, Int64(width))
            args.norm_weight = UnsafePointer(normCopy)
            args.norm_eps = 1e-6
            args.residual = UnsafePointer(residualCopy)
            args.residual_stride = Int64(width)
            let scratch = UnsafeMutableRawPointer.allocate(
                byteCount: mynah_linear_scratch(&args), alignment: 16)
            defer { scratch.deallocate() }
            args.scratch = scratch
            for thread in 0..<threads { mynah_linear_prepare(&args, Int32(thread), Int32(threads)) }
            for thread in 0..<threads {
                if gated {
                    mynah_gated_linear(&args, Int32(thread), Int32(threads))
                } else {
                    mynah_linear(&args, Int32(thread), Int32(threads))
                }
            }
        }
        return y
    }

    /// The dot products in double, with the sum of the absolute terms for a scale of the rounding.
    func products() -> (values: [Double], scale: [Double]) {
        var values: [Double] = []
        var scale: [Double] = []
        for r in 0..<rows {
            let row = Array(x[r * k..<(r + 1) * k])
            for w in weights {
                let seen = blockTypes.contains(w.type) ? quantised(row) : row.map(Double.init)
                for n in 0..<w.rows {
                    let terms = (0..<k).map { seen[$0] * w.values[n * k + $0] }
                    values.append(terms.reduce(0, +))
                    scale.append(terms.map(abs).reduce(0, +))
                }
            }
        }
        return (values, scale)
    }

    private func turn(_ weights: Weights) -> UnsafeMutableRawPointer {
        let (type, rows) = (Int32(weights.type.rawValue), Int64(weights.rows))
        let bytes = mynah_linear_turned_bytes(type, rows, Int64(k))
        let target = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        UnsafeMutableRawBufferPointer(start: target, count: bytes).copyBytes(from: weights.bytes)
        let panel = UnsafeMutableRawPointer.allocate(
            byteCount: mynah_linear_turned_bytes(type, 4, Int64(k)), alignment: 64)
        defer { panel.deallocate() }
        mynah_linear_turn(type, target, rows, Int64(k), panel)
        return target
    }

    private func copy<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
        let pointer = UnsafeMutablePointer<T>.allocate(capacity: max(values.count, 1))
        pointer.initialize(from: values, count: values.count)
        return pointer
    }
}

func widths(_ type: mynah_type) -> [Int] {
    switch type {
    case MYNAH_Q4_K, MYNAH_Q6_K: [256, 512, 768]
    case MYNAH_Q8_0, MYNAH_Q4_0: [32, 64, 512, 544, 1056]
    default: [1, 15, 16, 33, 64, 257]
    }
}

extension KernelTests {
    @Suite struct Linear {
        @Test(arguments: allTypes, levels)
        func `every shape agrees with the oracle in double`(type: mynah_type, level: Int32) {
            withLevel(level) {
                for k in widths(type) {
                    for (rows, outputs) in [
                        (1, 1), (1, 37), (2, 5), (3, 18), (4, 7), (5, 6), (9, 33), (17, 3),
                    ] {
                        let call = LinearCall(
                            [Weights(type, rows: outputs, k: k, seed: k + outputs)], rows: rows)
                        let (expected, scale) = call.products()
                        let found = call.run()
                        let worst = found.indices.map {
                            abs(Double(found[$0]) - expected[$0]) / (scale[$0] + 1e-9)
                        }
                        #expect((worst.max() ?? .infinity) < 3e-6, "k \(k), rows \(rows), outputs \(outputs)")
                    }
                }
            }
        }

        @Test(arguments: allTypes, levels)
        func `a row does not depend on its batch or the threads`(type: mynah_type, level: Int32) {
            withLevel(level) {
                let k = type == MYNAH_F32 ? 100 : 768
                for exact in [true, false] {
                    var call = LinearCall([Weights(type, rows: 70, k: k, seed: 3)], rows: 131)
                    call.exact = exact
                    let together = call.run(threads: 3)
                    #expect(together == call.run(threads: 1))
                    for rows in [1, 2, 3, 4, 5, 8, 16, 33] {
                        var part = call
                        part.rows = rows
                        part.x = Array(call.x[0..<rows * k])
                        #expect(part.run(threads: 2) == Array(together[0..<rows * 70]), "rows \(rows)")
                    }
                }
            }
        }

        @Test(.enabled(if: mynah_linear_turns(2) != 0, "AVX-512 VNNI multiplies turned blocks"))
        func `turned blocks give the bits of stored ones`() {
            for type in [MYNAH_Q4_0, MYNAH_Q8_0] {
                for (k, outputs) in [(32, 1), (512, 6), (1056, 37), (5120, 18)] {
                    for rows in [1, 2, 3, 8, 45, 64, 70] {
                        var call = LinearCall([Weights(type, rows: outputs, k: k, seed: k)], rows: rows)
                        let stored = call.run()
                        call.turned = true
                        #expect(call.run(threads: 2) == stored, "k \(k), rows \(rows), outputs \(outputs)")
                    }
                }
                var gated = LinearCall((1...2).map { Weights(type, rows: 150, k: 96, seed: $0) }, rows: 45)
                gated.gated = true
                let stored = gated.run()
                gated.turned = true
                #expect(gated.run(threads: 3) == stored)
            }
        }

        @Test(arguments: levels)
        func `rounded bfloat16 activations stay near the exact product`(level: Int32) {
            withLevel(level) {
                for k in [1, 31, 32, 33, 64, 300, 1024] {
                    for rows in [1, 2, 5, 16] {
                        var call = LinearCall([Weights(MYNAH_BF16, rows: 19, k: k, seed: k)], rows: rows)
                        call.exact = false
                        let (expected, scale) = call.products()
                        let found = call.run(threads: 2)
                        let worst = found.indices.map { abs(Double(found[$0]) - expected[$0]) / scale[$0] }
                        #expect((worst.max() ?? .infinity) < 4.1e-3, "k \(k), rows \(rows)")
                    }
                }
            }
        }

        @Test func `three weights of mixed types share an input with biases`() {
            let weights = [
                Weights(MYNAH_Q8_0, rows: 33, k: 256, seed: 1),
                Weights(MYNAH_Q6_K, rows: 17, k: 256, seed: 2),
                Weights(MYNAH_BF16, rows: 5, k: 256, seed: 3),
            ]
            var call = LinearCall(weights, rows: 3)
            var noise = Noise(9)
            call.bias = [noise.values(33), nil, noise.values(5)]
            let found = call.run(threads: 2)
            let (expected, scale) = call.products()
            let added = (call.bias[0] ?? []) + [Float](repeating: 0, count: 17) + (call.bias[2] ?? [])
            for i in found.indices {
                let error = abs(Double(found[i]) - expected[i] - Double(added[i % 55]))
                #expect(error < 3e-6 * (scale[i] + 1))
            }
        }

        @Test(arguments: [MYNAH_F32, MYNAH_Q8_0])
        func `a norm before and a residual after are as three steps`(type: mynah_type) {
            var call = LinearCall([Weights(type, rows: 40, k: 96, seed: 5)], rows: 70)
            var noise = Noise(11)
            let plain = call.x
            call.norm = noise.values(96)
            call.residual = noise.values(70 * 40)
            let fused = call.run(threads: 2)
            var normed = [Float](repeating: 0, count: plain.count)
            mynah_rms_norm(&normed, plain, call.norm, 1e-6, 70, 96, 96, 96, 0, 1)
            call.x = normed
            call.norm = nil
            let residual = call.residual ?? []
            call.residual = nil
            #expect(fused == zip(residual, call.run()).map { $0 + $1 })
        }

        @Test(arguments: [MYNAH_F32, MYNAH_Q8_0, MYNAH_Q4_K], levels)
        func `the gated product is silu of one times the other`(type: mynah_type, level: Int32) {
            withLevel(level) {
                let weights = [
                    Weights(type, rows: 150, k: 256, seed: 1), Weights(type, rows: 150, k: 256, seed: 2),
                ]
                for rows in [1, 3, 65] {
                    var call = LinearCall(weights, rows: rows)
                    call.bias = [[Float](repeating: 0.25, count: 150), nil]
                    let parts = call.run()
                    call.gated = true
                    let found = call.run(threads: 3)
                    for r in 0..<rows {
                        for n in 0..<150 {
                            let (g, u) = (Double(parts[r * 300 + n]), Double(parts[r * 300 + 150 + n]))
                            let expected = g / (1 + exponential(-g)) * u
                            #expect(
                                abs(Double(found[r * 150 + n]) - expected) <= 1e-6 * abs(expected) + 1e-30)
                        }
                    }
                }
            }
        }

        @Test func `silent and loud blocks keep their scale`() {
            for level in levels {
                withLevel(level) {
                    var call = LinearCall([Weights(MYNAH_Q8_0, rows: 4, k: 128, seed: 8)], rows: 1)
                    for i in 0..<32 {
                        call.x[i] = 0
                        call.x[32 + i] *= 1e-36
                        call.x[64 + i] *= 1e6
                    }
                    let (expected, scale) = call.products()
                    let found = call.run()
                    for i in found.indices { #expect(abs(Double(found[i]) - expected[i]) < 3e-6 * scale[i]) }
                }
            }
        }

        @Test func `a foreign type goes through its own pair of functions`() {
            let from: mynah_from_float_fn = { x, y, k in
                guard let x, let y else { return }
                y.copyMemory(from: x, byteCount: Int(k) * 4)
            }
            let dot: mynah_vec_dot_fn = { n, s, _, x, _, y, _, _ in
                guard let s, let x, let y else { return }
                let (a, b) = (x.assumingMemoryBound(to: Float.self), y.assumingMemoryBound(to: Float.self))
                s.pointee = (0..<Int(n)).reduce(0) { $0 + a[$1] * b[$1] }
            }
            let (w, x): ([Float], [Float]) = ([1, 2, 3, 4], [1, 10, -1, 1])
            var y = [Float](repeating: 0, count: 4)
            w.withUnsafeBytes { w in
                x.withUnsafeBufferPointer { x in
                    y.withUnsafeMutableBufferPointer { y in
                        var args = mynah_linear_args()
                        args.weights.0 = mynah_weight(
                            data: w.baseAddress, type: 99, rows: 2, row_bytes: 8, bias: nil, vec_dot: dot,
                            from_float: from, activation_bytes: 8)
                        args.weight_count = 1
                        (args.k, args.rows, args.x, args.x_stride) = (2, 2, x.baseAddress, 2)
                        (args.y, args.y_stride) = (y.baseAddress, 2)
                        let scratch = UnsafeMutableRawPointer.allocate(
                            byteCount: mynah_linear_scratch(&args), alignment: 1)
                        defer { scratch.deallocate() }
                        args.scratch = scratch
                        mynah_linear_prepare(&args, 0, 1)
                        mynah_linear(&args, 0, 1)
                    }
                }
            }
            #expect(y == [21, 43, 1, 1])
        }

        @Test func `only whole blocks of a type are supported`() {
            #expect(mynah_linear_supports(Int32(MYNAH_Q8_0.rawValue), 96) == 1)
            #expect(mynah_linear_supports(Int32(MYNAH_Q8_0.rawValue), 100) == 0)
            #expect(mynah_linear_supports(Int32(MYNAH_Q4_K.rawValue), 128) == 0)
            #expect(mynah_linear_supports(Int32(MYNAH_F32.rawValue), 3) == 1)
            #expect(mynah_linear_supports(11, 256) == 0)
        }
    }
}
