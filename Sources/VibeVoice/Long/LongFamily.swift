package import Checkpoints
import NeuralLayers
package import SpeechCore
package import TensorGraph

/// VibeVoice-1.5B: dialogues of up to four speakers, an hour and a half long, in voices taken from recordings.
///
/// A script and what the acoustic encoder made of each voice's recording (`LongVoice`) are one prompt (`LongPrompt`).
/// The language model then says, token by token, whether speech begins, ends, or goes on by a frame (`LongBatch`).
/// A frame is led out of noise by its last state (`Diffusion`), decoded to sound, heard by the semantic encoder, and
/// goes back as the next row.
package enum VibeVoiceLongFamily {
    /// The `model_type` of its `config.json`, in both layouts. The model that listens has the same in one of them.
    package static let modelType = "vibevoice"

    /// Makes a checkpoint's weights resident and ready to speak.
    package static func load(_ files: ModelFiles, _ settings: LoadSettings) throws -> any Synthesizer {
        try loadForDialogues(files, settings)
    }

    /// As `load`, for dialogues with a voice for each speaker.
    package static func loadForDialogues(
        _ files: ModelFiles, _ settings: LoadSettings
    ) throws -> any DialogueSynthesizer {
        let device = try settings.makeDevice()
        let loader = try WeightLoader(files.tensors, on: device, precision: settings.precision)
        let model = try SpeechError.translating { try LongModel(files, loader.weights) }
        try loader.finish(
            reserve: model.workingMemory(sessions: settings.sessions), progress: settings.progress)
        return LongSynthesizer(
            model, on: device, sessions: settings.sessions, exact: settings.precision.isExact)
    }

    /// What a checkpoint can do. Nothing is made resident.
    package static func card(_ files: ModelFiles) throws -> ModelCard {
        let loader = try WeightLoader(files.tensors, on: Device(.cpu, threads: 1), precision: .stored)
        return try SpeechError.translating { try LongModel(files, loader.weights) }.card
    }

    /// Bytes that a checkpoint would take in memory, working memory included. Nothing is made resident.
    package static func footprint(_ files: ModelFiles, _ settings: LoadSettings) throws -> Int {
        let loader = try WeightLoader(
            files.tensors, on: Device(.cpu, threads: 1), precision: settings.precision)
        let model = try SpeechError.translating { try LongModel(files, loader.weights) }
        let (mapped, made) = loader.prediction
        return mapped + made + model.workingMemory(sessions: settings.sessions)
    }

    /// What each tensor of a checkpoint is for, by name, as its layers claim them; nothing becomes resident.
    package static func roles(_ files: ModelFiles) throws -> [String: WeightRole] {
        let loader = try WeightLoader(files.tensors, on: Device(.cpu, threads: 1), precision: .stored)
        _ = try SpeechError.translating { try LongModel(files, loader.weights) }
        return loader.roles
    }

    /// Every voice is taken from a recording.
    package static func voices(_ files: ModelFiles) -> VoiceGifts { VoiceGifts(presets: [], clones: true) }

    /// Compares a checkpoint with a golden file, stage by stage.
    package static func parity(
        _ files: ModelFiles, golden: CheckpointFile, precision: Precision, on device: Device
    ) throws -> ParityReport {
        let loader = try WeightLoader(files.tensors, on: device, precision: precision)
        let readsTokens = LongTokenParityRun.reads(golden)
        let model = try SpeechError.translating {
            try LongModel(
                files, loader.weights,
                tokenizer: readsTokens ? ASRTokenizer.ofControlTokens(files, at: "<|vision_pad|>") : nil)
        }
        try loader.finish()
        if readsTokens {
            var run = try LongTokenParityRun(
                model, on: device, golden: golden, bounds: ParityBounds(precision))
            return try run.run()
        }
        var run = try LongParityRun(model, on: device, golden: golden, bounds: ParityBounds(precision))
        return try run.run()
    }
}
