import Checkpoints
import Foundation
import TensorGraph
import Testing

@Suite struct ConvolutionTests {
    private let taps = 3, input = 6, output = 5

    private func tensors(_ seed: UInt64) -> [TestTensor] {
        var noise = Noise(seed)
        return [
            TestTensor("weight", [output, input, taps], noise.values(output, input, taps)),
            TestTensor("bias", [output], noise.values(output)),
        ]
    }

    /// Sums in double precision over rows that carry their own padding.
    private func expected(
        _ tensors: [TestTensor], _ x: [Float], steps: Int, stride: Int = 1, dilation: Int = 1
    ) -> [Float] {
        let (kernel, bias) = (tensors[0].values, tensors[1].values)
        return (0..<steps).flatMap { step in
            (0..<output).map { out in
                var sum = Double(bias[out])
                for tap in 0..<taps {
                    for channel in 0..<input {
                        let row = step * stride + tap * dilation
                        sum +=
                            Double(kernel[(out * input + channel) * taps + tap])
                            * Double(x[row * input + channel])
                    }
                }
                return Float(sum)
            }
        }
    }

    @Test(arguments: [(1, 1), (2, 1), (3, 1), (1, 2), (1, 3)])
    func `a convolution of rows with their padding is its sum of products`(stride: Int, dilation: Int) throws
    {
        let tensors = tensors(1)
        var noise = Noise(2)
        let rows = 23
        let x = noise.values(rows, input)
        let steps = (rows - (taps - 1) * dilation - 1) / stride + 1
        let reference = expected(tensors, x, steps: steps, stride: stride, dilation: dilation)
        for kernels in [true, false] {
            let ours = try compute(
                tensors, kernels: kernels, bind: { try $0.convolution(input, output, taps: taps) },
                { graph, weight in
                    let rows = graph.input("x", [rows, input])
                    return (rows.convolved(weight, stride: stride, dilation: dilation), [(rows, x)])
                })
            #expect(difference(ours, reference) < 1e-5, "kernels \(kernels)")
        }
    }

    @Test func `a transposed convolution spreads each step over its stride and is cut at the end`() throws {
        var noise = Noise(3)
        let (input, output, taps, stride, steps) = (4, 3, 2, 5, 7)
        let width = taps * stride
        let kernel = noise.values(input, output, width)
        let (bias, x) = (noise.values(output), noise.values(steps, input))
        var reference = [Double](repeating: 0, count: (steps + taps) * stride * output)
        for step in 0..<steps {
            for channel in 0..<input {
                for out in 0..<output {
                    for index in 0..<width {
                        reference[(step * stride + index) * output + out] +=
                            Double(kernel[(channel * output + out) * width + index])
                            * Double(x[step * input + channel])
                    }
                }
            }
        }
        let cut = (0..<steps * stride * output).map { Float(reference[$0] + Double(bias[$0 % output])) }
        let tensors = [
            TestTensor("weight", [input, output, width], kernel), TestTensor("bias", [output], bias),
        ]
        for kernels in [true, false] {
            let ours = try compute(
                tensors, kernels: kernels,
                bind: { try $0.transposedConvolution(input, output, taps: taps, stride: stride) },
                { graph, weight in
                    let rows = graph.input("x", [steps, input])
                    return (rows.zeroPadded(taps - 1, 0).convolved(weight), [(rows, x)])
                })
            #expect(difference(ours, cut) < 1e-5, "kernels \(kernels)")
        }
    }

    /// Convolutions with state: snake in front, a residual behind, then one by channel.
    private func stream(_ x: [Float], pieces: [Int], kernels: Bool, precision: Precision = .exact) throws
        -> [Float]
    {
        var noise = Noise(4)
        let width = 8
        let names = ["wide.weight", "wide.bias", "snake.alpha", "snake.beta", "deep.weight", "deep.bias"]
        let shapes = [[width, width, 7], [width], [width], [width], [width, 1, 4], [width]]
        let tensors = zip(names, shapes).map { TestTensor($0, $1, noise.values($1.reduce(1, *))) }
        let device = try Device(.cpu, threads: 1, kernels: kernels)
        let loader = try WeightLoader(stored(tensors), on: device, precision: precision)
        let weights = loader.weights
        let wide = try weights["wide"].convolution(width, width, taps: 7)
        let snake = try weights["snake"].snake(width)
        let deep = try weights["deep"].depthwiseConvolution(width, taps: 4)
        try loader.finish()
        let state = StreamState(on: device)
        let places = (state.convolution(wide, dilation: 3), state.depthwise(deep.kernel))
        var (result, start): ([Float], Int) = ([], 0)
        for piece in pieces {
            let (graph, ends) = Graph.layOut(on: device) { graph in
                let rows = graph.input("x", [piece, width])
                let y = rows.convolved(wide, after: snake, state: places.0, dilation: 3, residual: rows)
                let output = y.convolvedByChannel(deep.kernel, deep.bias, state: places.1)
                graph.output(output)
                return (rows, output)
            }
            ends.0.write(Array(x[start * width..<(start + piece) * width]))
            graph.compute()
            result += ends.1.read()
            start += piece
        }
        return result
    }

    @Test(arguments: [Precision.exact, Precision(.q8_0)])
    func `a stream in pieces is the whole, bit for bit by our kernels`(precision: Precision) throws {
        var noise = Noise(5)
        let x = noise.values(40, 8)
        let whole = try stream(x, pieces: [40], kernels: true, precision: precision)
        for pieces in [[1, 39], [20, 20], Array(repeating: 1, count: 40), [3, 5, 2, 17, 13]] {
            #expect(try stream(x, pieces: pieces, kernels: true, precision: precision) == whole, "\(pieces)")
        }
        let composed = try stream(x, pieces: [40], kernels: false)
        #expect(difference(whole, composed) < (precision.isExact ? 1e-5 : 2e-2))
        #expect(try difference(stream(x, pieces: [3, 5, 2, 17, 13], kernels: false), composed) < 1e-5)
    }

    @Test func `a reset stream begins anew`() throws {
        let device = try Device(.cpu, threads: 1)
        let loader = try WeightLoader(stored(tensors(6)), on: device, precision: .exact)
        let weight = try loader.weights.convolution(input, output, taps: taps)
        try loader.finish()
        let state = StreamState(on: device)
        let place = state.convolution(weight)
        let (graph, ends) = Graph.layOut(on: device) { graph in
            let rows = graph.input("x", [4, input])
            let output = rows.convolved(weight, state: place)
            graph.output(output)
            return (rows, output)
        }
        var noise = Noise(7)
        let x = noise.values(4, input)
        func step() -> [Float] {
            ends.0.write(x)
            graph.compute()
            return ends.1.read()
        }
        let first = step()
        #expect(step() != first)
        state.reset()
        #expect(step() == first)
    }

    @Test func `snake and elu in front of a convolution are what they are alone`() throws {
        var noise = Noise(8)
        let vectors = [
            TestTensor("alpha", [input], noise.values(input)),
            TestTensor("beta", [input], noise.values(input)),
        ]
        let x = noise.values(9, input)
        let snaked = x.enumerated().map { index, value in
            let (a, b) = (vectors[0].values[index % input], vectors[1].values[index % input])
            let sine = sin(exp(Double(a)) * Double(value))
            return Float(Double(value) + sine * sine / (exp(Double(b)) + 1e-9))
        }
        let elued = x.map { Float($0 > 0 ? Double($0) : exp(Double($0)) - 1) }
        for (elu, active) in [(false, snaked), (true, elued)] {
            let reference = expected(tensors(9), active, steps: 7)
            for kernels in [true, false] {
                let ours = try compute(
                    tensors(9) + vectors, kernels: kernels,
                    bind: { (try $0.convolution(input, output, taps: taps), try $0.snake(input)) },
                    { graph, bound in
                        let rows = graph.input("x", [9, input])
                        return (rows.convolved(bound.0, after: elu ? .elu : bound.1), [(rows, x)])
                    })
                #expect(difference(ours, reference) < 1e-5, "elu \(elu), kernels \(kernels)")
            }
        }
    }
}
