package import Checkpoints
import NeuralLayers
package import SpeechCore
package import TensorGraph

/// Qwen3-TTS at 12 Hz: Base (cloning), CustomVoice (presets), VoiceDesign (voices from words).
///
/// Text goes to a prompt of rows (`Prompt`), the talker draws the first code of each 80 ms frame (`Talker`), the
/// code predictor the other fifteen (`CodePredictor`), the codec's decoder makes sound of them (`Codec/Decoder`).
package enum Qwen3TTSFamily {
    /// The `model_type` of its `config.json`.
    package static let modelType = "qwen3_tts"

    /// Makes a checkpoint's weights resident and ready to speak.
    package static func load(_ files: ModelFiles, _ settings: LoadSettings) throws -> any Synthesizer {
        let device = try settings.makeDevice()
        let loader = try WeightLoader(files.tensors, on: device, precision: settings.precision)
        let model = try SpeechError.translating { try Model(files, loader.weights) }
        try loader.finish(
            reserve: model.workingMemory(sessions: settings.sessions), progress: settings.progress)
        return try Qwen3Synthesizer(
            model, files, on: device, sessions: settings.sessions, exact: settings.precision.isExact)
    }

    /// The voices that a checkpoint's configuration names.
    package static func voices(_ files: ModelFiles) throws -> VoiceGifts {
        let config = try SpeechError.translating {
            try Configuration.decoded(files.data("config.json"), file: "config.json")
        }
        return VoiceGifts(
            presets: config.talkerConfig.spkId.keys.sorted(), clones: config.ttsModelType == .base,
            profileFamily: profileFamily(width: config.talkerConfig.hiddenSize))
    }

    /// Voices are interchangeable among checkpoints of one talker width.
    static func profileFamily(width: Int) -> String { "\(modelType)/\(width)" }

    /// Compares a checkpoint with a golden file, stage by stage.
    package static func parity(
        _ files: ModelFiles, golden: CheckpointFile, precision: Precision, on device: Device
    ) throws -> ParityReport {
        let loader = try WeightLoader(files.tensors, on: device, precision: precision)
        let model = try SpeechError.translating { try Model(files, loader.weights) }
        try loader.finish()
        var run = try ParityRun(model, files, on: device, golden: golden, bounds: ParityBounds(precision))
        return try run.run()
    }
}
