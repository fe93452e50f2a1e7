package import Checkpoints
import Foundation
import TextProcessing

/// A checkpoint of random weights with the names, shapes and types of a released one, for measuring where the real
/// weights are not at hand. What it says is noise.
package struct SyntheticVibeVoice: Sendable {
    /// Which of the released models.
    package enum Kind: String, CaseIterable, Sendable {
        case realtime, long, asr
    }

    let kind: Kind
    let shape: SyntheticVibeVoiceShape
    let seed: UInt64
    /// Most bytes of tensors in one file; a checkpoint of more is cut, as released ones are.
    private let shardBytes: Int

    /// - Parameter tiny: every structural feature of the released model in a few megabytes.
    package init(_ kind: Kind, tiny: Bool = false, seed: UInt64 = 0) {
        (self.kind, self.seed) = (kind, seed)
        shape = SyntheticVibeVoiceShape(kind, tiny: tiny)
        // The realtime model is released in one file.
        shardBytes = kind == .realtime ? .max : tiny ? 1 << 20 : 2 << 30
    }

    /// What the checkpoint holds.
    package var entries: [SyntheticTensor] { shape.entries }

    /// Writes the whole checkpoint, all in bfloat16 as released; the realtime model's with a voice.
    ///
    /// Throws what the system says of the folder, and `CheckpointError` when a file cannot be written.
    package func write(to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try writeTensors(to: folder)
        if kind == .realtime {
            try FileManager.default.createDirectory(
                atPath: folder + "/voices", withIntermediateDirectories: true)
            try SafetensorsWriter.write(
                shape.presetEntries.map(source), to: folder + "/voices/random.safetensors")
        }
        let tokenizer = SyntheticTokenizer(tokens: shape.baseVocabulary, assistant: shape.assistantToken)
        try write(tokenizer.vocabulary, to: folder + "/vocab.json")
        try write(tokenizer.merges, to: folder + "/merges.txt")
        try write(tokenizer.configuration, to: folder + "/tokenizer_config.json")
        // Written last: it says that the rest is there.
        try write(shape.configuration, to: folder + "/config.json")
    }

    private func writeTensors(to folder: String) throws {
        var shards: [(entries: [SyntheticTensor], bytes: Int)] = [([], 0)]
        for entry in entries {
            let bytes = 2 * entry.shape.reduce(1, *)
            if shards[shards.count - 1].bytes + bytes > shardBytes { shards.append(([], 0)) }
            shards[shards.count - 1].entries.append(entry)
            shards[shards.count - 1].bytes += bytes
        }
        if shards.count == 1 {
            try SafetensorsWriter.write(
                entries.map(source), metadata: ["format": "pt"], to: folder + "/model.safetensors")
            return
        }
        var places: [String] = []
        for (index, shard) in shards.enumerated() {
            let name = String(format: "model-%05d-of-%05d.safetensors", index + 1, shards.count)
            try SafetensorsWriter.write(
                shard.entries.map(source), metadata: ["format": "pt"], to: folder + "/" + name)
            places += shard.entries.map { "\"\($0.name)\": \"\(name)\"" }
        }
        let total = shards.reduce(0) { $0 + $1.bytes }
        try write(
            """
            {"metadata": {"total_size": \(total)}, "weight_map": {
            \(places.joined(separator: ",\n"))
            }}

            """, to: folder + "/model.safetensors.index.json")
    }

    private func source(_ entry: SyntheticTensor) -> TensorSource {
        SyntheticValues(entry.name, shape.kind(entry), seed: seed).source(entry, .bf16)
    }

    private func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
