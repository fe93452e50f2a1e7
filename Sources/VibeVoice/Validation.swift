import NeuralLayers

// Every number that sizes something is bounded before it does, so that a file of a few bytes can neither overflow
// later arithmetic nor ask for the machine's memory.

extension RealtimeConfiguration {
    func validate() throws(ConfigurationError) {
        let check = ConfigurationChecker(file: "config.json")
        try decoderConfig.validate(check)
        try check.within(1...256, ("acoustic_vae_dim", acousticVaeDim))
        guard (1..<decoderConfig.numHiddenLayers).contains(ttsBackboneNumHiddenLayers) else {
            throw check.wrong(
                "tts_backbone_num_hidden_layers",
                "is \(ttsBackboneNumHiddenLayers) of \(decoderConfig.numHiddenLayers) layers; each stack needs some"
            )
        }
        try acousticTokenizerConfig.validate(check, key: "acoustic_tokenizer_config")
        try diffusionHeadConfig.validate(check)
        guard acousticTokenizerConfig.vaeDim == acousticVaeDim,
            diffusionHeadConfig.latentSize == acousticVaeDim
        else {
            throw check.wrong("acoustic_vae_dim", "is not that of the tokenizer and the diffusion head")
        }
        guard diffusionHeadConfig.hiddenSize == decoderConfig.hiddenSize else {
            throw check.wrong("diffusion_head_config.hidden_size", "is not the language model's")
        }
    }
}

extension LanguageConfiguration {
    func validate(_ check: ConfigurationChecker) throws(ConfigurationError) {
        try check.within(1...128, ("decoder_config.num_hidden_layers", numHiddenLayers))
        try check.within(
            1...32768, ("decoder_config.hidden_size", hiddenSize),
            ("decoder_config.intermediate_size", intermediateSize))
        try check.within(1...1 << 20, ("decoder_config.vocab_size", vocabSize))
        try check.within(16...1 << 20, ("decoder_config.max_position_embeddings", maxPositionEmbeddings))
        try check.within(1...256, ("decoder_config.num_attention_heads", numAttentionHeads))
        guard hiddenSize % numAttentionHeads == 0 else {
            throw check.wrong(
                "decoder_config.num_attention_heads", "\(numAttentionHeads) do not divide \(hiddenSize)")
        }
        try check.heads(numAttentionHeads, numKeyValueHeads, hiddenSize / numAttentionHeads)
        try check.rotary(ropeTheta)
        guard rmsNormEps > 0, rmsNormEps < 1 else {
            throw check.wrong("decoder_config.rms_norm_eps", "is \(rmsNormEps)")
        }
    }
}

extension TokenizerConfiguration {
    /// - Parameter key: where in the file this stands.
    func validate(_ check: ConfigurationChecker, key: String) throws(ConfigurationError) {
        try check.within(
            1...1024, ("\(key).vae_dim", vaeDim), ("\(key).encoder_n_filters", encoderNFilters),
            ("\(key).decoder_n_filters", decoderNFilters))
        guard channels == 1, causal, convBias, disableLastNorm, convNorm == "none", layernorm == "RMSNorm",
            mixerLayer == "depthwise_conv", padMode == "constant"
        else { throw check.wrong(key, "describes another network than the published one") }
        guard layernormEps > 0, layernormEps < 1 else {
            throw check.wrong("\(key).layernorm_eps", "is \(layernormEps)")
        }
        for (name, ratios, blocks) in [
            ("encoder", encoderRatios, encoderBlocks), ("decoder", decoderRatios, decoderBlocks),
        ] {
            guard (1...8).contains(ratios.count), ratios.allSatisfy({ (1...64).contains($0) }) else {
                throw check.wrong("\(key).\(name)_ratios", "must list one to eight rates of 1 to 64")
            }
            guard let blocks, blocks.count == ratios.count + 1, blocks.allSatisfy({ (1...64).contains($0) })
            else {
                throw check.wrong("\(key).\(name)_depths", "must list \(ratios.count + 1) numbers of 1 to 64")
            }
        }
        try check.within(1...1 << 20, ("\(key).decoder_ratios", samplesPerFrame))
    }
}

extension DiffusionConfiguration {
    func validate(_ check: ConfigurationChecker) throws(ConfigurationError) {
        let key = "diffusion_head_config"
        try check.within(1...32768, ("\(key).hidden_size", hiddenSize), ("\(key).latent_size", latentSize))
        try check.within(1...64, ("\(key).head_layers", headLayers))
        guard headFfnRatio > 0, headFfnRatio <= 16, feedForward > 0 else {
            throw check.wrong("\(key).head_ffn_ratio", "is \(headFfnRatio)")
        }
        guard rmsNormEps > 0, rmsNormEps < 1 else {
            throw check.wrong("\(key).rms_norm_eps", "is \(rmsNormEps)")
        }
        guard predictionType == "v_prediction", ddpmBetaSchedule == "cosine",
            ddpmNumSteps == NoiseSchedule.trainingSteps
        else {
            throw check.wrong(
                key, "names another schedule than a cosine of 1000 steps that predicts velocity")
        }
    }
}
