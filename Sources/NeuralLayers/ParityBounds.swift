import Checkpoints
package import TensorGraph

/// Differences allowed between our values and the authors'.
package struct ParityBounds: Sendable {
    /// Of hidden states, embeddings, scores and latents, relative to the largest.
    package var values = 1e-4
    /// Of what the codec's convolutions make, relative to the largest.
    package var codec = 1e-4
    /// Of samples, relative to the peak.
    package var waveform = 1e-3
    /// Whether codes drawn without help must be the same ones.
    package var codesAreExact = true

    /// Those of exact weights.
    package init() {}

    /// Weights rounded to `precision` are compared along the golden path, and by what their rounding may move.
    package init(_ precision: Precision) {
        guard !precision.isExact else { return }
        codesAreExact = false
        // Rounding the operands of the authors' convolutions to bfloat16, as ours are, moves the sound of decoders
        // of random weights by up to 0.11 of the peak: noise does not tell them from speech, and nothing averages.
        (codec, waveform) = (0.25, 0.25)
        switch precision.type {
        case .f16: values = 0.02
        case .bf16, nil: values = 0.05
        case .q8_0: values = 0.1
        case .q6_k: values = 0.15
        case .q5_k: values = 0.25
        default: values = 0.5
        }
    }
}
