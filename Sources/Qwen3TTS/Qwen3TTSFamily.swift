package import Checkpoints
package import SpeechCore
package import TensorGraph

/// Qwen3-TTS at 12 Hz: Base (cloning), CustomVoice (presets), VoiceDesign (voices from words).
package enum Qwen3TTSFamily {
    /// Compares a checkpoint with a golden file, stage by stage.
    package static func parity(
        _ files: ModelFiles, golden: CheckpointFile, precision: Precision, on device: Device
    ) throws -> ParityReport {
        let loader = try WeightLoader(files.tensors, on: device, precision: precision)
        let model = try Model(files, loader.weights)
        try loader.finish()
        var run = try ParityRun(model, files, on: device, golden: golden, bounds: ParityBounds(precision))
        return try run.run()
    }
}
