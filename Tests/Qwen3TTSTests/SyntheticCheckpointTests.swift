import Checkpoints
import Foundation
import Qwen3TTS
import SpeechCore
import TensorGraph
import Testing
import TextProcessing

@Suite struct SyntheticCheckpointTests {
    private func shapes(_ entries: [SyntheticCheckpoint.Entry]) -> [String: [Int]] {
        Dictionary(entries.map { ($0.name, $0.shape) }) { first, _ in first }
    }

    @Test func `the 0.6b base has the released names and shapes`() {
        let checkpoint = SyntheticCheckpoint(size: .small, variant: .base)
        let main = ReleasedTensors.expanded(ReleasedTensors.main + "\n" + ReleasedTensors.speakerEncoder)
        #expect(shapes(checkpoint.mainEntries) == main)
        #expect(shapes(checkpoint.speechEntries) == ReleasedTensors.expanded(ReleasedTensors.speech))
        #expect(checkpoint.mainEntries.reduce(0) { $0 + $1.shape.reduce(1, *) } == 914_643_008)
    }

    @Test(arguments: [
        (SyntheticCheckpoint.Size.small, SyntheticCheckpoint.Variant.base, 478), (.small, .customVoice, 402),
        (.large, .base, 480), (.large, .voiceDesign, 404),
    ])
    func `every kind has as many tensors as released`(
        _ size: SyntheticCheckpoint.Size, _ variant: SyntheticCheckpoint.Variant, _ count: Int
    ) {
        let checkpoint = SyntheticCheckpoint(size: size, variant: variant)
        #expect(checkpoint.mainEntries.count == count)
        #expect(checkpoint.speechEntries.count == 496)
        #expect(shapes(checkpoint.mainEntries).count == count)
    }

    @Test(arguments: SyntheticCheckpoint.Variant.allCases)
    func `a tiny one loads and makes finite sound below full scale`(_ variant: SyntheticCheckpoint.Variant)
        throws
    {
        let folder = try Scratch()
        try SyntheticCheckpoint(size: .tiny, variant: variant).write(to: folder.path)
        #expect(SyntheticCheckpoint.isWritten(to: folder.path))
        let model = try Qwen3TTSFamily.load(
            ModelFiles(path: folder.path), LoadSettings(device: .cpu, threads: 1))
        let voice = variant == .voiceDesign ? Voice.described("Low.") : .standard
        _ = try model.begin(
            Utterance("Hello there.", voice: voice),
            SynthesisOptions(seed: 1, maximumTokens: 13, minimumTokens: 13))
        var samples: [Float] = []
        var ending: AudioChunk.Ending?
        while ending == nil {
            for (_, chunk) in try model.step() {
                samples += chunk.audio.samples
                ending = chunk.ending
            }
        }
        #expect(samples.count == 12 * 1920)
        let level = (samples.reduce(0) { $0 + $1 * $1 } / Float(samples.count)).squareRoot()
        #expect(level > 0.02 && level < 0.5)
        #expect(samples.filter { abs($0) >= 1 }.count < samples.count / 100)
    }

    @Test func `the same seed gives the same files, another seed others`() throws {
        let folder = try Scratch()
        func written(_ name: String, seed: UInt64) throws -> [String: Data] {
            let path = folder.path + "/" + name
            try SyntheticCheckpoint(size: .tiny, variant: .base, seed: seed).write(to: path)
            return Dictionary(
                uniqueKeysWithValues: [
                    "model.safetensors", "speech_tokenizer/model.safetensors", "config.json",
                ].map {
                    ($0, FileManager.default.contents(atPath: path + "/" + $0) ?? Data())
                })
        }
        let (first, again, other) = try (written("a", seed: 3), written("b", seed: 3), written("c", seed: 4))
        #expect(first == again)
        #expect(first["config.json"] == other["config.json"])
        #expect(first["model.safetensors"] != other["model.safetensors"])
    }

    @Test func `the tokenizer has the released ids where prompts count on them`() throws {
        let files = SyntheticTokenizer(tokens: 151_643, assistant: 77091)
        let texts = [
            "vocab.json": files.vocabulary, "merges.txt": files.merges,
            "tokenizer_config.json": files.configuration,
        ]
        let tokenizer = try BytePairTokenizer { name in Data((texts[name] ?? "").utf8) }
        #expect(
            tokenizer.encode("<|im_start|>assistant\n<|im_end|><tts_pad>") == [
                151_644, 77091, 198, 151_645, 151_671,
            ])
        #expect(tokenizer.encode("~~0.~~1.").count == 8, "filler tokens are never reached")
    }

    @Test func `a frame of the released codec takes 2479 million products`() throws {
        let checkpoint = SyntheticCheckpoint(size: .small, variant: .customVoice)
        let tensors =
            checkpoint.mainEntries.map { FrameCost.Stored(name: $0.name, type: .bf16, shape: $0.shape) }
            + checkpoint.speechEntries.map { FrameCost.Stored(name: $0.name, type: .f32, shape: $0.shape) }
        let stored = try #require(FrameCost(tensors, .stored))
        #expect(abs(stored.codecProducts - 2_479_000_000) < 5_000_000)
        #expect(abs(stored.talkerProducts - 440_000_000) < 1_000_000)
        #expect(abs(stored.talkerBytes - 887_000_000) < 2_000_000)
        let eighth = try #require(FrameCost(tensors, Precision(.q8_0)))
        #expect(abs(Double(eighth.talkerBytes) / Double(stored.talkerBytes) - 34.0 / 64) < 0.001)
    }
}

/// A folder of its own, gone with the value.
private final class Scratch {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "mynah-synthetic-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
