package import Checkpoints
package import SpeechCore
package import TensorGraph

extension Qwen3TTSFamily {
    /// What a checkpoint can do. Nothing is made resident.
    package static func card(_ files: ModelFiles) throws -> ModelCard {
        let loader = try WeightLoader(files.tensors, on: Device(.cpu, threads: 1), precision: .stored)
        return try SpeechError.translating { try Model(files, loader.weights) }.card
    }

    /// Bytes that a checkpoint would take in memory, working memory included. Nothing is made resident.
    package static func footprint(_ files: ModelFiles, _ settings: LoadSettings) throws -> Int {
        let device = try Device(.cpu, threads: 1)
        let loader = try WeightLoader(files.tensors, on: device, precision: settings.precision)
        let model = try Model(files, loader.weights)
        let (mapped, made) = loader.prediction
        return mapped + made + model.workingMemory(sessions: settings.sessions)
    }
}
