import Foundation
import NeuralLayers
import TensorGraph

// `config.json` of the realtime model. Properties are the file's keys in camel case; what shapes a tensor has no
// default.

/// `config.json` of a model of kind `vibevoice_streaming`.
struct RealtimeConfiguration: Decodable, Sendable {
    /// Layers of the upper stack; the rest of `decoder_config`'s are the lower one's.
    let ttsBackboneNumHiddenLayers: Int
    let acousticVaeDim: Int
    let decoderConfig: LanguageConfiguration
    let acousticTokenizerConfig: TokenizerConfiguration
    let diffusionHeadConfig: DiffusionConfiguration

    /// The stack that reads text.
    var lower: DecoderConfig {
        decoderConfig.stack(layers: decoderConfig.numHiddenLayers - ttsBackboneNumHiddenLayers)
    }

    /// The stack that reads what the lower one made of text, and frames of speech.
    var upper: DecoderConfig { decoderConfig.stack(layers: ttsBackboneNumHiddenLayers) }
}

/// `decoder_config`: a Qwen2 decoder.
struct LanguageConfiguration: Decodable, Sendable, DecoderShape {
    let hiddenSize: Int, intermediateSize: Int, numHiddenLayers: Int
    let numAttentionHeads: Int, numKeyValueHeads: Int
    let vocabSize: Int, maxPositionEmbeddings: Int
    let ropeTheta: Double, rmsNormEps: Float

    var headDim: Int { hiddenSize / max(1, numAttentionHeads) }

    /// A stack of `layers` of these layers.
    func stack(layers: Int) -> DecoderConfig {
        var config = plainDecoder
        config.layers = layers
        config.projectionBias = true
        return config
    }
}

/// `acoustic_tokenizer_config`: sound to latents and back.
struct TokenizerConfiguration: Decodable, Sendable {
    let vaeDim: Int, channels: Int
    let encoderNFilters: Int, encoderRatios: [Int], encoderDepths: String
    let decoderNFilters: Int, decoderRatios: [Int], decoderDepths: String?
    let layernormEps: Float
    let causal: Bool, convBias: Bool, disableLastNorm: Bool
    let convNorm: String, layernorm: String, mixerLayer: String, padMode: String

    /// Blocks of each of the encoder's stages; nil where the file's text is no list of numbers.
    var encoderBlocks: [Int]? { Self.depths(encoderDepths) }

    /// Blocks of each of the decoder's stages: the encoder's, reversed, where the file does not say.
    var decoderBlocks: [Int]? {
        decoderDepths.map(Self.depths) ?? encoderBlocks.map { $0.reversed() }
    }

    /// Samples in a frame.
    var samplesPerFrame: Int { decoderRatios.reduce(1, *) }

    private static func depths(_ text: String) -> [Int]? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        let depths = parts.compactMap { $0 }
        return depths.count == parts.count ? depths : nil
    }
}

/// `diffusion_head_config`.
struct DiffusionConfiguration: Decodable, Sendable {
    let hiddenSize: Int, headLayers: Int, headFfnRatio: Double, latentSize: Int
    let rmsNormEps: Float
    let predictionType: String, ddpmBetaSchedule: String, ddpmNumSteps: Int

    /// Width inside the feed-forward.
    var feedForward: Int { Int(Double(hiddenSize) * headFfnRatio) }
}
