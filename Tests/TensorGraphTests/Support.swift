import Checkpoints
import Foundation
import TensorGraph

/// Numbers that repeat for a seed, uniform in [-1, 1).
struct Noise {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func value() -> Float {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Float(state >> 40) / Float(1 << 23) - 1
    }

    mutating func values(_ shape: Int...) -> [Float] { (0..<shape.reduce(1, *)).map { _ in value() } }
}

/// A tensor of a checkpoint that a test makes.
struct TestTensor {
    let name: String
    let shape: [Int]
    let values: [Float]

    init(_ name: String, _ shape: [Int], _ values: [Float]) {
        precondition(values.count == shape.reduce(1, *), "\(name): \(values.count) values for \(shape)")
        (self.name, self.shape, self.values) = (name, shape, values)
    }
}

/// The tensors as a file has them.
func stored(_ tensors: [TestTensor]) throws -> [StoredTensor] {
    let sources = tensors.map { tensor in
        TensorSource(tensor.name, .f32, tensor.shape, bytes: tensor.values.withUnsafeBytes { Array($0) })
    }
    return try stored { try SafetensorsWriter.write(sources, to: $0) }
}

/// The tensors of a file that `write` makes, which is gone from the disk when this returns.
func stored(_ write: (String) throws -> Void) throws -> [StoredTensor] {
    let path = NSTemporaryDirectory() + "mynah-test-\(UInt64.random(in: 0 ... .max))"
    defer { unlink(path) }
    try write(path)
    return try CheckpointFile(path: path).tensors
}

/// What a graph of one output computes, by our kernels or composed.
func compute<Bound>(
    _ tensors: [TestTensor], kernels: Bool, threads: Int = 1, precision: Precision = .exact,
    bind: (Weights) throws -> Bound, _ build: (Graph, Bound) -> (output: Tensor, inputs: [(Tensor, [Float])])
) throws -> [Float] {
    let device = try Device(.cpu, threads: threads, kernels: kernels)
    let loader = try WeightLoader(stored(tensors), on: device, precision: precision)
    let bound = try bind(loader.weights)
    try loader.finish()
    let (graph, ends) = Graph.layOut(on: device) { graph in
        let ends = build(graph, bound)
        graph.output(ends.output)
        return ends
    }
    for (tensor, values) in ends.inputs { tensor.write(values) }
    graph.compute()
    return ends.output.read()
}

/// Largest difference over the largest value of `right`; infinite where one is not finite or counts differ.
func difference(_ left: [Float], _ right: [Float]) -> Double {
    guard left.count == right.count, !left.isEmpty, left.allSatisfy(\.isFinite) else { return .infinity }
    let largest = zip(left, right).map { abs(Double($0) - Double($1)) }.max() ?? .infinity
    return largest / max(right.map { abs(Double($0)) }.max() ?? 0, 1e-12)
}
