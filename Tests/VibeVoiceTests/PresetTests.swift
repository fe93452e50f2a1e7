import Checkpoints
import Foundation
import SpeechCore
import SpeechTesting
import TensorGraph
import Testing
import VibeVoice

private let published = PublishedPresets.folder

/// Presets come from strangers.
@Suite struct PresetTests {
    private func refusal(_ path: String) throws -> any Error {
        let model = try Fixture.load()
        do { _ = try model.begin(Utterance("Hi!", voice: .preset(path)), .rows(12)) } catch { return error }
        Issue.record("\(path) was taken")
        return CancellationError()
    }

    private func expect(
        _ name: String, _ code: SpeechError.Code, names word: String,
        at place: SourceLocation = #_sourceLocation
    ) throws {
        let error = try refusal(Fixture.preset(name)) as? SpeechError
        #expect(error?.code == code, sourceLocation: place)
        #expect(error?.message.contains(word) == true, "\(error?.message ?? "")", sourceLocation: place)
    }

    @Test func `a preset of another size of model is refused`() throws {
        try expect("wide", .unsupported, names: "lm.last_hidden_state")
        try expect("swapped", .unsupported, names: "key_cache.0")
        try expect("extra", .unsupported, names: "tts_lm")
        try expect("missing", .wrongFormat, names: "tts_lm.past_key_values.value_cache.2")
    }

    @Test func `a preset that contradicts itself is refused`() throws {
        try expect("short", .unsupported, names: "key_cache.1")
        try expect("groupless", .wrongFormat, names: "neg_tts_lm")
        try expect("infinite", .corruptData, names: "lm.past_key_values.value_cache.0")
        try expect("whole", .wrongFormat, names: "i64")
    }

    @Test func `a preset that asks for a command is refused, and nothing is run`() throws {
        let error = try refusal(Fixture.preset("command")) as? CheckpointError
        guard case .forbiddenGlobal(_, let name) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(name.hasSuffix("system"))
    }

    @Test func `a preset cut anywhere is refused`() throws {
        let scratch = try ScratchFolder()
        let whole = try Data(contentsOf: URL(fileURLWithPath: Fixture.model + "/voices/tiny-Voice_x.pt"))
        let path = scratch.path + "/cut.pt"
        let geometry = VoicePreset.Geometry(
            lower: KVCache.Layout(layers: 2, heads: 2, headWidth: 16),
            upper: KVCache.Layout(layers: 3, heads: 2, headWidth: 16), width: 64, capacity: 100)
        for length in stride(from: 1, to: whole.count, by: 97) {
            try whole.prefix(length).write(to: URL(fileURLWithPath: path))
            #expect(throws: CheckpointError.self, "cut at \(length)") {
                try VoicePreset(path: path, geometry)
            }
        }
        try whole.write(to: URL(fileURLWithPath: path))
        #expect(try VoicePreset(path: path, geometry).speech.rows == 18)
    }

    @Test func `a preset as long as the context is refused`() throws {
        let geometry = VoicePreset.Geometry(
            lower: KVCache.Layout(layers: 2, heads: 2, headWidth: 16),
            upper: KVCache.Layout(layers: 3, heads: 2, headWidth: 16), width: 64, capacity: 18)
        #expect(throws: (any Error).self) {
            try VoicePreset(path: Fixture.model + "/voices/tiny-Voice_x.pt", geometry)
        }
    }

    @Test func `a path with nothing there, or something else, is told`() throws {
        guard case .missingFile = try refusal("/nowhere/x.pt") as? CheckpointError else {
            Issue.record("not missing")
            return
        }
        #expect(try refusal(Fixture.folder + "/README.md.pt") is CheckpointError)
    }

    @Test(.enabled(if: published != nil, "\(PublishedPresets.missing)"))
    func `a published preset fits the published model, its strides honoured`() throws {
        let geometry = VoicePreset.Geometry(
            lower: KVCache.Layout(layers: 4, heads: 2, headWidth: 64),
            upper: KVCache.Layout(layers: 20, heads: 2, headWidth: 64), width: 896, capacity: 8192)
        let preset = try VoicePreset(path: (published ?? "") + "/en-Mike_man.pt", geometry)
        #expect((preset.text.rows, preset.speech.rows, preset.negative.rows) == (49, 148, 1))
        // Layer 0, head 1, the last row, element 5; rows are [row, head, width] here.
        #expect(preset.text.keys[0][48 * 128 + 64 + 5] == -4.59375)
        #expect(preset.speech.keys[0][147 * 128 + 64 + 5] == 0.185546875)
        #expect(preset.speech.values[19][147 * 128 + 64 + 63] == 0.49609375)
        #expect(preset.speech.hidden.last == 4.875)
    }

    /// What PyTorch reads in one group of a published preset.
    struct Group: Sendable {
        let file, name: String
        let rows: Int
        let key, firstKey, value, hiddenFirst, hiddenLast: Float
        let sum, deviation: Double
    }

    private static let groups = [
        Group(
            file: "en-Mike_man", name: "lm", rows: 49, key: -4.59375, firstKey: 0.008362, value: 0.124023,
            hiddenFirst: -2.3125, hiddenLast: 0.029541, sum: 187140.14, deviation: 8.371),
        Group(
            file: "en-Mike_man", name: "tts_lm", rows: 148, key: 0.185547, firstKey: -0.710938,
            value: 0.496094, hiddenFirst: -2.40625, hiddenLast: 4.875, sum: 471073.99, deviation: 3.808),
        Group(
            file: "pt-Spk0_woman", name: "lm", rows: 52, key: -3.546875, firstKey: -0.012024,
            value: 0.22168, hiddenFirst: -1.90625, hiddenLast: 0.058594, sum: 199312.56, deviation: 7.602),
        Group(
            file: "pt-Spk0_woman", name: "tts_lm", rows: 168, key: 0.816406, firstKey: -0.796875,
            value: -0.04126, hiddenFirst: -0.988281, hiddenLast: -3.109375, sum: 540029.43,
            deviation: 3.846),
        Group(
            file: "pt-Spk0_woman", name: "neg_lm", rows: 1, key: -4.75, firstKey: 0.006317, value: 0.036377,
            hiddenFirst: -1.445312, hiddenLast: 0.875, sum: 3668.21, deviation: 48.21),
        Group(
            file: "en-Mike_man", name: "neg_tts_lm", rows: 1, key: 0.023682, firstKey: -0.1875,
            value: 0.026123, hiddenFirst: 1.0625, hiddenLast: 0.914062, sum: 1095.24, deviation: 3.738),
    ]

    @Test(
        .enabled(if: published != nil, "\(PublishedPresets.missing)"),
        arguments: groups)
    func `a published preset's tensors are those that PyTorch reads`(group: Group) throws {
        let file = try CheckpointFile(path: "\(published ?? "")/\(group.file).pt")
        func values(_ name: String) throws -> [Float] {
            Conversion.floats(try #require(file["\(group.name).\(name)"]))
        }
        func near(_ one: Float, _ other: Float) -> Bool { abs(one - other) <= 1e-5 * max(1, abs(other)) }
        let layers = group.name.hasSuffix("tts_lm") ? 20 : 4, width = 64
        let keys = try (0..<layers).map { try values("past_key_values.key_cache.\($0)") }
        let last = try values("past_key_values.value_cache.\(layers - 1)")
        let hidden = try values("last_hidden_state")
        // [heads, rows, width]: head 1, the last row.
        let end = (2 * group.rows - 1) * width
        #expect(keys[0].count == 2 * group.rows * width && hidden.count == group.rows * 896)
        #expect(near(keys[0][end + 5], group.key) && near(keys[layers - 1][0], group.firstKey))
        #expect(near(last[end + 63], group.value))
        #expect(near(hidden[0], group.hiddenFirst) && near(hidden[hidden.count - 1], group.hiddenLast))
        let sum = keys.joined().reduce(0.0) { $0 + abs(Double($1)) }
        #expect(abs(sum - group.sum) < 0.01, "\(sum)")
        let mean = hidden.reduce(0.0) { $0 + Double($1) } / Double(hidden.count)
        let squares = hidden.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        let deviation = (squares / Double(hidden.count - 1)).squareRoot()
        #expect(abs(deviation - group.deviation) < 0.01, "\(deviation)")
    }
}
