import Checkpoints
import Foundation
import NeuralLayers
import SpeechCore
import TensorGraph
import TextProcessing

/// A checkpoint's weights and tables: what the model is and what it knows. Shared and immutable.
struct Model: Sendable {
    let config: Configuration
    let generation: GenerationConfiguration
    let prompts: PromptBuilder
    let talker: Talker
    let predictor: CodePredictor
    let text: TextProjection
    let codec: CodecDecoder
    let sampleRate: Int
    let samplesPerFrame: Int

    /// Binds every tensor of the checkpoint; nothing is resident until the loader finishes.
    init(_ files: ModelFiles, _ weights: Weights) throws {
        config = try Configuration.decoded(files.data("config.json"), file: "config.json")
        let speech = try SpeechTokenizerConfiguration.decoded(
            files.data("speech_tokenizer/config.json"), file: "speech_tokenizer/config.json")
        try config.validate()
        try speech.validate(codeGroups: config.talkerConfig.numCodeGroups)
        generation =
            files.has("generation_config.json")
            ? try GenerationConfiguration.decoded(
                files.data("generation_config.json"), file: "generation_config.json")
            : GenerationConfiguration()
        let tokenizer = try BytePairTokenizer(files: files.data)
        prompts = PromptBuilder(config, tokenizer)
        talker = try Talker(weights["talker"], config.talkerConfig)
        predictor = try CodePredictor(weights["talker"]["code_predictor"], config.talkerConfig)
        text = try TextProjection(weights["talker"], config.talkerConfig)
        codec = try CodecDecoder(weights["decoder"], speech.decoderConfig)
        sampleRate = speech.outputSampleRate
        samplesPerFrame = speech.decodeUpsampleRate
        // Encoders of recordings are bound when a recording is first encoded; speaking does without.
        weights["encoder"].ignore()
        weights["speaker_encoder"].ignore()
    }

    /// Adds the embedding of a frame's codes to `target`: the talker's table for the first, the predictor's for
    /// the others.
    func addEmbedding(of frame: CodeFrame, to target: UnsafeMutablePointer<Float>) {
        talker.codecEmbedding.add(Int(frame[0]), to: target)
        for (index, table) in predictor.embeddings.enumerated() {
            table.add(Int(frame[index + 1]), to: target)
        }
    }
}

/// What the model is told of the speaker.
struct Conditioning: Sendable, Equatable {
    var speaker = PromptRequest.Speaker.none
    /// The speaker's vector, as wide as the talker; the preset's row, or the speaker encoder's output.
    var vector: [Float] = []
    /// Codes of the reference recording, for cloning in context.
    var frames: [CodeFrame] = []
    var transcript: String?
}
