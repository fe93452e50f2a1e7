import Foundation
import NeuralLayers

/// What the `config.json` of a long-form checkpoint says, whichever layout it is in.
struct LongConfiguration: Sendable {
    let layout: EncoderLayout
    let language: ASRLanguageModelConfiguration
    let acoustic, semantic: EncoderConfiguration
    let decoder: TokenizerConfiguration
    let diffusion: DiffusionConfiguration

    /// What tells the layouts apart.
    private struct Kind: Decodable {
        struct Anything: Decodable {}
        var decoderConfig: Anything?, textConfig: Anything?
    }

    /// What the authors write of a checkpoint that speaks, beside what it hears with.
    private struct AuthorsSpeechFile: Decodable {
        let acousticTokenizerConfig: TokenizerConfiguration
        let diffusionHeadConfig: DiffusionConfiguration
    }

    private struct TransformersFile: Decodable {
        let textConfig: ASRLanguageModelConfiguration
        let audioConfig, semanticModelConfig: EncoderConfiguration.TransformersFile
        let diffusionHeadConfig: TransformersDiffusionFile
    }

    /// Reads and checks a `config.json`.
    ///
    /// - Throws: `ASRConfigurationError` and `ConfigurationError`.
    init(_ data: Data) throws {
        let kind: Kind = try ASRConfiguration.decode(data)
        if kind.decoderConfig == nil, kind.textConfig != nil {
            let file: TransformersFile = try ASRConfiguration.decode(data)
            try file.audioConfig.check("audio_config")
            try file.semanticModelConfig.check("semantic_model_config")
            layout = .transformers
            language = file.textConfig
            acoustic = EncoderConfiguration(file.audioConfig, sampled: true)
            semantic = EncoderConfiguration(file.semanticModelConfig, sampled: false)
            decoder = TokenizerConfiguration(file.audioConfig)
            diffusion = try file.diffusionHeadConfig.configuration()
        } else {
            let file: ASRConfiguration.AuthorsFile = try ASRConfiguration.decode(data)
            let speech: AuthorsSpeechFile = try ASRConfiguration.decode(data)
            layout = .authors
            language = file.decoderConfig
            (acoustic, semantic) = try file.encoders()
            decoder = speech.acousticTokenizerConfig
            diffusion = speech.diffusionHeadConfig
        }
        try validate()
    }

    private func validate() throws {
        let check = ConfigurationChecker(file: "config.json")
        try language.validate()
        try acoustic.validate("acoustic encoder")
        try semantic.validate("semantic encoder")
        try decoder.validate(check, key: "acoustic_tokenizer_config")
        try diffusion.validate(check)
        guard acoustic.hop == semantic.hop, acoustic.hop == decoder.samplesPerFrame else {
            throw check.wrong("acoustic_tokenizer_config", "makes frames of another length than its fellows")
        }
        guard decoder.vaeDim == diffusion.latentSize, acoustic.latentWidth == diffusion.latentSize else {
            throw check.wrong("diffusion_head_config.latent_size", "is not that of the acoustic tokenizer")
        }
        guard diffusion.hiddenSize == language.hiddenSize else {
            throw check.wrong("diffusion_head_config.hidden_size", "is not the language model's")
        }
    }
}

/// `diffusion_head_config` of transformers.
private struct TransformersDiffusionFile: Decodable {
    let hiddenSize: Int, intermediateSize: Int, numHiddenLayers: Int, latentSize: Int, rmsNormEps: Float
    var frequencyEmbeddingSize: Int?, diffusionMaxPeriod: Double?, mlpBias: Bool?, hiddenAct: String?

    func configuration() throws(ASRConfigurationError) -> DiffusionConfiguration {
        let key = "diffusion_head_config"
        guard frequencyEmbeddingSize ?? 256 == 256, diffusionMaxPeriod ?? 10_000 == 10_000, mlpBias != true,
            hiddenAct ?? "silu" == "silu", hiddenSize > 0
        else { throw .wrongValue(key: key, why: "describes another network than the published one") }
        let configuration = DiffusionConfiguration(
            hiddenSize: hiddenSize, headLayers: numHiddenLayers,
            headFfnRatio: Double(intermediateSize) / Double(hiddenSize), latentSize: latentSize,
            rmsNormEps: rmsNormEps,
            predictionType: "v_prediction", ddpmBetaSchedule: "cosine",
            ddpmNumSteps: NoiseSchedule.trainingSteps)
        guard configuration.headFfnRatio <= 16, configuration.feedForward == intermediateSize else {
            throw .wrongValue(
                key: "\(key).intermediate_size", why: "is \(intermediateSize), no multiple of the width")
        }
        return configuration
    }
}

extension TokenizerConfiguration {
    /// The decoder that goes with an encoder: as many stages, the other way round.
    fileprivate init(_ file: EncoderConfiguration.TransformersFile) {
        self.init(
            vaeDim: file.hiddenSize, channels: file.channels ?? 1, encoderNFilters: file.numFilters,
            encoderRatios: file.downsamplingRatios.reversed(),
            encoderDepths: file.depths.map(String.init).joined(separator: "-"),
            decoderNFilters: file.numFilters,
            decoderRatios: file.downsamplingRatios.reversed(), decoderDepths: nil,
            layernormEps: file.rmsNormEps,
            causal: true, convBias: true, disableLastNorm: true, convNorm: "none", layernorm: "RMSNorm",
            mixerLayer: "depthwise_conv", padMode: "constant")
    }
}
