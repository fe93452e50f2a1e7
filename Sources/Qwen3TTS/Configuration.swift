import Foundation
import NeuralLayers
import TensorGraph

// The three configuration files of a checkpoint. Properties are the files' keys in camel case. What shapes a tensor
// has no default: the defaults of the upstream configuration classes are not the released values.

/// `config.json`.
struct Configuration: Decodable, Sendable {
    let ttsModelType: Variant
    let ttsModelSize: String
    let tokenizerType: String
    let ttsPadTokenId: Int32, ttsBosTokenId: Int32, ttsEosTokenId: Int32
    let talkerConfig: TalkerConfiguration
    let speakerEncoderConfig: SpeakerEncoderConfiguration?

    /// Which of the released kinds a checkpoint is.
    enum Variant: String, Decodable, Sendable {
        case base
        case customVoice = "custom_voice"
        case voiceDesign = "voice_design"
    }

    /// Upstream drops the instruction on the small model without a word; we say so.
    var ignoresInstruction: Bool { ttsModelType == .base || ttsModelSize == "0b6" }
}

/// `talker_config`.
struct TalkerConfiguration: Decodable, Sendable, Qwen3Stack {
    let hiddenSize: Int, intermediateSize: Int, numHiddenLayers: Int
    let numAttentionHeads: Int, numKeyValueHeads: Int, headDim: Int
    let vocabSize: Int, textVocabSize: Int, textHiddenSize: Int, numCodeGroups: Int
    let ropeTheta: Double, rmsNormEps: Float
    let codecPadId: Int32, codecBosId: Int32, codecEosTokenId: Int32
    let codecThinkId: Int32, codecNothinkId: Int32, codecThinkBosId: Int32, codecThinkEosId: Int32
    let codecLanguageId: [String: Int32]
    let spkId: [String: Int32]
    let spkIsDialect: [String: Dialect]
    let codePredictorConfig: CodePredictorConfiguration

    /// `false`, or the dialect's name.
    struct Dialect: Decodable, Sendable {
        let name: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            name = try? container.decode(String.self)
            if name == nil { _ = try container.decode(Bool.self) }
        }
    }
}

/// `talker_config.code_predictor_config`.
struct CodePredictorConfiguration: Decodable, Sendable, Qwen3Stack {
    let hiddenSize: Int, intermediateSize: Int, numHiddenLayers: Int
    let numAttentionHeads: Int, numKeyValueHeads: Int, headDim: Int
    let vocabSize: Int, ropeTheta: Double, rmsNormEps: Float
}

/// A stack of Qwen3's layers.
protocol Qwen3Stack: DecoderShape {}

extension Qwen3Stack {
    var decoder: DecoderConfig {
        var config = plainDecoder
        config.headNorms = true
        return config
    }
}

/// `speaker_encoder_config`. The released files give only the width; the rest are the upstream class's values.
struct SpeakerEncoderConfiguration: Decodable, Sendable {
    let encDim: Int, sampleRate: Int
    let melDim: Int, encChannels: [Int], encKernelSizes: [Int], encDilations: [Int]
    let encAttentionChannels: Int, encRes2netScale: Int, encSeChannels: Int

    private enum Key: String, CodingKey {
        case encDim, sampleRate, melDim, encChannels, encKernelSizes, encDilations
        case encAttentionChannels, encRes2netScale, encSeChannels
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        encDim = try values.decode(Int.self, forKey: .encDim)
        sampleRate = try values.decode(Int.self, forKey: .sampleRate)
        melDim = try values.decodeIfPresent(Int.self, forKey: .melDim) ?? 128
        encChannels =
            try values.decodeIfPresent([Int].self, forKey: .encChannels) ?? [512, 512, 512, 512, 1536]
        encKernelSizes = try values.decodeIfPresent([Int].self, forKey: .encKernelSizes) ?? [5, 3, 3, 3, 1]
        encDilations = try values.decodeIfPresent([Int].self, forKey: .encDilations) ?? [1, 2, 3, 4, 1]
        encAttentionChannels = try values.decodeIfPresent(Int.self, forKey: .encAttentionChannels) ?? 128
        encRes2netScale = try values.decodeIfPresent(Int.self, forKey: .encRes2netScale) ?? 8
        encSeChannels = try values.decodeIfPresent(Int.self, forKey: .encSeChannels) ?? 128
    }
}

/// `speech_tokenizer/config.json`.
struct SpeechTokenizerConfiguration: Decodable, Sendable {
    let encoderValidNumQuantizers: Int
    let inputSampleRate: Int, outputSampleRate: Int
    let decodeUpsampleRate: Int, encodeDownsampleRate: Int
    let decoderConfig: CodecDecoderConfiguration
    let encoderConfig: CodecEncoderConfiguration
}

/// `decoder_config` of the speech tokenizer.
struct CodecDecoderConfiguration: Decodable, Sendable, DecoderShape {
    let latentDim: Int, codebookDim: Int, codebookSize: Int, decoderDim: Int
    let hiddenSize: Int, intermediateSize: Int, headDim: Int
    let numAttentionHeads: Int, numKeyValueHeads: Int, numHiddenLayers: Int
    let numQuantizers: Int, numSemanticQuantizers: Int
    let rmsNormEps: Float, ropeTheta: Double, slidingWindow: Int
    let upsampleRates: [Int], upsamplingRatios: [Int]

    var transformer: DecoderConfig {
        var config = plainDecoder
        config.layerScales = true
        config.window = slidingWindow
        config.role = .codecMatrix
        return config
    }
}

/// `encoder_config` of the speech tokenizer: Mimi's.
struct CodecEncoderConfiguration: Decodable, Sendable, DecoderShape {
    let numFilters: Int, kernelSize: Int, lastKernelSize: Int, residualKernelSize: Int, compress: Int
    let upsamplingRatios: [Int]
    let hiddenSize: Int, intermediateSize: Int, headDim: Int
    let numHiddenLayers: Int, numAttentionHeads: Int, numKeyValueHeads: Int
    let normEps: Float, ropeTheta: Double
    let codebookSize: Int, codebookDim: Int, numQuantizers: Int, numSemanticQuantizers: Int

    var rmsNormEps: Float { normEps }

    /// The file also names a window; upstream's attention does not apply it.
    var transformer: DecoderConfig {
        var config = plainDecoder
        config.layerScales = true
        config.centredNorms = true
        config.plainMLP = true
        config.role = .encoder
        return config
    }
}

/// `generation_config.json`. Sampling upstream's wrapper falls back to when the file is silent.
struct GenerationConfiguration: Decodable, Sendable {
    var doSample: Bool?, temperature: Float?, topK: Int?, topP: Float?
    var repetitionPenalty: Float?, maxNewTokens: Int?
    var subtalkerDosample: Bool?, subtalkerTemperature: Float?, subtalkerTopK: Int?, subtalkerTopP: Float?
}
