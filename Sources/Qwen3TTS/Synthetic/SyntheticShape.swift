import Checkpoints

/// The sizes of a synthetic checkpoint, and the tensors that follow from them.
///
/// Sources: the released files' configurations and tensor listings.
struct SyntheticShape: Sendable {
    typealias Entry = SyntheticCheckpoint.Entry

    typealias Stack = SyntheticEntries.Stack

    let label: String
    let talker, predictor: Stack
    let textWidth: Int, textVocabulary: Int, baseVocabulary: Int, assistantToken: Int
    /// Sections of the three position axes, which here always agree.
    let rotarySections: [Int]
    let codes: Int
    /// The codec's transformer, and its encoder's.
    let codec, encoder: Stack
    let latent: Int, codebookWidth: Int, decoderWidth: Int, codecWindow: Int
    let encoderFilters: Int, encoderCodebookWidth: Int, encoderWindow: Int
    /// Channels of the speaker encoder's layers, of its attention and of its gates.
    let speakerChannels: Int, speakerWide: Int, speakerAttention: Int, speakerGates: Int
    /// Scales the last convolution so that the sound's deviation is about 0.15.
    let outputGain: Float

    let codeGroups = 16
    let codecRates = [8, 5, 4, 3]
    let codecUpsampling = [2, 2]
    let encoderRates = [4, 5, 6, 8]
    let encoderCodebooks = 32
    let speakerScale = 8, melBands = 128

    init(_ size: SyntheticCheckpoint.Size, _ variant: SyntheticCheckpoint.Variant) {
        if size == .tiny {
            // Shaped like the small model (predictor as wide as the talker), or like the large one (projected).
            let small = variant == .base
            label = small ? "0b6" : "1b7"
            talker = Stack(
                width: small ? 32 : 64, feedForward: 64, layers: 3, heads: 4, keyHeads: 2, headWidth: 16)
            predictor = Stack(width: 32, feedForward: 64, layers: 2, heads: 4, keyHeads: 2, headWidth: 16)
            (textWidth, textVocabulary, baseVocabulary, assistantToken) = (64, 512, 456, 300)
            (rotarySections, codes) = ([4, 2, 2], 64)
            codec = Stack(width: 16, feedForward: 32, layers: 2, heads: 2, keyHeads: 2, headWidth: 16)
            encoder = Stack(width: 16, feedForward: 32, layers: 2, heads: 2, keyHeads: 2, headWidth: 8)
            (latent, codebookWidth, decoderWidth, codecWindow) = (32, 16, 32, 8)
            (encoderFilters, encoderCodebookWidth, encoderWindow) = (4, 8, 4)
            (speakerChannels, speakerWide, speakerAttention, speakerGates) = (32, 96, 16, 8)
            outputGain = 0.07
        } else {
            let small = size == .small
            label = small ? "0b6" : "1b7"
            talker = Stack(
                width: small ? 1024 : 2048, feedForward: small ? 3072 : 6144, layers: 28, heads: 16,
                keyHeads: 8,
                headWidth: 128)
            predictor = Stack(
                width: 1024, feedForward: 3072, layers: 5, heads: 16, keyHeads: 8, headWidth: 128)
            (textWidth, textVocabulary, baseVocabulary, assistantToken) = (2048, 151_936, 151_643, 77091)
            (rotarySections, codes) = ([24, 20, 20], 2048)
            codec = Stack(width: 512, feedForward: 1024, layers: 8, heads: 16, keyHeads: 16, headWidth: 64)
            encoder = Stack(width: 512, feedForward: 2048, layers: 8, heads: 8, keyHeads: 8, headWidth: 64)
            (latent, codebookWidth, decoderWidth, codecWindow) = (1024, 512, 1536, 72)
            (encoderFilters, encoderCodebookWidth, encoderWindow) = (64, 256, 250)
            (speakerChannels, speakerWide, speakerAttention, speakerGates) = (512, 1536, 128, 128)
            outputGain = 0.042
        }
    }

    // MARK: the model

    func mainEntries(speaker: Bool) -> [Entry] {
        var list = SyntheticEntries()
        let width = talker.width
        list.add("talker.model.text_embedding.weight", textVocabulary, textWidth)
        list.add("talker.model.codec_embedding.weight", codes + 1024, width)
        list.linear("talker.text_projection.linear_fc1", textWidth, textWidth, bias: true)
        list.linear("talker.text_projection.linear_fc2", width, textWidth, bias: true)
        list.decoder("talker.model", talker, headNorms: true)
        list.linear("talker.codec_head", codes + 1024, width)
        for index in 0..<codeGroups - 1 {
            list.add("talker.code_predictor.model.codec_embedding.\(index).weight", codes, width)
        }
        if predictor.width != width {
            list.linear("talker.code_predictor.small_to_mtp_projection", predictor.width, width, bias: true)
        }
        list.decoder("talker.code_predictor.model", predictor, headNorms: true)
        for index in 0..<codeGroups - 1 {
            list.linear("talker.code_predictor.lm_head.\(index)", codes, predictor.width)
        }
        if speaker { addSpeakerEncoder(&list) }
        return list.entries
    }

    private func addSpeakerEncoder(_ list: inout SyntheticEntries) {
        let (root, channels, part) = ("speaker_encoder", speakerChannels, speakerChannels / speakerScale)
        list.convolution("\(root).blocks.0.conv", channels, melBands, 5)
        for block in 1...3 {
            let path = "\(root).blocks.\(block)"
            list.convolution("\(path).tdnn1.conv", channels, channels, 1)
            for index in 0..<speakerScale - 1 {
                list.convolution("\(path).res2net_block.blocks.\(index).conv", part, part, 3)
            }
            list.convolution("\(path).tdnn2.conv", channels, channels, 1)
            list.convolution("\(path).se_block.conv1", speakerGates, channels, 1)
            list.convolution("\(path).se_block.conv2", channels, speakerGates, 1)
        }
        list.convolution("\(root).mfa.conv", speakerWide, 3 * channels, 1)
        list.convolution("\(root).asp.tdnn.conv", speakerAttention, 3 * speakerWide, 1)
        list.convolution("\(root).asp.conv", speakerWide, speakerAttention, 1)
        list.convolution("\(root).fc", talker.width, 2 * speakerWide, 1)
    }

    // MARK: the speech tokenizer

    var speechEntries: [Entry] {
        var list = SyntheticEntries()
        addDecoder(&list)
        addEncoder(&list)
        return list.entries
    }

    private func addDecoder(_ list: inout SyntheticEntries) {
        for (part, books) in [("first", 1), ("rest", codeGroups - 1)] {
            let path = "decoder.quantizer.rvq_\(part)"
            list.add("\(path).input_proj.weight", codebookWidth / 2, codebookWidth, 1)
            list.add("\(path).output_proj.weight", codebookWidth, codebookWidth / 2, 1)
            for book in 0..<books {
                list.add("\(path).vq.layers.\(book)._codebook.embedding_sum", codes, codebookWidth / 2)
                list.add("\(path).vq.layers.\(book)._codebook.cluster_usage", codes)
            }
        }
        list.convolution("decoder.pre_conv.conv", latent, codebookWidth, 3)
        list.linear("decoder.pre_transformer.input_proj", codec.width, latent, bias: true)
        list.decoder("decoder.pre_transformer", codec, scales: true)
        list.linear("decoder.pre_transformer.output_proj", latent, codec.width, bias: true)
        for (index, rate) in codecUpsampling.enumerated() {
            let path = "decoder.upsample.\(index)"
            list.convolution("\(path).0.conv", latent, latent, rate, transposed: true)
            list.convolution("\(path).1.dwconv.conv", latent, 1, 7)
            list.norm("\(path).1.norm", latent, bias: true)
            list.linear("\(path).1.pwconv1", 4 * latent, latent, bias: true)
            list.linear("\(path).1.pwconv2", latent, 4 * latent, bias: true)
            list.add("\(path).1.gamma", latent)
        }
        list.convolution("decoder.decoder.0.conv", decoderWidth, latent, 7)
        var channels = decoderWidth
        for (index, rate) in codecRates.enumerated() {
            let path = "decoder.decoder.\(index + 1).block"
            list.snake("\(path).0", channels)
            list.convolution("\(path).1.conv", channels, channels / 2, 2 * rate, transposed: true)
            channels /= 2
            for unit in 2...4 {
                list.snake("\(path).\(unit).act1", channels)
                list.convolution("\(path).\(unit).conv1.conv", channels, channels, 7)
                list.snake("\(path).\(unit).act2", channels)
                list.convolution("\(path).\(unit).conv2.conv", channels, channels, 1)
            }
        }
        list.snake("decoder.decoder.\(codecRates.count + 1)", channels)
        list.convolution("decoder.decoder.\(codecRates.count + 2).conv", 1, channels, 7)
    }

    private func addEncoder(_ list: inout SyntheticEntries) {
        let layers = "encoder.encoder.layers"
        var channels = encoderFilters
        list.convolution("\(layers).0.conv", channels, 1, 7)
        for (index, rate) in encoderRates.enumerated() {
            let first = 3 * index + 1
            list.convolution("\(layers).\(first).block.1.conv", channels / 2, channels, 3)
            list.convolution("\(layers).\(first).block.3.conv", channels, channels / 2, 1)
            list.convolution("\(layers).\(first + 2).conv", 2 * channels, channels, 2 * rate)
            channels *= 2
        }
        list.convolution("\(layers).\(3 * encoderRates.count + 2).conv", encoder.width, channels, 3)
        list.plainDecoder("encoder.encoder_transformer", encoder)
        list.add("encoder.downsample.conv.weight", encoder.width, encoder.width, 4)
        for (kind, books) in [("semantic", 1), ("acoustic", encoderCodebooks - 1)] {
            let path = "encoder.quantizer.\(kind)_residual_vector_quantizer"
            list.add("\(path).input_proj.weight", encoderCodebookWidth, encoder.width, 1)
            list.add("\(path).output_proj.weight", encoder.width, encoderCodebookWidth, 1)
            for book in 0..<books {
                list.add("\(path).layers.\(book).codebook.embed_sum", codes, encoderCodebookWidth)
                list.add("\(path).layers.\(book).codebook.cluster_usage", codes)
                list.add("\(path).layers.\(book).codebook.initialized", 1)
            }
        }
    }
}
