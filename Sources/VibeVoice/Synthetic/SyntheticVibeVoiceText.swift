import Checkpoints

// What a synthetic checkpoint's values are like, and its `config.json`.

extension SyntheticVibeVoiceShape {
    /// Scales that keep activations within a trained model's range.
    func kind(_ entry: SyntheticTensor) -> SyntheticValues.Kind {
        let (name, shape) = (entry.name, entry.shape)
        let leaf = name.split(separator: ".").last.map(String.init) ?? name
        switch leaf {
        case "speech_scaling_factor": return .constant(kind == .realtime ? 0.2333984375 : 0.1962890625)
        case "speech_bias_factor": return .constant(kind == .realtime ? -0.0703125 : -0.04931640625)
        case "gamma", "ffn_gamma": return .normal(mean: 0.3, deviation: 0.1)
        case "last_hidden_state": return .normal(mean: 0, deviation: 1)
        default: break
        }
        if name.contains("_cache.") { return .normal(mean: 0, deviation: 1) }
        if name.contains("norm") { return .normal(mean: 1, deviation: 0.1) }
        // Speech never ends by itself: a measurement says how much there is.
        if name == "tts_eos_classifier.fc2.bias" { return .constant(-30) }
        if leaf == "bias" { return .normal(mean: 0, deviation: name.contains(".head.") ? 0 : 0.1) }
        if name.contains("embed_tokens") || name.contains("tts_input_types") {
            return .normal(mean: 0, deviation: 0.3)
        }
        return .normal(mean: 0, deviation: gain(name) / Float(summands(name, shape)).squareRoot())
    }

    /// How many products make one output of the layer.
    private func summands(_ name: String, _ shape: [Int]) -> Int {
        // Transposed convolutions are `[in, out, taps]`, and two taps reach each output.
        name.contains(".convtr.") ? 2 * shape[0] : max(1, shape.dropFirst().reduce(1, *))
    }

    private func gain(_ name: String) -> Float {
        if name.hasPrefix("model.acoustic_tokenizer.decoder.head.") { return outputGain }
        if name.hasPrefix("lm_head.") { return 3 }
        return name.hasSuffix("o_proj.weight") || name.hasSuffix("down_proj.weight") ? 0.6 : 1
    }

    // MARK: config.json

    /// `config.json`, with the keys that our engine and the authors' code read and the released files' values.
    var configuration: String {
        let type = kind == .realtime ? "vibevoice_streaming" : "vibevoice"
        let architecture =
            switch kind {
            case .realtime: "VibeVoiceStreamingForConditionalGenerationInference"
            case .long: "VibeVoiceForConditionalGeneration"
            case .asr: "VibeVoiceForASRTraining"
            }
        var parts = [
            "\"architectures\": [\"\(architecture)\"], \"model_type\": \"\(type)\", \"torch_dtype\": \"bfloat16\"",
            "\"acoustic_vae_dim\": \(acoustic), \"transformers_version\": \"4.51.3\"",
            "\"acoustic_tokenizer_config\": \(tokenizer("acoustic", acoustic, deviation: 0.5))",
            "\"decoder_config\": \(languageConfiguration)",
        ]
        if kind == .realtime { parts.append("\"tts_backbone_num_hidden_layers\": \(upperLayers)") }
        if kind != .realtime {
            parts.append("\"semantic_vae_dim\": \(semantic)")
            parts.append("\"semantic_tokenizer_config\": \(tokenizer("semantic", semantic, deviation: nil))")
        }
        if kind != .asr { parts.append("\"diffusion_head_config\": \(headConfiguration)") }
        return "{\n\(parts.joined(separator: ",\n"))\n}\n"
    }

    private var languageConfiguration: String {
        """
        {
        "model_type": "qwen2", "attention_dropout": 0.0, "hidden_act": "silu", "hidden_size": \(stack.width), \
        "initializer_range": 0.02, "intermediate_size": \(stack.feedForward),
        "num_hidden_layers": \(stack.layers), "num_attention_heads": \(stack.heads), \
        "num_key_value_heads": \(stack.keyHeads), "vocab_size": \(vocabulary),
        "max_position_embeddings": \(positions), "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, \
        "rope_scaling": null, "tie_word_embeddings": \(kind == .long),
        "use_sliding_window": false, "sliding_window": null, "max_window_layers": \(stack.layers), \
        "torch_dtype": "bfloat16", "use_cache": true
        }
        """
    }

    private func tokenizer(_ name: String, _ width: Int, deviation: Double?) -> String {
        let depths = depths.map(String.init).joined(separator: "-")
        let decoder =
            deviation == nil
            ? ""
            : "\"decoder_depths\": null, \"decoder_n_filters\": \(filters), \"decoder_ratios\": \(ratios),"
        return """
            {
            "model_type": "vibevoice_\(name)_tokenizer", "causal": true, "channels": 1, "conv_bias": true, \
            "conv_norm": "none", "corpus_normalize": 0.0, "disable_last_norm": true,
            \(decoder)
            "encoder_depths": "\(depths)", "encoder_n_filters": \(filters), "encoder_ratios": \(ratios),
            "fix_std": \(deviation ?? 0), "std_dist_type": "\(deviation == nil ? "none" : "gaussian")", \
            "layer_scale_init_value": 1e-06, "layernorm": "RMSNorm", "layernorm_elementwise_affine": true,
            "layernorm_eps": 1e-05, "mixer_layer": "depthwise_conv", "pad_mode": "constant", \
            "vae_dim": \(width), "weight_init_value": 0.01
            }
            """
    }

    private var headConfiguration: String {
        """
        {
        "model_type": "vibevoice_diffusion_head", "ddpm_batch_mul": 4, "ddpm_beta_schedule": "cosine", \
        "ddpm_num_inference_steps": 20, "ddpm_num_steps": 1000, "diffusion_type": "ddpm",
        "head_ffn_ratio": 3.0, "head_layers": \(headLayers), "hidden_size": \(stack.width), \
        "latent_size": \(acoustic), "prediction_type": "v_prediction", "rms_norm_eps": 1e-05,
        "speech_vae_dim": \(acoustic)
        }
        """
    }
}
