package import Checkpoints
import Foundation
import TextProcessing

/// A checkpoint of random weights with the names, shapes and types of a released one, for measuring where the real
/// weights are not at hand. It loads here and in the authors' package; what it speaks is noise.
package struct SyntheticCheckpoint: Sendable {
    /// How large. `tiny` has every structural feature of a released model in about a megabyte.
    package enum Size: String, CaseIterable, Sendable {
        case tiny
        case small = "0.6b"
        case large = "1.7b"
    }

    /// Which of the released kinds.
    package enum Variant: String, CaseIterable, Sendable {
        case base
        case customVoice = "custom_voice"
        case voiceDesign = "voice_design"
    }

    package typealias Entry = SyntheticTensor

    let shape: SyntheticShape
    let variant: Variant
    let seed: UInt64

    package init(size: Size, variant: Variant, seed: UInt64 = 0) {
        shape = SyntheticShape(size, variant)
        self.variant = variant
        self.seed = seed
    }

    /// What `model.safetensors` holds.
    package var mainEntries: [Entry] { shape.mainEntries(speaker: variant == .base) }

    /// What `speech_tokenizer/model.safetensors` holds.
    package var speechEntries: [Entry] { shape.speechEntries }

    /// Whether `folder` holds a checkpoint that `write` finished.
    package static func isWritten(to folder: String) -> Bool {
        // The configuration is written last.
        FileManager.default.fileExists(atPath: folder + "/config.json")
    }

    /// Writes the whole checkpoint: bfloat16 for the model, float32 for the speech tokenizer, as released.
    ///
    /// Throws what the system says of the folder, and `CheckpointError` when a file cannot be written.
    package func write(to folder: String) throws {
        let speech = folder + "/speech_tokenizer"
        try FileManager.default.createDirectory(atPath: speech, withIntermediateDirectories: true)
        try SafetensorsWriter.write(
            mainEntries.map { source($0, .bf16) }, metadata: ["format": "pt"],
            to: folder + "/model.safetensors")
        try SafetensorsWriter.write(
            speechEntries.map { source($0, .f32) }, metadata: ["format": "pt"],
            to: speech + "/model.safetensors")
        let tokenizer = SyntheticTokenizer(tokens: shape.baseVocabulary, assistant: shape.assistantToken)
        let texts = [
            "vocab.json": tokenizer.vocabulary, "merges.txt": tokenizer.merges,
            "tokenizer_config.json": tokenizer.configuration,
            "preprocessor_config.json": SyntheticShape.processorConfiguration,
            "generation_config.json": SyntheticShape.generationConfiguration,
            "speech_tokenizer/config.json": shape.speechConfiguration,
            "speech_tokenizer/preprocessor_config.json": SyntheticShape.speechProcessorConfiguration,
        ]
        for (name, text) in texts { try write(text, to: folder + "/" + name) }
        try write(shape.configuration(variant), to: folder + "/config.json")
    }

    private func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    private func source(_ entry: Entry, _ type: ElementType) -> TensorSource {
        let kind = SyntheticScale.kind(entry, outputGain: shape.outputGain)
        return SyntheticValues(entry.name, kind, seed: seed).source(entry, type)
    }
}
