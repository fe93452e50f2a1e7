import Checkpoints

/// How the values of a synthetic checkpoint are scaled: projections by the square root of what they sum over, norms
/// around one, codebooks as unit vectors times their usage, so that activations stay within a trained model's range.
enum SyntheticScale {
    /// What a tensor's values are like, by its name.
    static func kind(_ entry: SyntheticTensor, outputGain: Float) -> SyntheticValues.Kind {
        let (name, shape) = (entry.name, entry.shape)
        let leaf = name.split(separator: ".").last.map(String.init) ?? name
        switch leaf {
        case "initialized": return .constant(1)
        case "cluster_usage": return .usage
        case "embed_sum", "embedding_sum":
            let usage = name.dropLast(leaf.count) + "cluster_usage"
            return .codebook(width: shape[1], usage: String(usage))
        case "alpha", "beta": return .normal(mean: 0, deviation: 0.3)
        case "gamma", "scale": return .normal(mean: 0.3, deviation: 0.1)
        default: break
        }
        if name.contains("norm") { return .normal(mean: leaf == "weight" ? 1 : 0, deviation: 0.1) }
        if name == "decoder.decoder.6.conv.bias" { return .normal(mean: 0, deviation: 0) }
        if leaf == "bias" { return .normal(mean: 0, deviation: 0.1) }
        if name.contains("text_embedding") { return .normal(mean: 0, deviation: 1) }
        if name.contains("codec_embedding") { return .normal(mean: 0, deviation: 0.3) }
        let deviation = gain(name) / Float(summands(name, shape)).squareRoot()
        if name == "decoder.decoder.6.conv.weight" {
            return .differences(taps: shape[2], deviation: deviation * outputGain)
        }
        return .normal(mean: 0, deviation: deviation)
    }

    /// How many products make one output of the layer.
    private static func summands(_ name: String, _ shape: [Int]) -> Int {
        guard name.hasPrefix("decoder.") else { return shape.dropFirst().reduce(1, *) }
        // Transposed convolutions `[in, out, taps]`: two taps reach each output in the blocks, one in the upsampling.
        if name.contains(".block.1.conv.") { return 2 * shape[0] }
        if name.hasPrefix("decoder.upsample."), name.hasSuffix(".0.conv.weight") { return shape[0] }
        return shape.dropFirst().reduce(1, *)
    }

    private static func gain(_ name: String) -> Float {
        if name.hasSuffix("codec_head.weight") || name.contains(".lm_head.") { return 3 }
        if name.hasSuffix("o_proj.weight") || name.hasSuffix("down_proj.weight") { return 0.6 }
        // Twelve residual units in a row, of which none is normalised.
        if name.hasPrefix("decoder.decoder."), name.contains(".conv2.") { return 0.4 }
        // Layers that a rectifier, or something near it, follows.
        let rectified = ["speaker_encoder", "encoder.encoder.", "linear_fc1"].contains { name.contains($0) }
        return rectified ? 1.4 : 1
    }
}
