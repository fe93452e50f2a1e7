import NeuralLayers
import TensorGraph

/// A latent as a row of the language model: `fc2(norm(fc1 x))`, with no activation between.
struct Connector: Sendable {
    private let first, second: Linear
    private let norm: RMSNorm
    private let path: String

    init(
        _ weights: Weights, _ input: Int, _ width: Int, _ layout: EncoderLayout = .authors
    ) throws(LoadError) {
        path = weights.path
        let names = layout == .authors ? ("fc1", "norm", "fc2") : ("linear_1", "act", "linear_2")
        first = try Linear(weights[names.0], input, width, bias: true, role: .connector)
        // The authors' class leaves the norm's epsilon at this.
        norm = try RMSNorm(weights[names.1], width, 1e-6)
        second = try Linear(weights[names.2], width, width, bias: true, role: .connector)
    }

    /// `[rows, input]` to `[rows, width]`.
    func callAsFunction(_ x: Tensor) -> Tensor { second(norm(first(x))).named(path) }
}
