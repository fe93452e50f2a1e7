package import Checkpoints
import NeuralLayers
import SpeechCore
package import TensorGraph

extension Qwen3TTSFamily {
    /// What each tensor of a checkpoint is for, by name, as its layers claim them; nothing becomes resident.
    ///
    /// Tensors that no layer uses are not among them. Throws what loading the checkpoint would.
    package static func roles(_ files: ModelFiles) throws -> [String: WeightRole] {
        let device = try Device(.cpu, threads: 1)
        let speaking = try WeightLoader(files.tensors, on: device, precision: .stored)
        let listening = try WeightLoader(files.tensors, on: device, precision: .exact)
        try SpeechError.translating {
            let config = try Model(files, speaking.weights).config
            let file = "speech_tokenizer/config.json"
            let speech = try SpeechTokenizerConfiguration.decoded(files.data(file), file: file)
            _ = try CodecEncoder(
                listening.weights["encoder"], speech.encoderConfig,
                quantizers: speech.encoderValidNumQuantizers)
            if let speaker = config.speakerEncoderConfig {
                _ = try SpeakerEncoder(listening.weights["speaker_encoder"], speaker)
            }
        }
        return speaking.roles.merging(listening.roles) { own, _ in own }
    }
}
