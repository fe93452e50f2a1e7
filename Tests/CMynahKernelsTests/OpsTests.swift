import CMynahKernels
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

func exponential(_ x: Double) -> Double { exp(x) }

/// Worst |found - expected| / max(|expected|, floor).
func worst(_ found: [Float], _ expected: [Double], floor: Double) -> Double {
    zip(found, expected).map { abs(Double($0) - $1) / max(abs($1), floor) }.max() ?? .infinity
}

extension KernelTests {
    @Suite struct Ops {
        @Test(arguments: levels)
        func `rms and layer norms agree with double`(level: Int32) {
            withLevel(level) {
                for width in [1, 7, 16, 100, 1024] {
                    var noise = Noise(width)
                    let (x, w, b) = (noise.values(5 * width), noise.values(width), noise.values(width))
                    var (rms, layer) = (x, x)
                    for thread in 0..<Int32(3) {
                        mynah_rms_norm(
                            &rms, x, w, 1e-6, 5, Int64(width), Int64(width), Int64(width), thread, 3)
                        mynah_layer_norm(
                            &layer, x, w, b, 1e-5, 5, Int64(width), Int64(width), Int64(width), thread, 3)
                    }
                    var (rmsWanted, layerWanted): ([Double], [Double]) = ([], [])
                    for r in 0..<5 {
                        let row = x[r * width..<(r + 1) * width].map(Double.init)
                        let mean = row.reduce(0, +) / Double(width)
                        let square = row.map { $0 * $0 }.reduce(0, +) / Double(width)
                        let variance = row.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(width)
                        rmsWanted += row.indices.map {
                            row[$0] * Double(w[$0]) / (square + 1e-6).squareRoot()
                        }
                        layerWanted += row.indices.map {
                            (row[$0] - mean) * Double(w[$0]) / (variance + 1e-5).squareRoot() + Double(b[$0])
                        }
                    }
                    #expect(worst(rms, rmsWanted, floor: 1e-9) < 4e-7)
                    #expect(worst(layer, layerWanted, floor: 1) < 1e-6)
                }
            }
        }

        @Test(arguments: levels)
        func `heads are normed and turned by halves`(level: Int32) {
            withLevel(level) {
                for d in [8, 64, 128] {
                    let (rows, heads) = (3, 5)
                    var noise = Noise(d)
                    let (x, w) = (noise.values(rows * heads * d), noise.values(d))
                    let angles = noise.values(rows * d / 2).map { Double($0) * 3 }
                    let table = (0..<rows).flatMap { r -> [Float] in
                        let row = angles[r * d / 2..<(r + 1) * d / 2]
                        return row.map { Float(cos($0)) } + row.map { Float(sin($0)) }
                    }
                    for norm in [false, true] {
                        var y = x
                        y.withUnsafeMutableBufferPointer { y in
                            w.withUnsafeBufferPointer { w in
                                table.withUnsafeBufferPointer { table in
                                    var args = mynah_rope_args(
                                        x: y.baseAddress, x_stride: Int64(heads * d), y: y.baseAddress,
                                        y_stride: Int64(heads * d), cos_sin: table.baseAddress,
                                        norm_weight: norm ? w.baseAddress : nil, norm_eps: 1e-6,
                                        rows: Int64(rows),
                                        heads: Int64(heads), head_width: Int64(d))
                                    for thread in 0..<Int32(4) { mynah_head_norm_rope(&args, thread, 4) }
                                }
                            }
                        }
                        var expected: [Double] = []
                        for i in 0..<rows * heads {
                            var head = x[i * d..<(i + 1) * d].map(Double.init)
                            let scale =
                                1 / (head.map { $0 * $0 }.reduce(0, +) / Double(d) + 1e-6).squareRoot()
                            if norm { head = head.indices.map { head[$0] * scale * Double(w[$0]) } }
                            let angle = angles[i / heads * d / 2..<(i / heads + 1) * d / 2].map { $0 }
                            let half = 0..<d / 2
                            expected += half.map {
                                head[$0] * cos(angle[$0]) - head[$0 + d / 2] * sin(angle[$0])
                            }
                            expected += half.map {
                                head[$0 + d / 2] * cos(angle[$0]) + head[$0] * sin(angle[$0])
                            }
                        }
                        #expect(worst(y, expected, floor: 1) < 1e-6)
                    }
                }
            }
        }

        @Test(arguments: levels)
        func `activations keep seven digits over their range`(level: Int32) {
            let functions: [(mynah_unary_kind, (Double) -> Double)] = [
                (MYNAH_UNARY_SILU, { $0 / (1 + exp(-$0)) }),
                (MYNAH_UNARY_GELU, { $0 * 0.5 * erfc(-$0 / 2.0.squareRoot()) }),
                (MYNAH_UNARY_ELU, { $0 > 0 ? $0 : expm1($0) }), (MYNAH_UNARY_RELU, { max($0, 0) }),
                (MYNAH_UNARY_TANH, { tanh($0) }), (MYNAH_UNARY_SIGMOID, { 1 / (1 + exp(-$0)) }),
                (MYNAH_UNARY_EXP, { exp($0) }),
            ]
            let grid = (-8000...8000).map { Float($0) / 1000 }
            let x = grid + (-70...70).map { Float($0) + 0.37 } + [1e-6, -1e-6, 1e-20, -1e-20, 0]
            withLevel(level) {
                for (kind, function) in functions {
                    var y = x
                    for thread in 0..<Int32(3) { mynah_unary(kind, &y, x, Int64(x.count), thread, 3) }
                    #expect(worst(y, x.map { function(Double($0)) }, floor: 1e-30) < 1e-6, "\(kind.rawValue)")
                }
            }
        }

        @Test(arguments: levels)
        func `the exponential is right at its ends`(level: Int32) {
            withLevel(level) {
                let x: [Float] = [-.infinity, -200, -103, 0, 88.7, 89, .infinity, .nan]
                var y = x
                mynah_unary(MYNAH_UNARY_EXP, &y, x, Int64(x.count), 0, 1)
                #expect(
                    y[0] == 0 && y[1] == 0 && y[2] > 0 && y[2] < 3 * .leastNonzeroMagnitude * 10 && y[3] == 1)
                #expect(abs(Double(y[4]) / exp(Double(x[4])) - 1) < 3e-7)
                #expect(y[5] == .infinity && y[6] == .infinity && y[7].isNaN)
            }
        }

        @Test func `sums and gates are elementwise over any strides`() {
            var noise = Noise(1)
            let (a, b) = (noise.values(3 * 50), noise.values(3 * 50))
            var sum = a
            for thread in 0..<Int32(2) { mynah_add(&sum, a, b, 150, thread, 2) }
            #expect(sum == zip(a, b).map { $0 + $1 })
            var y = [Float](repeating: 9, count: 3 * 37)
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    y.withUnsafeMutableBufferPointer { y in
                        var args = mynah_swiglu_args(
                            gate: a.baseAddress, up: b.baseAddress, y: y.baseAddress, rows: 3, width: 37,
                            gate_stride: 50, up_stride: 50, y_stride: 37)
                        for thread in 0..<Int32(4) { mynah_swiglu(&args, thread, 4) }
                    }
                }
            }
            let expected = (0..<111).map { i -> Double in
                let at = i / 37 * 50 + i % 37
                return Double(a[at]) / (1 + exp(-Double(a[at]))) * Double(b[at])
            }
            #expect(worst(y, expected, floor: 1e-9) < 1e-6)
        }

        @Test func `the machine says what it is and how fast`() {
            #expect(String(cString: mynah_cpu_description()).isEmpty == false)
            withLevel(2) { #expect(mynah_cpu_features() == 0) }
            #expect(mynah_measure_peak(MYNAH_PEAK_F32_FMA, 1000) > 0)
            let bytes = [UInt64](repeating: 3, count: 1001)
            #expect(mynah_measure_bandwidth(bytes, 8008) == 3003)
        }
    }
}
