// A configuration comes from a stranger. Every number that sizes something is bounded before it does, so that
// later arithmetic cannot overflow; and what the code does not do is refused rather than done otherwise.

extension ASRConfiguration {
    func validate() throws(ASRConfigurationError) {
        try languageModel.validate()
        try acoustic.validate("acoustic encoder")
        try semantic.validate("semantic encoder")
        guard acoustic.hop == semantic.hop else {
            throw .wrongValue(
                key: "encoder_ratios",
                why:
                    "make frames of \(acoustic.hop) samples in one encoder and of \(semantic.hop) in the other"
            )
        }
    }
}

extension ASRLanguageModelConfiguration {
    func validate() throws(ASRConfigurationError) {
        try within(1...32768, ("hidden_size", hiddenSize), ("intermediate_size", intermediateSize))
        try within(1...1 << 20, ("vocab_size", vocabSize), ("max_position_embeddings", maxPositionEmbeddings))
        try within(1...128, ("num_hidden_layers", numHiddenLayers))
        try within(
            1...256, ("num_attention_heads", numAttentionHeads), ("num_key_value_heads", numKeyValueHeads))
        try within(2...512, ("head_dim", headWidth))
        guard numAttentionHeads % numKeyValueHeads == 0, headWidth % 2 == 0,
            headDim != nil || hiddenSize % numAttentionHeads == 0
        else {
            throw .wrongValue(
                key: "num_attention_heads",
                why: "\(numAttentionHeads) heads of \(headWidth) cannot share \(numKeyValueHeads) key heads")
        }
        guard let base = ropeBase else { throw .missingKey("rope_theta") }
        guard base > 1, base < 1e12 else { throw .wrongValue(key: "rope_theta", why: "is \(base)") }
        guard ropeParameters?.ropeType ?? "default" == "default" else {
            throw .wrongValue(
                key: "rope_type", why: "is '\(ropeParameters?.ropeType ?? "")'; only default is known")
        }
        guard hiddenAct ?? "silu" == "silu" else { throw .wrongValue(key: "hidden_act", why: "is not silu") }
        guard useSlidingWindow != true else { throw .wrongValue(key: "use_sliding_window", why: "is true") }
        guard rmsNormEps > 0, rmsNormEps < 1 else {
            throw .wrongValue(key: "rms_norm_eps", why: "is \(rmsNormEps)")
        }
    }
}

extension EncoderConfiguration {
    func validate(_ name: String) throws(ASRConfigurationError) {
        try within(1...4096, ("\(name): vae_dim", latentWidth))
        try within(1...1024, ("\(name): n_filters", filters))
        guard (1...10).contains(strides.count), depths.count == strides.count + 1 else {
            throw .wrongValue(
                key: "\(name): depths",
                why: "lists \(depths.count) stages for \(strides.count) ratios; one more is needed")
        }
        for value in strides { try within(1...64, ("\(name): ratios", value)) }
        for value in depths { try within(1...64, ("\(name): depths", value)) }
        try within(1...48_000, ("\(name): samples in a frame", strides.reduce(1) { min($0 * $1, 1 << 20) }))
        try within(1...32768, ("\(name): channels of the last stage", filters << strides.count))
        guard epsilon > 0, epsilon < 1 else {
            throw .wrongValue(key: "\(name): norm epsilon", why: "is \(epsilon)")
        }
        guard noise.map({ $0.isFinite && $0 >= 0 }) ?? true else {
            throw .wrongValue(key: "\(name): fix_std", why: "is \(noise ?? 0)")
        }
    }
}

extension EncoderConfiguration.AuthorsFile {
    func check(_ name: String) throws(ASRConfigurationError) {
        let flags = [
            ("causal", causal, true), ("conv_bias", convBias, true),
            ("disable_last_norm", disableLastNorm, true),
        ]
        for (key, value, known) in flags where value ?? known != known {
            throw .wrongValue(key: "\(name).\(key)", why: "is not \(known), the only value known")
        }
        let choices = [
            ("conv_norm", convNorm, "none"), ("layernorm", layernorm, "RMSNorm"),
            ("mixer_layer", mixerLayer, "depthwise_conv"), ("pad_mode", padMode, "constant"),
        ]
        for (key, value, known) in choices where value ?? known != known {
            throw .wrongValue(key: "\(name).\(key)", why: "is '\(value ?? "")'; only \(known) is known")
        }
        guard channels ?? 1 == 1 else { throw .wrongValue(key: "\(name).channels", why: "is not 1") }
    }
}

extension EncoderConfiguration.TransformersFile {
    func check(_ name: String) throws(ASRConfigurationError) {
        let numbers = [
            ("kernel_size", kernelSize, EncoderConfiguration.taps),
            ("ffn_expansion", ffnExpansion, EncoderConfiguration.expansion), ("channels", channels, 1),
        ]
        for (key, value, known) in numbers where value ?? known != known {
            throw .wrongValue(key: "\(name).\(key)", why: "is not \(known), the only value known")
        }
        guard hiddenAct ?? "gelu" == "gelu" else {
            throw .wrongValue(key: "\(name).hidden_act", why: "is not gelu")
        }
    }
}

private func within(_ range: ClosedRange<Int>, _ values: (key: String, value: Int)...)
    throws(ASRConfigurationError)
{
    for (key, value) in values where !range.contains(value) {
        throw .wrongValue(
            key: key, why: "is \(value); it must lie in \(range.lowerBound)...\(range.upperBound)")
    }
}
