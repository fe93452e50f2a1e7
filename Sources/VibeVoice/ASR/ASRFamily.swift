package import Checkpoints
package import Foundation
import NeuralLayers
package import SpeechCore
package import TensorGraph

/// VibeVoice-ASR: a recording to who said what and when.
///
/// Two encoders make 7.5 frames of each second (`Encoder`), connectors make a row of the language model's width of
/// each, and the model, asked for a transcript, writes one in JSON.
package enum ASRFamily {
    package static let name = "vibevoice_asr"

    /// Whether a checkpoint with this `config.json` is one of these.
    package static func claims(config: Data) -> Bool { ASRConfiguration.layout(of: config) != nil }

    /// Makes a checkpoint's weights resident and ready to listen.
    package static func load(_ files: ModelFiles, _ settings: LoadSettings) throws -> any Transcriber {
        let device = try settings.makeDevice()
        let loader = try WeightLoader(files.tensors, on: device, precision: settings.precision)
        let model = try SpeechError.translating { try ASRModel(files, loader.weights) }
        try loader.finish(reserve: model.workingMemory, progress: settings.progress)
        return ASRTranscriber(model, on: device, exact: settings.precision.isExact)
    }

    /// What a checkpoint can do. Nothing is made resident.
    package static func card(_ files: ModelFiles) throws -> TranscriberCard {
        let loader = try WeightLoader(files.tensors, on: Device(.cpu, threads: 1), precision: .stored)
        return try SpeechError.translating { try ASRModel(files, loader.weights) }.card
    }

    /// Bytes that a checkpoint would take in memory, working memory included. Nothing is made resident.
    package static func footprint(_ files: ModelFiles, _ settings: LoadSettings) throws -> Int {
        let loader = try WeightLoader(
            files.tensors, on: Device(.cpu, threads: 1), precision: settings.precision)
        let model = try SpeechError.translating { try ASRModel(files, loader.weights) }
        let (mapped, made) = loader.prediction
        return mapped + made + model.workingMemory
    }

    /// What each tensor of a checkpoint is for, by name, as its layers claim them; nothing becomes resident.
    package static func roles(_ files: ModelFiles) throws -> [String: WeightRole] {
        let loader = try WeightLoader(files.tensors, on: Device(.cpu, threads: 1), precision: .stored)
        _ = try SpeechError.translating { try ASRModel(files, loader.weights) }
        return loader.roles
    }

    /// Compares a checkpoint with a golden file, stage by stage.
    package static func parity(
        _ files: ModelFiles, golden: CheckpointFile, precision: Precision, on device: Device
    ) throws -> ParityReport {
        let loader = try WeightLoader(files.tensors, on: device, precision: precision)
        let readsTokens = ASRTokenParityRun.reads(golden)
        let model = try SpeechError.translating {
            try ASRModel(
                files, loader.weights,
                tokenizer: readsTokens ? ASRTokenizer.ofControlTokens(files, at: "<|box_start|>") : nil)
        }
        try loader.finish()
        if readsTokens {
            var run = try ASRTokenParityRun(model, on: device, golden: golden, precision: precision)
            return try run.run()
        }
        var run = try ASRParityRun(model, on: device, golden: golden, precision: precision)
        return try run.run()
    }
}

extension ASRModel {
    /// Activations of a segment in both encoders, of a part of the prompt, and the cache of a minute's transcript.
    var workingMemory: Int {
        let full = config.hop * ASRListener.framesTogether * config.acoustic.filters * 4
        let segment = full * (EncoderConfiguration.expansion + 4)
        let model = config.languageModel
        let part = ASRDecoder.rowsTogether * 4 * (model.intermediateSize * 3 + model.hiddenSize * 8)
        return 2 * segment + part + language.stack.config.cache.bytes(rows: 2048, half: true)
    }
}
