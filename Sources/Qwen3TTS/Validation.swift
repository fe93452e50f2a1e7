import NeuralLayers

// A configuration comes from a stranger. Every number that sizes something is bounded before it does, so that
// later arithmetic cannot overflow and a file of a few bytes cannot ask for the machine's memory.

extension Configuration {
    func validate() throws(ConfigurationError) {
        let check = ConfigurationChecker(file: "config.json")
        guard tokenizerType == "qwen3_tts_tokenizer_12hz" else {
            throw check.wrong(
                "tokenizer_type", "is '\(tokenizerType)'; only qwen3_tts_tokenizer_12hz is supported")
        }
        let talker = talkerConfig
        try check.within(
            1...64, ("num_hidden_layers", talker.numHiddenLayers), ("num_code_groups", talker.numCodeGroups))
        try check.within(
            1...32768, ("hidden_size", talker.hiddenSize), ("intermediate_size", talker.intermediateSize),
            ("text_hidden_size", talker.textHiddenSize), ("vocab_size", talker.vocabSize))
        try check.within(1...1 << 20, ("text_vocab_size", talker.textVocabSize))
        try check.heads(talker.numAttentionHeads, talker.numKeyValueHeads, talker.headDim)
        try check.rotary(talker.ropeTheta)
        guard talker.numCodeGroups >= 2 else { throw check.wrong("num_code_groups", "must be at least 2") }
        guard talker.vocabSize > 1024 else {
            throw check.wrong("vocab_size", "must leave codes below the 1024 reserved ids")
        }
        let codec = [
            talker.codecPadId, talker.codecBosId, talker.codecEosTokenId, talker.codecThinkId,
            talker.codecNothinkId,
            talker.codecThinkBosId, talker.codecThinkEosId,
        ]
        for id in codec + talker.codecLanguageId.values + talker.spkId.values
        where !(0..<Int32(talker.vocabSize)).contains(id) {
            throw check.wrong("talker_config", "names codec id \(id), but vocab_size is \(talker.vocabSize)")
        }
        for id in [ttsPadTokenId, ttsBosTokenId, ttsEosTokenId]
        where !(0..<Int32(talker.textVocabSize)).contains(id) {
            throw check.wrong(
                "tts_pad_token_id", "text id \(id) lies outside text_vocab_size \(talker.textVocabSize)")
        }
        let predictor = talker.codePredictorConfig
        try check.within(1...64, ("code_predictor_config.num_hidden_layers", predictor.numHiddenLayers))
        try check.within(
            1...32768, ("code_predictor_config.hidden_size", predictor.hiddenSize),
            ("code_predictor_config.intermediate_size", predictor.intermediateSize),
            ("code_predictor_config.vocab_size", predictor.vocabSize))
        guard predictor.vocabSize <= talker.vocabSize - 1024 else {
            throw check.wrong("code_predictor_config.vocab_size", "is larger than the talker's codes")
        }
        try check.heads(predictor.numAttentionHeads, predictor.numKeyValueHeads, predictor.headDim)
        try check.rotary(predictor.ropeTheta)
        try speakerEncoderConfig?.validate(check, talkerWidth: talker.hiddenSize)
    }
}

extension SpeakerEncoderConfiguration {
    fileprivate func validate(_ check: ConfigurationChecker, talkerWidth: Int) throws(ConfigurationError) {
        try check.within(
            1...32768, ("enc_dim", encDim), ("mel_dim", melDim),
            ("enc_attention_channels", encAttentionChannels),
            ("enc_se_channels", encSeChannels), ("enc_res2net_scale", encRes2netScale))
        guard encDim == talkerWidth else {
            throw check.wrong("enc_dim", "is \(encDim), the talker's width \(talkerWidth)")
        }
        guard encChannels.count >= 3, encChannels.count == encKernelSizes.count,
            encChannels.count == encDilations.count
        else {
            throw check.wrong(
                "enc_channels", "must list as many layers as enc_kernel_sizes and enc_dilations")
        }
        for value in encChannels { try check.within(1...32768, ("enc_channels", value)) }
        for value in encKernelSizes + encDilations { try check.within(1...64, ("enc_kernel_sizes", value)) }
        for channels in encChannels.dropFirst().dropLast() {
            guard channels == encChannels[0], channels % encRes2netScale == 0, encRes2netScale >= 2 else {
                throw check.wrong(
                    "enc_channels",
                    "\(channels) must equal the first and be whole parts of \(encRes2netScale)")
            }
        }
    }
}

extension SpeechTokenizerConfiguration {
    func validate(codeGroups: Int) throws(ConfigurationError) {
        let check = ConfigurationChecker(file: "speech_tokenizer/config.json")
        let (decoder, encoder) = (decoderConfig, encoderConfig)
        try check.within(
            1...32768, ("latent_dim", decoder.latentDim), ("codebook_dim", decoder.codebookDim),
            ("codebook_size", decoder.codebookSize), ("decoder_dim", decoder.decoderDim),
            ("hidden_size", decoder.hiddenSize), ("intermediate_size", decoder.intermediateSize),
            ("sliding_window", decoder.slidingWindow), ("encoder hidden_size", encoder.hiddenSize),
            ("encoder intermediate_size", encoder.intermediateSize), ("num_filters", encoder.numFilters),
            ("encoder codebook_size", encoder.codebookSize), ("encoder codebook_dim", encoder.codebookDim))
        try check.within(
            1...64, ("num_hidden_layers", decoder.numHiddenLayers), ("num_quantizers", decoder.numQuantizers),
            ("num_semantic_quantizers", decoder.numSemanticQuantizers),
            ("encoder num_hidden_layers", encoder.numHiddenLayers),
            ("encoder num_quantizers", encoder.numQuantizers),
            ("encoder num_semantic_quantizers", encoder.numSemanticQuantizers),
            ("kernel_size", encoder.kernelSize),
            ("last_kernel_size", encoder.lastKernelSize),
            ("residual_kernel_size", encoder.residualKernelSize),
            ("compress", encoder.compress))
        for rate in decoder.upsampleRates + decoder.upsamplingRatios + encoder.upsamplingRatios {
            try check.within(1...64, ("upsample_rates", rate))
        }
        guard (1...8).contains(decoder.upsampleRates.count), (1...8).contains(encoder.upsamplingRatios.count),
            decoder.upsamplingRatios.count <= 8
        else { throw check.wrong("upsample_rates", "must list one to eight rates") }
        try check.heads(decoder.numAttentionHeads, decoder.numKeyValueHeads, decoder.headDim)
        try check.heads(encoder.numAttentionHeads, encoder.numKeyValueHeads, encoder.headDim)
        try check.rotary(decoder.ropeTheta)
        try check.rotary(encoder.ropeTheta)
        try check.within(
            8000...192_000, ("input_sample_rate", inputSampleRate), ("output_sample_rate", outputSampleRate))
        let made = (decoder.upsampleRates + decoder.upsamplingRatios).reduce(1, *)
        guard made == decodeUpsampleRate else {
            throw check.wrong(
                "decode_upsample_rate", "is \(decodeUpsampleRate), but the decoder's rates make \(made)")
        }
        let taken = encoder.upsamplingRatios.reduce(2, *)
        guard taken == encodeDownsampleRate else {
            throw check.wrong(
                "encode_downsample_rate", "is \(encodeDownsampleRate), but the encoder's rates take \(taken)")
        }
        guard decoder.numQuantizers == codeGroups, encoderValidNumQuantizers == codeGroups,
            encoder.numQuantizers >= codeGroups, decoder.numSemanticQuantizers < codeGroups,
            encoder.numSemanticQuantizers < codeGroups
        else { throw check.wrong("num_quantizers", "does not match the talker's \(codeGroups) code groups") }
        guard decoder.codebookDim % 2 == 0, decoder.decoderDim % (1 << decoder.upsampleRates.count) == 0
        else {
            throw check.wrong("decoder_dim", "must halve at every upsampling")
        }
    }
}
