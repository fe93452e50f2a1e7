/// Names and shapes of the released 0.6B checkpoints as their authors list them; `{a..b}` stands for each of a range.
enum ReleasedTensors {
    static let main = """
        talker.model.text_embedding.weight 151936 2048
        talker.model.codec_embedding.weight 3072 1024
        talker.text_projection.linear_fc1.weight 2048 2048
        talker.text_projection.linear_fc1.bias 2048
        talker.text_projection.linear_fc2.weight 1024 2048
        talker.text_projection.linear_fc2.bias 1024
        talker.model.layers.{0..27}.input_layernorm.weight 1024
        talker.model.layers.{0..27}.self_attn.q_proj.weight 2048 1024
        talker.model.layers.{0..27}.self_attn.{k_proj,v_proj}.weight 1024 1024
        talker.model.layers.{0..27}.self_attn.o_proj.weight 1024 2048
        talker.model.layers.{0..27}.self_attn.{q_norm,k_norm}.weight 128
        talker.model.layers.{0..27}.post_attention_layernorm.weight 1024
        talker.model.layers.{0..27}.mlp.{gate_proj,up_proj}.weight 3072 1024
        talker.model.layers.{0..27}.mlp.down_proj.weight 1024 3072
        talker.model.norm.weight 1024
        talker.codec_head.weight 3072 1024
        talker.code_predictor.model.codec_embedding.{0..14}.weight 2048 1024
        talker.code_predictor.model.layers.{0..4}.input_layernorm.weight 1024
        talker.code_predictor.model.layers.{0..4}.self_attn.q_proj.weight 2048 1024
        talker.code_predictor.model.layers.{0..4}.self_attn.{k_proj,v_proj}.weight 1024 1024
        talker.code_predictor.model.layers.{0..4}.self_attn.o_proj.weight 1024 2048
        talker.code_predictor.model.layers.{0..4}.self_attn.{q_norm,k_norm}.weight 128
        talker.code_predictor.model.layers.{0..4}.post_attention_layernorm.weight 1024
        talker.code_predictor.model.layers.{0..4}.mlp.{gate_proj,up_proj}.weight 3072 1024
        talker.code_predictor.model.layers.{0..4}.mlp.down_proj.weight 1024 3072
        talker.code_predictor.model.norm.weight 1024
        talker.code_predictor.lm_head.{0..14}.weight 2048 1024
        """

    static let speakerEncoder = """
        speaker_encoder.blocks.0.conv.weight 512 128 5
        speaker_encoder.blocks.0.conv.bias 512
        speaker_encoder.blocks.{1..3}.{tdnn1,tdnn2}.conv.weight 512 512 1
        speaker_encoder.blocks.{1..3}.{tdnn1,tdnn2}.conv.bias 512
        speaker_encoder.blocks.{1..3}.res2net_block.blocks.{0..6}.conv.weight 64 64 3
        speaker_encoder.blocks.{1..3}.res2net_block.blocks.{0..6}.conv.bias 64
        speaker_encoder.blocks.{1..3}.se_block.conv1.weight 128 512 1
        speaker_encoder.blocks.{1..3}.se_block.conv1.bias 128
        speaker_encoder.blocks.{1..3}.se_block.conv2.weight 512 128 1
        speaker_encoder.blocks.{1..3}.se_block.conv2.bias 512
        speaker_encoder.mfa.conv.weight 1536 1536 1
        speaker_encoder.mfa.conv.bias 1536
        speaker_encoder.asp.tdnn.conv.weight 128 4608 1
        speaker_encoder.asp.tdnn.conv.bias 128
        speaker_encoder.asp.conv.weight 1536 128 1
        speaker_encoder.asp.conv.bias 1536
        speaker_encoder.fc.weight 1024 3072 1
        speaker_encoder.fc.bias 1024
        """

    static let speech = decoder + "\n" + residualUnits + "\n" + encoder

    private static let decoder = """
        decoder.quantizer.{rvq_first,rvq_rest}.input_proj.weight 256 512 1
        decoder.quantizer.{rvq_first,rvq_rest}.output_proj.weight 512 256 1
        decoder.quantizer.rvq_first.vq.layers.0._codebook.embedding_sum 2048 256
        decoder.quantizer.rvq_first.vq.layers.0._codebook.cluster_usage 2048
        decoder.quantizer.rvq_rest.vq.layers.{0..14}._codebook.embedding_sum 2048 256
        decoder.quantizer.rvq_rest.vq.layers.{0..14}._codebook.cluster_usage 2048
        decoder.pre_conv.conv.weight 1024 512 3
        decoder.pre_conv.conv.bias 1024
        decoder.pre_transformer.input_proj.weight 512 1024
        decoder.pre_transformer.input_proj.bias 512
        decoder.pre_transformer.layers.{0..7}.{input_layernorm,post_attention_layernorm}.weight 512
        decoder.pre_transformer.layers.{0..7}.self_attn.{q_proj,k_proj,v_proj}.weight 1024 512
        decoder.pre_transformer.layers.{0..7}.self_attn.o_proj.weight 512 1024
        decoder.pre_transformer.layers.{0..7}.{self_attn_layer_scale,mlp_layer_scale}.scale 512
        decoder.pre_transformer.layers.{0..7}.mlp.{gate_proj,up_proj}.weight 1024 512
        decoder.pre_transformer.layers.{0..7}.mlp.down_proj.weight 512 1024
        decoder.pre_transformer.norm.weight 512
        decoder.pre_transformer.output_proj.weight 1024 512
        decoder.pre_transformer.output_proj.bias 1024
        decoder.upsample.{0..1}.0.conv.weight 1024 1024 2
        decoder.upsample.{0..1}.0.conv.bias 1024
        decoder.upsample.{0..1}.1.dwconv.conv.weight 1024 1 7
        decoder.upsample.{0..1}.1.{dwconv.conv,norm,pwconv2}.bias 1024
        decoder.upsample.{0..1}.1.norm.weight 1024
        decoder.upsample.{0..1}.1.pwconv1.weight 4096 1024
        decoder.upsample.{0..1}.1.pwconv1.bias 4096
        decoder.upsample.{0..1}.1.pwconv2.weight 1024 4096
        decoder.upsample.{0..1}.1.gamma 1024
        decoder.decoder.0.conv.weight 1536 1024 7
        decoder.decoder.0.conv.bias 1536
        decoder.decoder.1.block.0.{alpha,beta} 1536
        decoder.decoder.1.block.1.conv.weight 1536 768 16
        decoder.decoder.2.block.0.{alpha,beta} 768
        decoder.decoder.2.block.1.conv.weight 768 384 10
        decoder.decoder.3.block.0.{alpha,beta} 384
        decoder.decoder.3.block.1.conv.weight 384 192 8
        decoder.decoder.4.block.0.{alpha,beta} 192
        decoder.decoder.4.block.1.conv.weight 192 96 6
        decoder.decoder.5.{alpha,beta} 96
        decoder.decoder.6.conv.weight 1 96 7
        decoder.decoder.6.conv.bias 1
        """

    private static let residualUnits = [(1, 768), (2, 384), (3, 192), (4, 96)].map { block, width in
        """
        decoder.decoder.\(block).block.1.conv.bias \(width)
        decoder.decoder.\(block).block.{2..4}.{act1,act2}.{alpha,beta} \(width)
        decoder.decoder.\(block).block.{2..4}.conv1.conv.weight \(width) \(width) 7
        decoder.decoder.\(block).block.{2..4}.conv2.conv.weight \(width) \(width) 1
        decoder.decoder.\(block).block.{2..4}.{conv1,conv2}.conv.bias \(width)
        """
    }.joined(separator: "\n")

    private static let encoder = """
        encoder.encoder.layers.0.conv.weight 64 1 7
        encoder.encoder.layers.0.conv.bias 64
        encoder.encoder.layers.1.block.1.conv.weight 32 64 3
        encoder.encoder.layers.1.block.1.conv.bias 32
        encoder.encoder.layers.1.block.3.conv.weight 64 32 1
        encoder.encoder.layers.1.block.3.conv.bias 64
        encoder.encoder.layers.3.conv.weight 128 64 8
        encoder.encoder.layers.3.conv.bias 128
        encoder.encoder.layers.4.block.1.conv.weight 64 128 3
        encoder.encoder.layers.4.block.1.conv.bias 64
        encoder.encoder.layers.4.block.3.conv.weight 128 64 1
        encoder.encoder.layers.4.block.3.conv.bias 128
        encoder.encoder.layers.6.conv.weight 256 128 10
        encoder.encoder.layers.6.conv.bias 256
        encoder.encoder.layers.7.block.1.conv.weight 128 256 3
        encoder.encoder.layers.7.block.1.conv.bias 128
        encoder.encoder.layers.7.block.3.conv.weight 256 128 1
        encoder.encoder.layers.7.block.3.conv.bias 256
        encoder.encoder.layers.9.conv.weight 512 256 12
        encoder.encoder.layers.9.conv.bias 512
        encoder.encoder.layers.10.block.1.conv.weight 256 512 3
        encoder.encoder.layers.10.block.1.conv.bias 256
        encoder.encoder.layers.10.block.3.conv.weight 512 256 1
        encoder.encoder.layers.10.block.3.conv.bias 512
        encoder.encoder.layers.12.conv.weight 1024 512 16
        encoder.encoder.layers.12.conv.bias 1024
        encoder.encoder.layers.14.conv.weight 512 1024 3
        encoder.encoder.layers.14.conv.bias 512
        encoder.encoder_transformer.layers.{0..7}.{input_layernorm,post_attention_layernorm}.{weight,bias} 512
        encoder.encoder_transformer.layers.{0..7}.self_attn.{q_proj,k_proj,v_proj,o_proj}.weight 512 512
        encoder.encoder_transformer.layers.{0..7}.{self_attn_layer_scale,mlp_layer_scale}.scale 512
        encoder.encoder_transformer.layers.{0..7}.mlp.fc1.weight 2048 512
        encoder.encoder_transformer.layers.{0..7}.mlp.fc2.weight 512 2048
        encoder.downsample.conv.weight 512 512 4
        encoder.quantizer.{semantic,acoustic}_residual_vector_quantizer.input_proj.weight 256 512 1
        encoder.quantizer.{semantic,acoustic}_residual_vector_quantizer.output_proj.weight 512 256 1
        encoder.quantizer.semantic_residual_vector_quantizer.layers.0.codebook.embed_sum 2048 256
        encoder.quantizer.semantic_residual_vector_quantizer.layers.0.codebook.cluster_usage 2048
        encoder.quantizer.semantic_residual_vector_quantizer.layers.0.codebook.initialized 1
        encoder.quantizer.acoustic_residual_vector_quantizer.layers.{0..30}.codebook.embed_sum 2048 256
        encoder.quantizer.acoustic_residual_vector_quantizer.layers.{0..30}.codebook.cluster_usage 2048
        encoder.quantizer.acoustic_residual_vector_quantizer.layers.{0..30}.codebook.initialized 1
        """

    /// Shapes by name, every pattern written out.
    static func expanded(_ list: String) -> [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        for line in list.split(separator: "\n") {
            let words = line.split(separator: " ")
            for name in names(words[0]) { shapes[name] = words.dropFirst().compactMap { Int($0) } }
        }
        return shapes
    }

    private static func names(_ pattern: Substring) -> [String] {
        guard let open = pattern.firstIndex(of: "{"), let close = pattern.firstIndex(of: "}") else {
            return [String(pattern)]
        }
        let inside = pattern[pattern.index(after: open)..<close]
        let ends = inside.split(separator: ".").compactMap { Int($0) }
        let choices =
            ends.count == 2
            ? (ends[0]...ends[1]).map { "\($0)" } : inside.split(separator: ",").map(String.init)
        let tails = names(pattern[pattern.index(after: close)...])
        return choices.flatMap { choice in tails.map { pattern[..<open] + choice + $0 } }
    }
}
