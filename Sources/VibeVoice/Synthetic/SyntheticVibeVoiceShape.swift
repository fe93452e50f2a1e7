import Checkpoints

/// The sizes of a synthetic checkpoint, and the tensors that follow from them.
///
/// Sources: the released files' configurations and tensor listings.
struct SyntheticVibeVoiceShape: Sendable {
    typealias Kind = SyntheticVibeVoice.Kind
    typealias Stack = SyntheticEntries.Stack

    let kind: Kind
    /// The language model; of the realtime model both stacks together.
    let stack: Stack
    /// Layers of the realtime model's upper stack.
    let upperLayers: Int
    let vocabulary: Int, baseVocabulary: Int, assistantToken: Int, positions: Int
    let acoustic: Int, semantic: Int
    /// Channels after an encoder's stem and before a decoder's head, and what its stages take and have.
    let filters: Int, ratios: [Int], depths: [Int]
    let headLayers: Int
    /// Scales the decoder's last convolution so that the sound's deviation is about 0.15.
    let outputGain: Float

    init(_ kind: Kind, tiny: Bool) {
        self.kind = kind
        if tiny {
            stack = Stack(width: 64, feedForward: 96, layers: 5, heads: 4, keyHeads: 2, headWidth: 16)
            upperLayers = 3
            (vocabulary, baseVocabulary, assistantToken, positions) = (512, 456, 300, 8192)
            (acoustic, semantic, filters, headLayers) = (16, 24, 2, 2)
            (ratios, depths) = ([8, 5, 5, 4, 2, 2], [1, 1, 2, 1, 1, 1, 1])
            outputGain = 0.05
            return
        }
        stack =
            switch kind {
            case .realtime:
                Stack(width: 896, feedForward: 4864, layers: 24, heads: 14, keyHeads: 2, headWidth: 64)
            case .long:
                Stack(width: 1536, feedForward: 8960, layers: 28, heads: 12, keyHeads: 2, headWidth: 128)
            case .asr:
                Stack(width: 3584, feedForward: 18944, layers: 28, heads: 28, keyHeads: 4, headWidth: 128)
            }
        upperLayers = 20
        (baseVocabulary, assistantToken) = (151_643, 77091)
        vocabulary = kind == .asr ? 152_064 : 151_936
        positions = [.realtime: 8192, .long: 65536, .asr: 131_072][kind] ?? 8192
        (acoustic, semantic, filters, headLayers) = (64, 128, 32, 4)
        (ratios, depths) = ([8, 5, 5, 4, 2, 2], [3, 3, 3, 3, 3, 3, 8])
        outputGain = 0.05
    }

    // MARK: tensors

    var entries: [SyntheticTensor] {
        var list = SyntheticEntries()
        addLanguageModel(&list)
        if kind != .asr { addHead(&list) }
        connector(&list, "acoustic", acoustic)
        if kind != .realtime { connector(&list, "semantic", semantic) }
        if kind != .asr {
            list.add("model.speech_scaling_factor")
            list.add("model.speech_bias_factor")
        }
        if kind != .realtime {
            encoder(&list, "acoustic", acoustic)
            encoder(&list, "semantic", semantic)
        }
        decoder(&list)
        return list.entries
    }

    private func addLanguageModel(_ list: inout SyntheticEntries) {
        let width = stack.width
        list.add("model.language_model.embed_tokens.weight", vocabulary, width)
        var lower = stack
        if kind == .realtime { lower.layers -= upperLayers }
        list.decoder("model.language_model", lower, bias: true, endNorm: kind != .realtime)
        if kind == .asr { list.add("lm_head.weight", vocabulary, width) }
        guard kind == .realtime else { return }
        var upper = stack
        upper.layers = upperLayers
        list.add("model.tts_language_model.embed_tokens.weight", vocabulary, width)
        list.decoder("model.tts_language_model", upper, bias: true)
        list.add("model.tts_input_types.weight", 2, width)
        list.linear("tts_eos_classifier.fc1", width, width, bias: true)
        list.linear("tts_eos_classifier.fc2", 1, width, bias: true)
    }

    private func addHead(_ list: inout SyntheticEntries) {
        let (path, width) = ("model.prediction_head", stack.width)
        list.linear("\(path).noisy_images_proj", width, acoustic)
        list.linear("\(path).cond_proj", width, width)
        list.linear("\(path).t_embedder.mlp.0", width, 256)
        list.linear("\(path).t_embedder.mlp.2", width, width)
        for index in 0..<headLayers {
            let layer = "\(path).layers.\(index)"
            list.norm("\(layer).norm", width)
            list.linear("\(layer).adaLN_modulation.1", 3 * width, width)
            list.linear("\(layer).ffn.gate_proj", 3 * width, width)
            list.linear("\(layer).ffn.up_proj", 3 * width, width)
            list.linear("\(layer).ffn.down_proj", width, 3 * width)
        }
        list.linear("\(path).final_layer.adaLN_modulation.1", 2 * width, width)
        list.linear("\(path).final_layer.linear", acoustic, width)
    }

    private func connector(_ list: inout SyntheticEntries, _ name: String, _ input: Int) {
        let path = "model.\(name)_connector"
        list.linear("\(path).fc1", stack.width, input, bias: true)
        list.norm("\(path).norm", stack.width)
        list.linear("\(path).fc2", stack.width, stack.width, bias: true)
    }

    // MARK: the audio tokenizers

    private func encoder(_ list: inout SyntheticEntries, _ name: String, _ latent: Int) {
        let path = "model.\(name)_tokenizer.encoder"
        list.convolution("\(path).downsample_layers.0.0.conv.conv", filters, 1, 7)
        for (index, ratio) in ratios.reversed().enumerated() {
            list.convolution(
                "\(path).downsample_layers.\(index + 1).0.conv.conv", filters << (index + 1),
                filters << index, 2 * ratio)
        }
        for (stage, depth) in depths.enumerated() {
            for block in 0..<depth { self.block(&list, "\(path).stages.\(stage).\(block)", filters << stage) }
        }
        list.convolution("\(path).head.conv.conv", latent, filters << ratios.count, 7)
    }

    private func decoder(_ list: inout SyntheticEntries) {
        let path = "model.acoustic_tokenizer.decoder"
        func width(_ stage: Int) -> Int { filters << (ratios.count - stage) }
        list.convolution("\(path).upsample_layers.0.0.conv.conv", width(0), acoustic, 7)
        for (index, ratio) in ratios.enumerated() {
            list.convolution(
                "\(path).upsample_layers.\(index + 1).0.convtr.convtr", width(index), width(index + 1),
                2 * ratio, transposed: true)
        }
        for (stage, depth) in depths.reversed().enumerated() {
            for block in 0..<depth { self.block(&list, "\(path).stages.\(stage).\(block)", width(stage)) }
        }
        list.convolution("\(path).head.conv.conv", 1, filters, 7)
    }

    private func block(_ list: inout SyntheticEntries, _ path: String, _ channels: Int) {
        list.norm("\(path).norm", channels)
        list.norm("\(path).ffn_norm", channels)
        list.add("\(path).gamma", channels)
        list.add("\(path).ffn_gamma", channels)
        list.convolution("\(path).mixer.conv.conv.conv", channels, 1, 7)
        list.linear("\(path).ffn.linear1", 4 * channels, channels, bias: true)
        list.linear("\(path).ffn.linear2", channels, 4 * channels, bias: true)
    }

    // MARK: the realtime model's voice

    /// Rows that a voice's text takes, and text and sound together; some published voices have about as many.
    private static let voiceRows = (text: 72, all: 252)

    /// A voice under the names of a published one.
    var presetEntries: [SyntheticTensor] {
        var list = SyntheticEntries()
        let lower = stack.layers - upperLayers
        for (group, layers, rows) in [
            ("lm", lower, Self.voiceRows.text), ("tts_lm", upperLayers, Self.voiceRows.all),
            ("neg_lm", lower, 1), ("neg_tts_lm", upperLayers, 1),
        ] {
            list.add("\(group).last_hidden_state", 1, rows, stack.width)
            for layer in 0..<layers {
                for kind in ["key", "value"] {
                    list.add(
                        "\(group).past_key_values.\(kind)_cache.\(layer)", 1, stack.keyHeads, rows,
                        stack.headWidth)
                }
            }
        }
        return list.entries
    }
}
