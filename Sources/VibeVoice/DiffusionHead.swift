import NeuralLayers
import TensorGraph

/// The network that turns noise into a frame's latent, a velocity at a time, on a hidden state's condition.
struct DiffusionHead: Sendable {
    private let input, condition, output: Linear
    private let timeFirst, timeSecond: Linear
    private let layers: [DiffusionLayer]
    private let finalModulation: Linear
    private let ones: Weight
    private let epsilon: Float
    private let path: String
    let width: Int, latent: Int

    /// Cosines and sines that a step's number is told by.
    private static let frequencies = 128

    init(
        _ weights: Weights, _ config: DiffusionConfiguration, _ layout: EncoderLayout = .authors
    ) throws(LoadError) {
        (width, latent, epsilon) = (config.hiddenSize, config.latentSize, config.rmsNormEps)
        path = weights.path
        input = try Linear(weights["noisy_images_proj"], latent, width, role: .head)
        condition = try Linear(weights["cond_proj"], width, width, role: .head)
        let time = layout.timeEmbedding(weights)
        timeFirst = try Linear(time.first, 2 * Self.frequencies, width, role: .head)
        timeSecond = try Linear(time.second, width, width, role: .head)
        var layers: [DiffusionLayer] = []
        for index in 0..<config.headLayers {
            layers.append(try DiffusionLayer(weights["layers"][index], config, layout))
        }
        self.layers = layers
        let final = weights["final_layer"]
        finalModulation = try Linear(layout.finalModulation(final), width, 2 * width, role: .diffusion)
        output = try Linear(final[layout == .authors ? "linear" : "linear_2"], width, latent, role: .head)
        // The last norm has no weight of its own.
        let ones = [Float](repeating: 1, count: width)
        self.ones = final.derived("norm_final.ones", [width]) { ones }
    }

    /// Hidden states `[rows, width]` as the network takes its conditions.
    func conditions(_ hidden: Tensor) -> Tensor { condition(hidden) }

    /// The sinusoids of steps `[steps, 256]`: cosines first. Angles are rounded to float32 where the reference rounds
    /// them, which at a thousand radians shows in the fifth digit.
    static func sinusoids(_ times: [Int]) -> [Float] {
        let rate = -Float(logarithm(10_000))
        let frequencies = (0..<frequencies).map { index in
            Float(exponential(Double(rate * Float(index) / Float(Self.frequencies))))
        }
        return times.flatMap { time in
            let angles = frequencies.map { Double(Float(time) * $0) }
            return angles.map { Float(cosine($0)) } + angles.map { Float(sine($0)) }
        }
    }

    /// Sinusoids `[steps, 256]` to what is added to a condition `[steps, width]`.
    func timeEmbedding(_ sinusoids: Tensor) -> Tensor { timeSecond(timeFirst(sinusoids).silu) }

    /// Velocities `[rows, latent]` of `x` `[rows, latent]` under conditions and step `[rows, width]`.
    func callAsFunction(_ x: Tensor, _ conditions: Tensor) -> Tensor {
        let active = conditions.silu
        var h = input(x)
        for layer in layers { h = layer(h, active) }
        let modulation = finalModulation(active)
        let normed = h.rmsNormed(ones, epsilon: epsilon)
        return output(
            normed.modulated(shift: modulation.columns(0, width), scale: modulation.columns(width, width))
        )
        .named(path)
    }
}

/// A gated feed-forward whose input and result are shifted, scaled and gated by the condition.
private struct DiffusionLayer: Sendable {
    private let norm: RMSNorm
    private let modulation, down: Linear
    private let gate, up: Weight
    private let width: Int

    init(
        _ weights: Weights, _ config: DiffusionConfiguration, _ layout: EncoderLayout
    ) throws(LoadError) {
        width = config.hiddenSize
        norm = try RMSNorm(weights["norm"], width, config.rmsNormEps)
        modulation = try Linear(layout.modulation(weights), width, 3 * width, role: .diffusion)
        let inner = config.feedForward
        gate = try weights["ffn"]["gate_proj"].matrix("weight", [inner, width], role: .diffusion)
        up = try weights["ffn"]["up_proj"].matrix("weight", [inner, width], role: .diffusion)
        down = try Linear(weights["ffn"]["down_proj"], inner, width, role: .diffusion)
    }

    func callAsFunction(_ x: Tensor, _ condition: Tensor) -> Tensor {
        let parts = modulation(condition)
        let y = norm(x).modulated(shift: parts.columns(0, width), scale: parts.columns(width, width))
        return x + down(y.gated(gate, up)) * parts.columns(2 * width, width).contiguous
    }
}

extension EncoderLayout {
    fileprivate func timeEmbedding(_ head: Weights) -> (first: Weights, second: Weights) {
        switch self {
        case .authors: (head["t_embedder"]["mlp"][0], head["t_embedder"]["mlp"][2])
        case .transformers: (head["timestep_proj"]["fc1"], head["timestep_proj"]["fc2"])
        }
    }

    fileprivate func modulation(_ layer: Weights) -> Weights {
        self == .authors ? layer["adaLN_modulation"][1] : layer["linear"]
    }

    fileprivate func finalModulation(_ layer: Weights) -> Weights {
        self == .authors ? layer["adaLN_modulation"][1] : layer["linear_1"]
    }
}

extension Tensor {
    /// x (1 + scale) + shift.
    fileprivate func modulated(shift: Tensor, scale: Tensor) -> Tensor {
        self + self * scale.contiguous + shift.contiguous
    }
}
