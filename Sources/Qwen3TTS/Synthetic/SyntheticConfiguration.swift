import Checkpoints

// The text files of a synthetic checkpoint, with the keys that our engine and the authors' package read and the
// released files' values. What depends on the size comes from the shape.

extension SyntheticShape {
    /// `config.json`.
    func configuration(_ variant: SyntheticCheckpoint.Variant) -> String {
        let text = baseVocabulary
        let speaker =
            variant == .base ? "\"speaker_encoder_config\": \(speakerConfiguration),\n" : ""
        return """
            {
            "architectures": ["Qwen3TTSForConditionalGeneration"], "model_type": "qwen3_tts",
            "tokenizer_type": "qwen3_tts_tokenizer_12hz", "tts_model_size": "\(label)",
            "tts_model_type": "\(variant.rawValue)", "transformers_version": "4.57.3",
            "assistant_token_id": \(assistantToken), "im_start_token_id": \(text + 1), "im_end_token_id": \(text + 2),
            "tts_pad_token_id": \(text + 28), "tts_bos_token_id": \(text + 29), "tts_eos_token_id": \(text + 30),
            \(speaker)"talker_config": \(talkerConfiguration(variant))
            }

            """
    }

    private var speakerConfiguration: String {
        // The released files leave all but these two to the authors' defaults.
        guard speakerChannels != 512 else { return "{\"enc_dim\": \(talker.width), \"sample_rate\": 24000}" }
        let channels = Array(repeating: speakerChannels, count: 4) + [speakerWide]
        return """
            {"enc_dim": \(talker.width), "sample_rate": 24000, "enc_channels": \(channels), \
            "enc_attention_channels": \(speakerAttention), "enc_se_channels": \(speakerGates)}
            """
    }

    private func talkerConfiguration(_ variant: SyntheticCheckpoint.Variant) -> String {
        let names = Self.languages + (variant == .base ? [] : Self.dialects)
        let speaks = variant == .customVoice
        return """
            {
            "model_type": "qwen3_tts_talker", \(Self.stack(talker)), "vocab_size": \(codes + 1024),
            "num_code_groups": \(codeGroups), "rms_norm_eps": 1e-6, "rope_theta": 1000000,
            "rope_scaling": {"interleaved": true, "mrope_section": \(rotarySections), "rope_type": "default", \
            "type": "default"},
            "max_position_embeddings": 32768, "position_id_per_seconds": 13,
            "text_hidden_size": \(textWidth), "text_vocab_size": \(textVocabulary),
            "codec_pad_id": \(codes + 100), "codec_bos_id": \(codes + 101), "codec_eos_token_id": \(codes + 102),
            "codec_think_id": \(codes + 106), "codec_nothink_id": \(codes + 107),
            "codec_think_bos_id": \(codes + 108), "codec_think_eos_id": \(codes + 109),
            "codec_language_id": {\(ids(names))}, "spk_id": {\(speaks ? ids(Self.speakers) : "")},
            "spk_is_dialect": {\(speaks ? Self.speakerDialects : "")},
            "code_predictor_config": {
            "model_type": "qwen3_tts_talker_code_predictor", \(Self.stack(predictor)), "vocab_size": \(codes),
            "num_code_groups": \(codeGroups), "rms_norm_eps": 1e-6, "rope_theta": 1000000, "rope_scaling": null,
            "layer_types": \(Array(repeating: "full_attention", count: predictor.layers)),
            "max_position_embeddings": 65536, "max_window_layers": 28
            }
            }
            """
    }

    /// `speech_tokenizer/config.json`.
    var speechConfiguration: String {
        """
        {
        "architectures": ["Qwen3TTSTokenizerV2Model"], "model_type": "qwen3_tts_tokenizer_12hz",
        "encoder_valid_num_quantizers": \(codeGroups), "input_sample_rate": 24000, "output_sample_rate": 24000,
        "decode_upsample_rate": 1920, "encode_downsample_rate": 1920, "transformers_version": "4.57.3",
        "decoder_config": {
        \(Self.stack(codec, window: codecWindow)), "latent_dim": \(latent), "codebook_dim": \(codebookWidth),
        "codebook_size": \(codes), "decoder_dim": \(decoderWidth), "layer_scale_initial_scale": 0.01,
        "max_position_embeddings": 8000, "num_quantizers": \(codeGroups), "num_semantic_quantizers": 1,
        "rms_norm_eps": 1e-5, "rope_theta": 10000, "semantic_codebook_size": \(2 * codes),
        "upsample_rates": \(codecRates), "upsampling_ratios": \(codecUpsampling),
        "vector_quantization_hidden_dimension": \(codebookWidth)
        },
        "encoder_config": {
        \(Self.stack(encoder, activation: "gelu", window: encoderWindow)), "_frame_rate": 12.5, "audio_channels": 1,
        "codebook_dim": \(encoderCodebookWidth), "codebook_size": \(codes), "compress": 2,
        "dilation_growth_rate": 2, "dtype": "float32", "kernel_size": 7, "last_kernel_size": 3,
        "layer_scale_initial_scale": 0.01, "max_position_embeddings": 8000, "norm_eps": 1e-5, "normalize": false,
        "num_filters": \(encoderFilters), "num_quantizers": \(encoderCodebooks), "num_residual_layers": 1,
        "num_semantic_quantizers": 1, "pad_mode": "constant", "residual_kernel_size": 3, "rope_theta": 10000.0,
        "sampling_rate": 24000, "trim_right_ratio": 1.0, "upsample_groups": \(encoder.width),
        "upsampling_ratios": \(Array(encoderRates.reversed())), "use_cache": false, "use_causal_conv": true,
        "use_conv_shortcut": false, "use_streaming": false,
        "vector_quantization_hidden_dimension": \(encoderCodebookWidth)
        }
        }

        """
    }

    /// `generation_config.json`.
    static let generationConfiguration = """
        {
        "do_sample": true, "temperature": 0.9, "top_k": 50, "top_p": 1.0, "repetition_penalty": 1.05,
        "subtalker_dosample": true, "subtalker_temperature": 0.9, "subtalker_top_k": 50, "subtalker_top_p": 1.0,
        "max_new_tokens": 8192
        }

        """

    /// `preprocessor_config.json`.
    static let processorConfiguration = """
        {"padding_side": "left", "padding_value": 0.0, "processor_class": "Qwen3TTSProcessor", \
        "return_attention_mask": true}

        """

    /// `speech_tokenizer/preprocessor_config.json`.
    static let speechProcessorConfiguration = """
        {"chunk_length_s": null, "feature_extractor_type": "EncodecFeatureExtractor", "feature_size": 1, \
        "overlap": null, "padding_side": "right", "padding_value": 0.0, "return_attention_mask": true, \
        "sampling_rate": 24000}

        """

    private static func stack(_ stack: Stack, activation: String = "silu", window: Int? = nil) -> String {
        """
        "hidden_size": \(stack.width), "intermediate_size": \(stack.feedForward), \
        "num_hidden_layers": \(stack.layers), "num_attention_heads": \(stack.heads), \
        "num_key_value_heads": \(stack.keyHeads), "head_dim": \(stack.headWidth), "hidden_act": "\(activation)", \
        "attention_bias": false, "attention_dropout": 0, "initializer_range": 0.02, \
        "sliding_window": \(window.map { "\($0)" } ?? "null")
        """
    }

    /// Names and codec ids, given as distances from the first id that is no code.
    private func ids(_ names: [(String, Int)]) -> String {
        names.map { "\"\($0.0)\": \(codes + $0.1)" }.joined(separator: ", ")
    }

    private static let languages = [
        ("chinese", 7), ("english", 2), ("german", 5), ("italian", 22), ("portuguese", 23), ("spanish", 6),
        ("japanese", 10), ("korean", 16), ("french", 13), ("russian", 21),
    ]
    private static let dialects = [("beijing_dialect", 26), ("sichuan_dialect", 14)]
    private static let speakers = [
        ("serena", 1018), ("vivian", 1017), ("uncle_fu", 962), ("ryan", 1013), ("aiden", 813),
        ("ono_anna", 825),
        ("sohee", 816), ("eric", 827), ("dylan", 830),
    ]
    private static var speakerDialects: String {
        let dialects = ["eric": "\"sichuan_dialect\"", "dylan": "\"beijing_dialect\""]
        return speakers.map { "\"\($0.0)\": \(dialects[$0.0] ?? "false")" }.joined(separator: ", ")
    }
}
