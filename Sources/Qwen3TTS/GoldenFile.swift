import Checkpoints
import Foundation
import NeuralLayers
import SpeechCore
import TensorGraph

/// A golden file: what the authors' code computed, with the arguments it was given.
struct GoldenFile {
    private let file: CheckpointFile
    let info: Info

    /// The metadata key `info`.
    struct Info: Decodable {
        let cases: [String: Case]
        let strings: [String]
    }

    /// Arguments of one synthesis, in upstream's words.
    struct Case: Decodable {
        let text: String
        var language: String?
        var speaker: String?
        var instruct: String?
        var refText: String?
        var xVectorOnlyMode: Bool?
        var nonStreamingMode: Bool?
        let frames: Int
        let stoppedByEos: Bool
    }

    init(_ file: CheckpointFile) throws {
        guard case .string(let text)? = file.metadata["info"] else {
            throw SpeechError(
                .wrongFormat, "\(file.path) has no 'info' in its metadata.",
                remedy: "Give a golden file as the reference script writes it.")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        info = try decoder.decode(Info.self, from: Data(text.utf8))
        self.file = file
    }

    func has(_ name: String) -> Bool { file[name] != nil }
    func shape(_ name: String) -> [Int] { file[name]?.shape ?? [] }
    func values(_ name: String) -> [Float] { file[name].map(Conversion.floats) ?? [] }

    func integers(_ name: String) -> [Int32] {
        guard let tensor = file[name], tensor.type == .i32 else { return [] }
        return (0..<tensor.shape.reduce(1, *)).map {
            tensor.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)
        }
    }

    /// Codes `[frames, groups]`.
    func frames(_ name: String) -> [CodeFrame] {
        let (codes, groups) = (integers(name), shape(name).last ?? 1)
        return stride(from: 0, to: codes.count, by: groups).map { Array(codes[$0..<$0 + groups]) }
    }

    /// Convolutional stages are kept as PyTorch has them, `[channels, steps]`; transformers' rows are `[steps, width]`.
    func isChannelMajor(_ name: String) -> Bool { !name.contains("transformer") }
}

extension GoldenFile.Case {
    /// The same request in our terms.
    func request(_ model: Model, _ encoded: Conditioning?) throws -> (PromptRequest, Conditioning) {
        let variant = model.config.ttsModelType
        var request = PromptRequest(text: text)
        request.language = language ?? "auto"
        request.instruction = model.config.ignoresInstruction ? "" : instruct ?? ""
        request.wholeText = nonStreamingMode ?? (variant != .base)
        var conditioning = Conditioning()
        if variant == .base, let encoded {
            conditioning = encoded
            if xVectorOnlyMode != true, let refText {
                request.reference = PromptRequest.Reference(transcript: refText, frames: encoded.frames.count)
            } else {
                conditioning.frames = []
            }
        } else if let speaker {
            conditioning = model.conditioning(preset: speaker)
        }
        request.speaker = conditioning.speaker
        return (request, conditioning)
    }
}

extension Session.Rules {
    /// Always the likeliest code; penalty and suppression stay, as upstream's.
    static func greedy(_ model: Model, maximumTokens: Int) -> Session.Rules {
        let greedy = Sampling(isRandom: false, temperature: 1, topK: 0, topP: 1)
        let options = SynthesisOptions(
            seed: 0, sampling: greedy, subSampling: greedy, maximumTokens: maximumTokens)
        return model.rules(options, textTokens: 0, segment: 0)
    }
}

extension Model {
    /// A preset speaker: its row of the talker's codec table.
    func conditioning(preset name: String) -> Conditioning {
        guard let id = config.talkerConfig.spkId[name.lowercased()] else { return Conditioning() }
        var vector = [Float](repeating: 0, count: talker.width)
        vector.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress { talker.codecEmbedding.read(Int(id), into: base) }
        }
        return Conditioning(speaker: .preset(name), vector: vector)
    }

    /// How to draw: the caller's choices, then the checkpoint's, then upstream's.
    ///
    /// Without a limit of the caller's, a budget in proportion to the text ends a model that never draws its end
    /// token (seen in about three of a thousand requests with the authors' own code).
    func rules(_ options: SynthesisOptions, textTokens: Int, segment: Int) -> Session.Rules {
        let talkerVocabulary = config.talkerConfig.vocabSize
        var first = Sampler.Rules(
            options.sampling
                ?? Sampling(
                    isRandom: generation.doSample ?? true, temperature: generation.temperature ?? 0.9,
                    topK: generation.topK ?? 50, topP: generation.topP ?? 1))
        first.repetitionPenalty = options.repetitionPenalty ?? generation.repetitionPenalty ?? 1.05
        // The last 1024 ids are control codes; of them only the end may be drawn.
        first.suppressed = talkerVocabulary - 1024..<talkerVocabulary
        first.end = Int(config.talkerConfig.codecEosTokenId)
        first.minimumDraws = options.minimumTokens ?? 2
        let others = Sampler.Rules(
            options.subSampling
                ?? Sampling(
                    isRandom: generation.subtalkerDosample ?? true,
                    temperature: generation.subtalkerTemperature ?? 0.9,
                    topK: generation.subtalkerTopK ?? 50, topP: generation.subtalkerTopP ?? 1))
        let budget = min(generation.maxNewTokens ?? 2048, 150 + 25 * textTokens)
        let seed = (options.seed ?? 0) &+ UInt64(segment) &* 0x9E37_79B9_7F4A_7C15
        return Session.Rules(
            first: first, others: others, maximumTokens: options.maximumTokens ?? budget, seed: seed)
    }
}
