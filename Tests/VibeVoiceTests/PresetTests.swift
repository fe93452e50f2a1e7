import Checkpoints
import Foundation
import SpeechCore
import SpeechTesting
import TensorGraph
import Testing
import VibeVoice

/// The folder of voice presets that people who hold them can name.
private let published = ProcessInfo.processInfo.environment["MYNAH_REAL_PRESETS"]

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

    @Test(.enabled(if: published != nil, "MYNAH_REAL_PRESETS names no folder of presets"))
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
        let sum = preset.text.keys.joined().reduce(0.0) { $0 + abs(Double($1)) }
        #expect(abs(sum - 187140.14) < 0.1)
    }
}
