import CMynahKernels
import Testing

/// Sessions with a ring of `capacity` cache rows each, filled position by position.
struct AttentionCase {
    var rows: [(session: Int, position: Int)]
    var heads = 4
    var kvHeads = 2
    var width = 64
    var capacity = 200
    var window = 0
    var half = false
    let scale: Float = 0.3

    func keys(_ session: Int, _ position: Int, values: Bool) -> [Float] {
        var noise = Noise(1 + session * 10_000 + position * 2 + (values ? 1 : 0))
        return noise.values(kvHeads * width)
    }

    func query(_ row: Int) -> [Float] {
        var noise = Noise(7_000_000 + rows[row].session * 1000 + rows[row].position)
        return noise.values(heads * width).map { $0 * 4 }
    }

    func run(threads: Int) -> [Float] {
        let sessions = (rows.map(\.session).max() ?? 0) + 1
        let cells = sessions * capacity * kvHeads * width
        let stores = (0..<sessions).flatMap { s in
            (0...(rows.filter { $0.session == s }.map(\.position).max() ?? 0)).map { (s, $0) }
        }
        let k = UnsafeMutableRawPointer.allocate(byteCount: cells * 4, alignment: 64)
        let v = UnsafeMutableRawPointer.allocate(byteCount: cells * 4, alignment: 64)
        defer {
            k.deallocate()
            v.deallocate()
        }
        let type = Int32((half ? MYNAH_CACHE_F16 : MYNAH_CACHE_F32).rawValue)
        for (s, p) in stores {
            let (kRow, vRow) = (keys(s, p, values: false), keys(s, p, values: true))
            let slot = [Int32(s * capacity + p % capacity)]
            withPointers(kRow, vRow, slot) { kRow, vRow, slot in
                var args = mynah_cache_store_args(
                    cache_k: k, cache_v: v, type: type, k: kRow, v: vRow, k_stride: Int64(kvHeads * width),
                    v_stride: Int64(kvHeads * width), slots: slot, rows: 1, width: Int64(kvHeads * width))
                for thread in 0..<Int32(threads) { mynah_cache_store(&args, thread, Int32(threads)) }
            }
        }
        let q = rows.indices.flatMap { query($0) }
        var y = [Float](repeating: .nan, count: q.count)
        let bases = rows.map { Int32($0.session * capacity) }
        let capacities = rows.map { _ in Int32(capacity) }
        withPointers(bases, rows.map { Int32($0.position) }, capacities) { bases, positions, capacities in
            q.withUnsafeBufferPointer { q in
                y.withUnsafeMutableBufferPointer { y in
                    var args = mynah_attend_args(
                        q: q.baseAddress, q_stride: Int64(heads * width), cache_k: k, cache_v: v, type: type,
                        y: y.baseAddress, y_stride: Int64(heads * width), bases: bases, positions: positions,
                        capacities: capacities, rows: Int64(rows.count), heads: Int64(heads),
                        kv_heads: Int64(kvHeads), head_width: Int64(width), window: Int32(window),
                        scale: scale)
                    for thread in 0..<Int32(threads) { mynah_attend(&args, thread, Int32(threads)) }
                }
            }
        }
        return y
    }

    func expected() -> [Double] {
        rows.indices.flatMap { r -> [Double] in
            let (session, last) = rows[r]
            let first = window > 0 ? max(0, last - window + 1) : 0
            let k = (first...last).map { seen(keys(session, $0, values: false)) }
            let v = (first...last).map { seen(keys(session, $0, values: true)) }
            let q = query(r).map(Double.init)
            return (0..<heads).flatMap { h -> [Double] in
                let at = h / (heads / kvHeads) * width
                let scores = k.map { row in
                    (0..<width).reduce(0.0) { $0 + q[h * width + $1] * row[at + $1] } * Double(scale)
                }
                let top = scores.max() ?? 0
                let weights = scores.map { exponential($0 - top) }
                let total = weights.reduce(0, +)
                return (0..<width).map { i in
                    zip(weights, v).reduce(0.0) { $0 + $1.0 * $1.1[at + i] } / total
                }
            }
        }
    }

    private func seen(_ x: [Float]) -> [Double] {
        x.map { half ? double(half: CMynahKernelsTests.half($0)) : Double($0) }
    }
}

func withPointers<A, B, C>(
    _ a: [A], _ b: [B], _ c: [C], _ body: (UnsafePointer<A>?, UnsafePointer<B>?, UnsafePointer<C>?) -> Void
) {
    a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
            c.withUnsafeBufferPointer { c in body(a.baseAddress, b.baseAddress, c.baseAddress) }
        }
    }
}

extension KernelTests {
    @Suite struct Attention {
        static let cases = [
            AttentionCase(rows: [(0, 0)]),
            AttentionCase(rows: [(0, 15), (1, 16), (2, 130)]),
            AttentionCase(rows: [(0, 63), (1, 64), (0, 40)], heads: 8, kvHeads: 2, width: 128),
            AttentionCase(rows: [(0, 90), (1, 70)], heads: 16, kvHeads: 8, width: 128, half: true),
            AttentionCase(rows: [(0, 120)], heads: 3, kvHeads: 1, width: 16, capacity: 80, window: 72),
            AttentionCase(
                rows: [(0, 30), (1, 300)], heads: 2, kvHeads: 2, width: 32, capacity: 72, window: 72,
                half: true),
        ]

        @Test(arguments: cases.indices, levels)
        func `softmax attention over rings agrees with double`(index: Int, level: Int32) {
            withLevel(level) {
                let test = Self.cases[index]
                #expect(worst(test.run(threads: 1), test.expected(), floor: 1) < 2e-6)
            }
        }

        @Test(arguments: cases.indices, levels)
        func `a row attends alike in any company`(index: Int, level: Int32) {
            withLevel(level) {
                let test = Self.cases[index]
                let all = test.run(threads: 1)
                #expect(test.run(threads: 3) == all)
                let width = test.heads * test.width
                let last = test.rows.count - 1
                var alone = test
                alone.rows = [test.rows[last]]
                #expect(alone.run(threads: 2) == Array(all[last * width..<(last + 1) * width]))
            }
        }

        @Test func `halves round to nearest even and keep infinities`() {
            let x: [Float] = [
                1, 1.00048828125, 1.00146484375, 65504, 65520, -70000, 5.9604645e-8, 2.9e-8, -0.0, 6.1e-5,
            ]
            for level in levels {
                withLevel(level) {
                    var (k, v) = ([UInt16](repeating: 0, count: 20), [UInt16](repeating: 0, count: 20))
                    k.withUnsafeMutableBytes { k in
                        v.withUnsafeMutableBytes { v in
                            withPointers(x, x, [Int32(1)]) { a, b, slot in
                                var args = mynah_cache_store_args(
                                    cache_k: k.baseAddress, cache_v: v.baseAddress,
                                    type: Int32(MYNAH_CACHE_F16.rawValue), k: a, v: b, k_stride: 10,
                                    v_stride: 10,
                                    slots: slot, rows: 1, width: 10)
                                mynah_cache_store(&args, 0, 1)
                            }
                        }
                    }
                    let expected: [UInt16] = [
                        0x3c00, 0x3c00, 0x3c02, 0x7bff, 0x7c00, 0xfc00, 0x0001, 0x0000, 0x8000, 0x03ff,
                    ]
                    #expect(Array(k[10...]) == expected)
                    #expect(v == k && k[0..<10].allSatisfy { $0 == 0 })
                }
            }
        }

        @Test func `shapes that do not divide are not supported`() {
            #expect(mynah_attend_supports(16, 8, 128) == 1)
            #expect(mynah_attend_supports(16, 3, 128) == 0)
            #expect(mynah_attend_supports(16, 8, 72) == 0)
            #expect(mynah_attend_supports(16, 0, 64) == 0)
        }
    }
}
