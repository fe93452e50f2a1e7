import Checkpoints
import TensorGraph
import Testing

@Suite struct OperationTests {
    /// Both forms round weights to the type alike; what differs is how the rows that meet them are rounded.
    @Test(arguments: [
        (ElementType.f32, 1e-5), (.bf16, 1e-2), (.f16, 2e-3), (.q8_0, 1e-2), (.q6_k, 1e-2), (.q5_k, 1e-2),
        (.q4_k, 1e-2), (.q4_0, 1e-2),
    ])
    func `a projection by our kernel is the one composed of ggml's operations`(
        type: ElementType, bound: Double
    ) throws {
        var noise = Noise(1)
        let (width, out) = (512, 96)
        let tensors = [
            TestTensor("a.weight", [out, width], noise.values(out, width)),
            TestTensor("a.bias", [out], noise.values(out)),
        ]
        for rows in [1, 2, 3, 8, 17] {
            let (x, y) = (noise.values(rows, width), noise.values(rows, out))
            func run(_ kernels: Bool, threads: Int) throws -> [Float] {
                try compute(
                    tensors, kernels: kernels, threads: threads, precision: Precision(type),
                    bind: { (try $0["a"].matrix("weight", [out, width]), try $0["a"].vector("bias", out)) },
                    { graph, bound in
                        let (input, residual) = (
                            graph.input("x", [rows, width]), graph.input("y", [rows, out])
                        )
                        let result = input.projected(by: [(bound.0, bound.1)], adding: residual)[0]
                        return (result, [(input, x), (residual, y)])
                    })
            }
            let ours = try run(true, threads: 1)
            #expect(try difference(ours, run(false, threads: 1)) <= bound, "\(rows) rows")
            #expect(try run(true, threads: 2) == ours, "\(rows) rows by two threads")
        }
    }

    @Test(arguments: [1, 4, 9])
    func `a row is projected alike in any company`(rows: Int) throws {
        var noise = Noise(2)
        let (width, out) = (256, 64)
        let tensors = [TestTensor("weight", [out, width], noise.values(out, width))]
        let x = noise.values(rows, width)
        for type in [ElementType.f32, .bf16, .q8_0, .q4_k] {
            func run(_ x: [Float]) throws -> [Float] {
                try compute(
                    tensors, kernels: true, precision: Precision(type),
                    bind: { try $0.matrix("weight", [out, width]) },
                    { graph, weight in
                        let input = graph.input("x", [x.count / width, width])
                        return (input.projected(by: [(weight, nil)])[0], [(input, x)])
                    })
            }
            let together = try run(x)
            for row in 0..<rows {
                let alone = try run(Array(x[row * width..<(row + 1) * width]))
                #expect(
                    alone == Array(together[row * out..<(row + 1) * out]), "\(type), row \(row) of \(rows)")
            }
        }
    }

    @Test func `three projections of the same rows are those made one at a time`() throws {
        var noise = Noise(3)
        let tensors = [("q", 64), ("k", 32), ("v", 32)].map {
            TestTensor("\($0.0).weight", [$0.1, 48], noise.values($0.1, 48))
        }
        let x = noise.values(5, 48)
        func run(_ kernels: Bool, together: Bool) throws -> [Float] {
            try compute(
                tensors, kernels: kernels,
                bind: { weights in
                    try [("q", 64), ("k", 32), ("v", 32)].map {
                        try weights[$0.0].matrix("weight", [$0.1, 48])
                    }
                },
                { graph, bound in
                    let input = graph.input("x", [5, 48])
                    let parts =
                        together
                        ? input.projected(by: bound.map { ($0, nil) })
                        : bound.map { input.projected(by: [($0, nil)])[0] }
                    return (parts[0].joined(parts[1]).joined(parts[2]), [(input, x)])
                })
        }
        let apart = try run(false, together: false)
        #expect(try difference(run(true, together: true), apart) < 1e-6)
        #expect(try difference(run(false, together: true), apart) < 1e-6)
    }

    @Test(arguments: [ElementType.f32, .q8_0])
    func `the gate of a feed-forward is silu of one projection times another`(type: ElementType) throws {
        var noise = Noise(4)
        let (width, inner) = (64, 160)
        let names = ["gate", "up"]
        let tensors = names.map { TestTensor("\($0).weight", [inner, width], noise.values(inner, width)) }
        let x = noise.values(3, width)
        func run(_ kernels: Bool) throws -> [Float] {
            try compute(
                tensors, kernels: kernels, precision: Precision(type),
                bind: { weights in try names.map { try weights[$0].matrix("weight", [inner, width]) } },
                { graph, bound in
                    let input = graph.input("x", [3, width])
                    return (input.gated(bound[0], bound[1]), [(input, x)])
                })
        }
        #expect(try difference(run(true), run(false)) < (type == .f32 ? 1e-5 : 2e-2))
    }

    @Test func `norms agree with double precision by kernel and composed`() throws {
        var noise = Noise(5)
        let (rows, width) = (4, 72)
        let (weight, bias, x) = (noise.values(width), noise.values(width), noise.values(rows, width))
        let tensors = [TestTensor("weight", [width], weight), TestTensor("bias", [width], bias)]
        for centred in [false, true] {
            let expected = (0..<rows).flatMap { row -> [Float] in
                let values = x[row * width..<(row + 1) * width].map(Double.init)
                let mean = centred ? values.reduce(0, +) / Double(width) : 0
                let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(width)
                let scale = 1 / (variance + 1e-5).squareRoot()
                return values.enumerated().map { index, value in
                    Float(
                        (value - mean) * scale * Double(weight[index]) + (centred ? Double(bias[index]) : 0))
                }
            }
            for kernels in [true, false] {
                let ours = try compute(
                    tensors, kernels: kernels,
                    bind: { (try $0.vector("weight", width), try $0.vector("bias", width)) },
                    { graph, bound in
                        let input = graph.input("x", [rows, width])
                        let normed =
                            centred
                            ? input.layerNormed(bound.0, bound.1, epsilon: 1e-5)
                            : input.rmsNormed(bound.0, epsilon: 1e-5)
                        return (normed, [(input, x)])
                    })
                #expect(difference(ours, expected) < 1e-5, "centred \(centred), kernels \(kernels)")
            }
        }
    }

    @Test func `activations by our kernels are ggml's`() throws {
        let x = (0..<257).map { Float($0 - 128) / 12 }
        let activations: [(String, (Tensor) -> Tensor)] = [
            ("silu", { $0.silu }), ("gelu", { $0.gelu }), ("relu", { $0.relu }), ("elu", { $0.elu }),
            ("sigmoid", { $0.sigmoid }), ("tanh", { $0.tanh }),
        ]
        for (name, activation) in activations {
            func run(_ kernels: Bool) throws -> [Float] {
                try compute(
                    [], kernels: kernels, bind: { _ in () },
                    { graph, _ in
                        let input = graph.input("x", [1, x.count])
                        return (activation(input), [(input, x)])
                    })
            }
            #expect(try difference(run(true), run(false)) < 2e-6, "\(name)")
        }
    }

    @Test func `padding repeats zeros, edges, or the rows beside the end`() throws {
        func run(_ pad: (Tensor) -> Tensor) throws -> [Float] {
            try compute(
                [], kernels: true, bind: { _ in () },
                { graph, _ in
                    let input = graph.input("x", [4, 1])
                    return (pad(input), [(input, [1, 2, 3, 4])])
                })
        }
        #expect(try run { $0.zeroPadded(2, 1) } == [0, 0, 1, 2, 3, 4, 0])
        #expect(try run { $0.edgePadded(2, 1) } == [1, 1, 1, 2, 3, 4, 4])
        #expect(try run { $0.reflectPadded(2) } == [3, 2, 1, 2, 3, 4, 3, 2])
    }

    @Test func `a tapped layer can be read and an unknown name gives nothing`() throws {
        let device = try Device(.cpu, threads: 1)
        let (graph, input) = Graph.layOut(on: device, taps: ["middle"]) { graph in
            let input = graph.input("x", [2, 3])
            let middle = input.scaled(by: 2).named("middle")
            graph.output(middle.scaled(by: 5).named("end"))
            return input
        }
        input.write([1, 2, 3, 4, 5, 6])
        graph.compute()
        let tapped = try #require(graph.tapped("middle"))
        #expect(tapped.values == [2, 4, 6, 8, 10, 12])
        #expect(tapped.shape == [2, 3])
        #expect(graph.tapped("end") == nil)
    }

    @Test func `a graph gives the same again after other inputs went through it`() throws {
        let device = try Device(.cpu, threads: 1)
        let (graph, ends) = Graph.layOut(on: device) { graph in
            let input = graph.input("x", [6, 16])
            let output = input.edgePadded(1, 1).silu
            graph.output(output)
            return (input, output)
        }
        var noise = Noise(6)
        let (first, second) = (noise.values(6, 16), noise.values(6, 16))
        func run(_ x: [Float]) -> [Float] {
            ends.0.write(x)
            graph.compute()
            return ends.1.read()
        }
        let before = run(first)
        #expect(run(second) != before)
        #expect(run(first) == before)
    }
}
