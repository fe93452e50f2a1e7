/// The shape of an audio tokenizer's encoder: acoustic or semantic.
struct EncoderConfiguration: Sendable, Equatable {
    /// Values in a frame.
    let latentWidth: Int
    /// Channels after the stem; each stage doubles them.
    let filters: Int
    /// Samples that each stage after the first takes for one, from the waveform down.
    let strides: [Int]
    /// Blocks in each stage.
    let depths: [Int]
    let epsilon: Float
    /// What the noise of a sampled frame is scaled by; nil where the mean itself is the frame.
    let noise: Float?

    // Constants of the authors' code.
    static let taps = 7, expansion = 4

    /// Samples in a frame.
    var hop: Int { strides.reduce(1, *) }

    func channels(_ stage: Int) -> Int { filters << stage }
}

/// Where a checkpoint keeps what: the authors' names, or those of the copies made for transformers.
///
/// A name is chosen where a layer claims its tensor, so nothing is renamed.
enum EncoderLayout: Sendable {
    case authors, transformers
}

extension EncoderConfiguration {
    /// `acoustic_tokenizer_config` or `semantic_tokenizer_config` as the authors write it.
    struct AuthorsFile: Decodable {
        let vaeDim: Int, encoderNFilters: Int, encoderRatios: [Int], encoderDepths: Depths
        let layernormEps: Float
        var fixStd: Float?, stdDistType: String?
        var causal: Bool?, convBias: Bool?, disableLastNorm: Bool?
        var convNorm: String?, layernorm: String?, mixerLayer: String?, padMode: String?, channels: Int?

        /// Numbers in a list, or in a string between dashes.
        struct Depths: Decodable {
            let values: [Int]

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let list = try? container.decode([Int].self) {
                    values = list
                    return
                }
                let parts = try container.decode(String.self).split(
                    separator: "-", omittingEmptySubsequences: false)
                let numbers = parts.compactMap { Int($0) }
                guard numbers.count == parts.count else {
                    throw DecodingError.dataCorruptedError(
                        in: container, debugDescription: "is not numbers and dashes")
                }
                values = numbers
            }
        }
    }

    /// `acoustic_tokenizer_encoder_config` or `semantic_tokenizer_encoder_config` of transformers.
    struct TransformersFile: Decodable {
        let hiddenSize: Int, numFilters: Int, downsamplingRatios: [Int], depths: [Int]
        let rmsNormEps: Float
        var vaeStd: Float?, kernelSize: Int?, ffnExpansion: Int?, hiddenAct: String?, channels: Int?
    }

    /// - Parameter sampled: whether frames are drawn around the encoder's output, as the acoustic ones are.
    init(_ file: AuthorsFile, sampled: Bool) {
        latentWidth = file.vaeDim
        filters = file.encoderNFilters
        // The file lists the decoder's order.
        strides = file.encoderRatios.reversed()
        depths = file.encoderDepths.values
        epsilon = file.layernormEps
        noise = sampled && file.stdDistType ?? "gaussian" != "none" ? file.fixStd.map { $0 / 0.8 } : nil
    }

    /// - Parameter sampled: whether frames are drawn around the encoder's output, as the acoustic ones are.
    init(_ file: TransformersFile, sampled: Bool) {
        latentWidth = file.hiddenSize
        filters = file.numFilters
        strides = file.downsamplingRatios
        depths = file.depths
        epsilon = file.rmsNormEps
        noise = sampled ? file.vaeStd : nil
    }
}
