import TensorGraph
import Testing

@Suite struct AttentionTests {
    /// A cache and how it is stepped through.
    struct Case {
        var heads = 4, keyHeads = 2, width = 16
        var window: Int?
        var capacity = 64, slots = 1
        var half = false, norms = false
        /// Where the rows of each step stand.
        var steps: [[(slot: Int, position: Int)]] = []
    }

    /// What every row attends to at every step; its inputs depend on its slot and position alone.
    private func run(_ test: Case, kernels: Bool, threads: Int = 1) throws -> [[Float]] {
        let device = try Device(.cpu, threads: threads, kernels: kernels)
        var noise = Noise(7)
        let loader = try WeightLoader(
            stored([TestTensor("norm", [test.width], noise.values(test.width))]), on: device,
            precision: .exact)
        let norm = try loader.weights.vector("norm", test.width)
        try loader.finish()
        let layout = KVCache.Layout(
            layers: 1, heads: test.keyHeads, headWidth: test.width, window: test.window)
        let cache = try KVCache(
            on: device, layout, slots: test.slots, capacity: test.capacity, half: test.half)
        return test.steps.map { places in
            let (queries, keys) = (test.heads * test.width, test.keyHeads * test.width)
            let (graph, ends) = Graph.layOut(on: device) { graph in
                let inputs = [queries, keys, keys].map { graph.input("x", [places.count, $0]) }
                let step = Step(in: graph, rows: places.count, cache: cache, rotaryBase: 10_000)
                let q = inputs[0].split(into: test.heads).rotated(
                    at: step, after: test.norms ? (norm, 1e-6) : nil)
                let k = inputs[1].split(into: test.keyHeads).rotated(
                    at: step, after: test.norms ? (norm, 1e-6) : nil)
                let v = inputs[2].split(into: test.keyHeads)
                let output = q.attending(to: cache.layer(0, in: graph).storing(k, v, at: step), at: step)
                graph.output(output)
                return (inputs: inputs, step: step, output: output)
            }
            for (index, input) in ends.inputs.enumerated() {
                input.write(
                    places.flatMap { place -> [Float] in
                        var noise = Noise(UInt64(1000 + place.slot * 100_000 + place.position * 3 + index))
                        return noise.values(index == 0 ? queries : keys)
                    })
            }
            ends.step.write(places)
            graph.compute()
            return ends.output.read()
        }
    }

    /// A prompt of five rows, then a row at a time.
    private func speech(slot: Int = 0, _ length: Int) -> [[(slot: Int, position: Int)]] {
        [(0..<5).map { (slot, $0) }] + (5..<length).map { [(slot, $0)] }
    }

    private func expectEqual(_ left: [[Float]], _ right: [[Float]], within bound: Double) {
        #expect(left.count == right.count && !left.isEmpty)
        for (step, pair) in zip(left, right).enumerated() {
            #expect(difference(pair.0, pair.1) <= bound, "step \(step)")
        }
    }

    @Test(arguments: [false, true])
    func `attention of grouped heads by our kernel is the composed one`(norms: Bool) throws {
        var test = Case(steps: speech(24))
        test.norms = norms
        expectEqual(try run(test, kernels: true), try run(test, kernels: false), within: 2e-5)
    }

    @Test func `a head width the kernel has no form for is composed`() throws {
        let test = Case(width: 24, steps: speech(12))
        expectEqual(try run(test, kernels: true), try run(test, kernels: false), within: 1e-6)
    }

    @Test func `a cache in float16 differs by its rounding alone`() throws {
        var test = Case(steps: speech(24))
        let exact = try run(test, kernels: true)
        test.half = true
        let half = try run(test, kernels: true)
        expectEqual(half, exact, within: 3e-3)
        #expect(half != exact)
        expectEqual(half, try run(test, kernels: false), within: 3e-3)
    }

    @Test func `a ring as long as its window gives what the whole past under a mask gives`() throws {
        var ring = Case(window: 8, capacity: 12, steps: speech(120))
        ring.norms = true
        var whole = ring
        whole.capacity = 128
        let reference = try run(whole, kernels: false)
        expectEqual(try run(ring, kernels: true), reference, within: 2e-5)
        expectEqual(try run(ring, kernels: false), reference, within: 2e-5)
        var unbounded = whole
        unbounded.window = nil
        #expect(difference(try run(unbounded, kernels: true)[100], reference[100]) > 1e-2)
    }

    @Test(arguments: [true, false])
    func `sessions that step together see only their own rows`(kernels: Bool) throws {
        let lengths = [9, 20, 14]
        var together = Case(capacity: 32, slots: 3)
        together.steps = lengths.indices.map { slot in (0..<5).map { (slot, $0) } }
        for position in 5..<20 {
            together.steps.append(lengths.indices.filter { position < lengths[$0] }.map { ($0, position) })
        }
        let all = try run(together, kernels: kernels)
        for slot in lengths.indices {
            let alone = try run(
                Case(capacity: 32, slots: 3, steps: speech(slot: slot, lengths[slot])), kernels: kernels,
                threads: 2)
            #expect(alone[0] == all[slot])
            for position in 5..<lengths[slot] {
                let step = lengths.count + position - 5
                let row = together.steps[step].firstIndex { $0.slot == slot } ?? 0
                let width = alone[0].count / 5
                #expect(alone[position - 4] == Array(all[step][row * width..<(row + 1) * width]))
            }
        }
    }

    @Test func `a copied slot goes on as its source would`() throws {
        let device = try Device(.cpu, threads: 1)
        let layout = KVCache.Layout(layers: 1, heads: 1, headWidth: 16)
        let cache = try KVCache(on: device, layout, slots: 2, capacity: 16, half: false)
        func step(_ slot: Int, _ positions: Range<Int>) -> [Float] {
            let rows = positions.count
            let (graph, ends) = Graph.layOut(on: device) { graph in
                let input = graph.input("x", [rows, 16])
                let step = Step(in: graph, rows: rows, cache: cache, rotaryBase: 10_000)
                let x = input.split(into: 1).rotated(at: step)
                let output = x.attending(to: cache.layer(0, in: graph).storing(x, x, at: step), at: step)
                graph.output(output)
                return (input: input, step: step, output: output)
            }
            var noise = Noise(UInt64(positions.lowerBound + 1))
            ends.input.write(noise.values(rows, 16))
            ends.step.write(positions.map { (slot, $0) })
            graph.compute()
            return ends.output.read()
        }
        _ = step(0, 0..<6)
        cache.copy(from: 0, to: 1, count: 6)
        let source = step(0, 6..<8)
        #expect(step(1, 6..<8) == source)
        #expect(source.contains { $0 != 0 })
    }
}
