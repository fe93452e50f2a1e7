package import Checkpoints
import NeuralLayers
package import SpeechCore
package import TensorGraph

/// VibeVoice-Realtime: text in windows of five tokens, speech in windows of six frames, 7.5 of them a second.
///
/// Text goes to tokens (`Prompt`), through both stacks of the language model (`SpeechLanguageModel`); its last hidden
/// state leads noise to a frame's latent (`DiffusionHead`, `NoiseSchedule`), which is heard (`AcousticDecoder`) and
/// goes back as the next row. A voice is what the caches held after a recording (`VoicePreset`).
package enum VibeVoiceRealtimeFamily {
    /// The `model_type` of its `config.json`.
    package static let modelType = "vibevoice_streaming"

    /// Makes a checkpoint's weights resident and ready to speak.
    package static func load(_ files: ModelFiles, _ settings: LoadSettings) throws -> any Synthesizer {
        let device = try settings.makeDevice()
        let loader = try WeightLoader(files.tensors, on: device, precision: settings.precision)
        let model = try SpeechError.translating { try Model(files, loader.weights) }
        try loader.finish(
            reserve: model.workingMemory(sessions: settings.sessions), progress: settings.progress)
        return try RealtimeSynthesizer(
            model, on: device, sessions: settings.sessions, exact: settings.precision.isExact)
    }

    /// What a checkpoint can do. Nothing is made resident.
    package static func card(_ files: ModelFiles) throws -> ModelCard {
        let loader = try WeightLoader(files.tensors, on: Device(.cpu, threads: 1), precision: .stored)
        return try SpeechError.translating { try Model(files, loader.weights) }.card
    }

    /// Bytes that a checkpoint would take in memory, working memory included. Nothing is made resident.
    package static func footprint(_ files: ModelFiles, _ settings: LoadSettings) throws -> Int {
        let device = try Device(.cpu, threads: 1)
        let loader = try WeightLoader(files.tensors, on: device, precision: settings.precision)
        let model = try SpeechError.translating { try Model(files, loader.weights) }
        let (mapped, made) = loader.prediction
        return mapped + made + model.workingMemory(sessions: settings.sessions)
    }

    /// What each tensor of a checkpoint is for, by name, as its layers claim them; nothing becomes resident.
    package static func roles(_ files: ModelFiles) throws -> [String: WeightRole] {
        let device = try Device(.cpu, threads: 1)
        let loader = try WeightLoader(files.tensors, on: device, precision: .stored)
        _ = try SpeechError.translating { try Model(files, loader.weights) }
        return loader.roles
    }

    /// The presets beside a checkpoint.
    package static func voices(_ files: ModelFiles) throws -> VoiceGifts {
        VoiceGifts(presets: Model.presetFiles(in: files.folder + "/voices").keys.sorted(), clones: false)
    }

    /// Compares a checkpoint with a golden file, stage by stage.
    package static func parity(
        _ files: ModelFiles, golden: CheckpointFile, precision: Precision, on device: Device
    ) throws -> ParityReport {
        let loader = try WeightLoader(files.tensors, on: device, precision: precision)
        let model = try SpeechError.translating { try Model(files, loader.weights) }
        try loader.finish()
        var run = try ParityRun(model, on: device, golden: golden, bounds: ParityBounds(precision))
        return try run.run()
    }
}
