package import TensorGraph

/// x Wᵀ + b.
package struct Linear: Sendable {
    let weight: Weight
    let bias: Weight?

    package init(
        _ weights: Weights, _ input: Int, _ output: Int, bias: Bool = false, role: WeightRole = .matrix
    ) throws(LoadError) {
        weight = try weights.matrix("weight", [output, input], role: role)
        self.bias = try bias ? weights.vector("bias", output) : nil
    }

    /// A 1x1 convolution `[out, in, 1]`, which is a projection of each step.
    package init(
        pointwise weights: Weights, _ input: Int, _ output: Int, bias: Bool = false,
        role: WeightRole = .codecMatrix
    ) throws(LoadError) {
        weight = try weights.pointwise(output, input, role: role)
        self.bias = try bias ? weights.vector("bias", output) : nil
    }

    /// `[rows, in]` to `[rows, out]`, `residual` added.
    package func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil) -> Tensor {
        x.projected(by: [(weight, bias)], adding: residual)[0]
    }

    /// Several projections of the same rows, which read them once.
    static func together(_ x: Tensor, _ first: Linear, _ second: Linear, _ third: Linear) -> [Tensor] {
        x.projected(by: [first, second, third].map { ($0.weight, $0.bias) })
    }
}

/// w x / sqrt(mean(x²) + ε).
package struct RMSNorm: Sendable {
    let weight: Weight
    let epsilon: Float

    package init(_ weights: Weights, _ width: Int, _ epsilon: Float) throws(LoadError) {
        weight = try weights.vector("weight", width)
        self.epsilon = epsilon
    }

    package func callAsFunction(_ x: Tensor) -> Tensor { x.rmsNormed(weight, epsilon: epsilon) }
}

/// (x - mean) / sqrt(variance + ε), then weight and bias.
package struct LayerNorm: Sendable {
    private let weight: Weight, bias: Weight
    private let epsilon: Float

    package init(_ weights: Weights, _ width: Int, _ epsilon: Float) throws(LoadError) {
        weight = try weights.vector("weight", width)
        bias = try weights.vector("bias", width)
        self.epsilon = epsilon
    }

    package func callAsFunction(_ x: Tensor) -> Tensor { x.layerNormed(weight, bias, epsilon: epsilon) }
}

/// Either norm, as the configuration says.
enum Norm: Sendable {
    case rms(RMSNorm)
    case centred(LayerNorm)

    init(_ weights: Weights, _ config: DecoderConfig) throws(LoadError) {
        self =
            try config.centredNorms
            ? .centred(LayerNorm(weights, config.width, config.epsilon))
            : .rms(RMSNorm(weights, config.width, config.epsilon))
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .rms(let norm): norm(x)
        case .centred(let norm): norm(x)
        }
    }
}
