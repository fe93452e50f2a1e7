import Checkpoints
import Foundation
import NeuralLayers

/// What a checkpoint's `config.json` says, whichever layout it is in.
struct ASRConfiguration: Sendable, Equatable {
    let layout: EncoderLayout
    let languageModel: ASRLanguageModelConfiguration
    let acoustic, semantic: EncoderConfiguration

    /// Samples per second of what the encoders take; a constant of the authors' code.
    static let sampleRate = 24_000

    /// Samples in a frame.
    var hop: Int { acoustic.hop }
}

/// `decoder_config`, or `text_config` of transformers.
struct ASRLanguageModelConfiguration: Decodable, Sendable, Equatable {
    let hiddenSize: Int, intermediateSize: Int, vocabSize: Int, maxPositionEmbeddings: Int
    let numHiddenLayers: Int, numAttentionHeads: Int, numKeyValueHeads: Int
    let rmsNormEps: Float
    var headDim: Int?
    var ropeTheta: Double?, ropeParameters: RopeParameters?
    var hiddenAct: String?, tieWordEmbeddings: Bool?, useSlidingWindow: Bool?

    struct RopeParameters: Decodable, Sendable, Equatable {
        var ropeTheta: Double?, ropeType: String?
    }

    var headWidth: Int { headDim ?? hiddenSize / max(1, numAttentionHeads) }

    /// The base of the rotary frequencies; nil when the file has none.
    var ropeBase: Double? { ropeParameters?.ropeTheta ?? ropeTheta }

    var decoder: DecoderConfig {
        var config = DecoderConfig(
            width: hiddenSize, feedForward: intermediateSize, layers: numHiddenLayers,
            heads: HeadLayout(query: numAttentionHeads, key: numKeyValueHeads, width: headWidth),
            ropeBase: ropeBase ?? 0, epsilon: rmsNormEps)
        config.projectionBias = true
        return config
    }
}

/// Why a checkpoint's configuration cannot be used.
enum ASRConfigurationError: Error, Equatable {
    case unreadable(why: String)
    case missingKey(String)
    case wrongValue(key: String, why: String)
}

extension ASRConfiguration {
    /// What tells a checkpoint of this family from others.
    private struct Kind: Decodable {
        var modelType: String?, architectures: [String]?
    }

    /// What the authors write of every checkpoint that hears.
    struct AuthorsFile: Decodable {
        let decoderConfig: ASRLanguageModelConfiguration
        let acousticTokenizerConfig, semanticTokenizerConfig: EncoderConfiguration.AuthorsFile

        /// Both encoders, checked.
        func encoders() throws(ASRConfigurationError) -> (EncoderConfiguration, EncoderConfiguration) {
            try acousticTokenizerConfig.check("acoustic_tokenizer_config")
            try semanticTokenizerConfig.check("semantic_tokenizer_config")
            return (
                EncoderConfiguration(acousticTokenizerConfig, sampled: true),
                EncoderConfiguration(semanticTokenizerConfig, sampled: false)
            )
        }
    }

    private struct TransformersFile: Decodable {
        let textConfig: ASRLanguageModelConfiguration
        let acousticTokenizerEncoderConfig,
            semanticTokenizerEncoderConfig: EncoderConfiguration.TransformersFile
    }

    /// The layout of a checkpoint with this `config.json`; nil when it is not of this family.
    static func layout(of config: Data) -> EncoderLayout? {
        guard let kind: Kind = try? decode(config) else { return nil }
        switch (kind.modelType, kind.architectures?.first) {
        case ("vibevoice", "VibeVoiceForASRTraining"): return .authors
        case ("vibevoice_asr", _): return .transformers
        default: return nil
        }
    }

    /// Reads and checks a `config.json`.
    init(_ data: Data) throws(ASRConfigurationError) {
        switch Self.layout(of: data) {
        case .authors:
            let file: AuthorsFile = try Self.decode(data)
            layout = .authors
            languageModel = file.decoderConfig
            (acoustic, semantic) = try file.encoders()
        case .transformers:
            let file: TransformersFile = try Self.decode(data)
            try file.acousticTokenizerEncoderConfig.check("acoustic_tokenizer_encoder_config")
            try file.semanticTokenizerEncoderConfig.check("semantic_tokenizer_encoder_config")
            layout = .transformers
            languageModel = file.textConfig
            acoustic = EncoderConfiguration(file.acousticTokenizerEncoderConfig, sampled: true)
            semantic = EncoderConfiguration(file.semanticTokenizerEncoderConfig, sampled: false)
        case nil:
            throw .wrongValue(key: "model_type", why: "is not that of VibeVoice-ASR")
        }
        try validate()
    }

    static func decode<File: Decodable>(_ data: Data) throws(ASRConfigurationError) -> File {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(File.self, from: data)
        } catch DecodingError.keyNotFound(let key, let context) {
            throw .missingKey(spelled(context.codingPath + [key]))
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw .wrongValue(key: spelled(context.codingPath), why: context.debugDescription)
        } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
            throw .wrongValue(key: spelled(context.codingPath), why: context.debugDescription)
        } catch {
            throw .unreadable(why: "\(error)")
        }
    }

    /// Keys from the outside in, in the file's spelling.
    private static func spelled(_ path: [any CodingKey]) -> String {
        path.map { key in
            key.intValue.map { "[\($0)]" }
                ?? key.stringValue.reduce(into: "") {
                    $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1)
                }
        }.joined(separator: ".")
    }
}
