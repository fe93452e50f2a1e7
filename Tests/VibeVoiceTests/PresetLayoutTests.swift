import Checkpoints
import Foundation
import SpeechCore
import SpeechTesting
import TensorGraph
import Testing
import VibeVoice

/// Presets as others keep them. Each layout is written from the authors' archive and must be read to the same values.
@Suite struct PresetLayoutTests {
    private let scratch: ScratchFolder
    private let plain = Fixture.model + "/voices/tiny-Voice_x.pt"
    private let geometry = VoicePreset.Geometry(
        lower: KVCache.Layout(layers: 2, heads: 2, headWidth: 16),
        upper: KVCache.Layout(layers: 3, heads: 2, headWidth: 16), width: 64, capacity: 100)
    private let groups = [("lm", 2), ("tts_lm", 3), ("neg_tts_lm", 3)]

    init() throws { scratch = try ScratchFolder() }

    private func tensors() throws -> [String: StoredTensor] {
        Dictionary(uniqueKeysWithValues: try PresetTensors(path: plain).tensors.map { ($0.name, $0) })
    }

    private func equal(_ path: String, hidden: Bool = true, within bound: Float = 0) throws -> Bool {
        let (read, expected) = (try VoicePreset(path: path, geometry), try VoicePreset(path: plain, geometry))
        func near(_ one: [Float], _ other: [Float]) -> Bool {
            one.count == other.count && zip(one, other).allSatisfy { abs($0 - $1) <= bound * max(1, abs($1)) }
        }
        return [
            (read.text, expected.text), (read.speech, expected.speech), (read.negative, expected.negative),
        ].allSatisfy { one, other in
            one.rows == other.rows && near(one.keys.flatMap { $0 }, other.keys.flatMap { $0 })
                && near(one.values.flatMap { $0 }, other.values.flatMap { $0 })
                && (!hidden || near(one.hidden, other.hidden))
        }
    }

    /// Half-precision bytes of a tensor's numbers.
    private func halves(_ tensor: StoredTensor) -> [UInt8] {
        Conversion.floats(tensor).flatMap { value in
            withUnsafeBytes(of: Float16(value).bitPattern.littleEndian) { Array($0) }
        }
    }

    private func write(_ bytes: [UInt8], to name: String) throws {
        let url = URL(fileURLWithPath: "\(scratch.path)/\(name)")
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    private func array(_ tensor: StoredTensor) -> [UInt8] {
        let values = Conversion.floats(tensor)
        let shape = tensor.shape.map { "\($0)" }.joined(separator: ", ")
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape),), }"
        header += String(repeating: " ", count: (64 - (header.utf8.count + 11) % 64) % 64) + "\n"
        let count = UInt16(header.utf8.count)
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 255), UInt8(count >> 8)]
            + Array(header.utf8) + values.withUnsafeBytes { Array($0) }
    }

    private func raw(_ group: String, layers: Int, hidden: Bool = false) throws -> [UInt8] {
        let all = try tensors()
        let first = try #require(all["\(group).past_key_values.key_cache.0"])
        var bytes = [layers, first.shape[1], first.shape[2], first.shape[3]].flatMap { size in
            withUnsafeBytes(of: UInt32(size).littleEndian) { Array($0) }
        }
        for kind in ["key_cache", "value_cache"] {
            for layer in 0..<layers {
                bytes += halves(try #require(all["\(group).past_key_values.\(kind).\(layer)"]))
            }
        }
        if hidden { bytes += halves(try #require(all["\(group).last_hidden_state"])).suffix(2 * 64) }
        return bytes
    }

    @Test func `safetensors with the authors' names and with those of MLX ports`() throws {
        let own = try PresetTensors(path: plain).tensors
        let path = scratch.path + "/own.safetensors"
        try SafetensorsWriter.write(own.map { TensorSource($0) }, to: path)
        #expect(try equal(path))
        let mlx = own.map { tensor in
            let parts = tensor.name.split(separator: ".").map(String.init)
            return tensor.named(
                parts.count == 2
                    ? parts[0] + "_hidden"
                    : "\(parts[0])_\(parts[2] == "key_cache" ? "key" : "value")_\(parts[3])")
        }
        try SafetensorsWriter.write(mlx.map { TensorSource($0) }, to: scratch.path + "/mlx.safetensors")
        #expect(try equal(scratch.path + "/mlx.safetensors"))
    }

    @Test func `a folder of NumPy arrays`() throws {
        let all = try tensors()
        for (group, layers) in groups {
            let (place, hidden) =
                group == "lm"
                ? ("lm_kv", "lm_hidden")
                : group == "tts_lm"
                    ? ("tts_kv", "tts_lm_hidden") : ("negative/tts_kv", "negative/tts_lm_hidden")
            for layer in 0..<layers {
                for (kind, word) in [("key_cache", "key"), ("value_cache", "value")] {
                    let tensor = try #require(all["\(group).past_key_values.\(kind).\(layer)"])
                    try write(array(tensor), to: "npy/\(place)_\(word)_\(layer).npy")
                }
            }
            try write(array(try #require(all["\(group).last_hidden_state"])), to: "npy/\(hidden).npy")
        }
        #expect(try equal(scratch.path + "/npy"))
        // What only the lower stack would tell is not needed.
        try FileManager.default.removeItem(atPath: scratch.path + "/npy/lm_hidden.npy")
        #expect(try equal(scratch.path + "/npy", hidden: false))
        try FileManager.default.removeItem(atPath: scratch.path + "/npy/tts_kv_value_1.npy")
        #expect(throws: (any Error).self) { try PresetTensors(path: scratch.path + "/npy").check() }
    }

    @Test func `raw caches in 16 bits, with and without the path that has no text`() throws {
        for (group, layers) in groups {
            try write(raw(group, layers: layers, hidden: group == "neg_tts_lm"), to: "raw/x_\(group).bin")
        }
        #expect(try equal(scratch.path + "/raw", hidden: false, within: 1e-3))
        #expect(try equal(scratch.path + "/raw/x_tts_lm.bin", hidden: false, within: 1e-3))
        let preset = try VoicePreset(path: scratch.path + "/raw", geometry)
        let expected = try VoicePreset(path: plain, geometry).negative.hidden
        #expect(zip(preset.negative.hidden, expected).allSatisfy { abs($0 - $1) <= 1e-3 * max(1, abs($1)) })
        try FileManager.default.removeItem(atPath: scratch.path + "/raw/x_neg_tts_lm.bin")
        let alone = try PresetTensors(path: scratch.path + "/raw")
        #expect(throws: SpeechError.self) { try alone.check() }
        try PresetTensors(path: scratch.path + "/raw", negativeFrom: plain).check()
    }

    @Test func `several raw presets in one folder are told apart by the file that is named`() throws {
        for voice in ["a", "b"] {
            for (group, layers) in groups {
                try write(raw(group, layers: layers, hidden: true), to: "many/\(voice)_\(group).bin")
            }
        }
        #expect(throws: CheckpointError.self) { try PresetTensors(path: scratch.path + "/many") }
        #expect(try equal(scratch.path + "/many/b_lm.bin", hidden: false, within: 1e-3))
    }

    @Test func `raw caches that lie about their sizes are refused`() throws {
        let good = try raw("tts_lm", layers: 3)
        func refused(_ bytes: [UInt8]) throws -> Bool {
            try write(bytes, to: "bad/tts_lm.bin")
            do { _ = try PresetTensors(path: scratch.path + "/bad") } catch is CheckpointError { return true }
            return false
        }
        for place in 0..<4 {
            for value: UInt32 in [0, 700, 1 << 20, .max] {
                var bytes = good
                withUnsafeBytes(of: value.littleEndian) {
                    bytes.replaceSubrange(4 * place..<4 * place + 4, with: $0)
                }
                #expect(try refused(bytes), "size \(place) as \(value)")
            }
        }
        for length in [0, 3, 15, 16, good.count - 1, good.count - 2] {
            #expect(try refused(Array(good.prefix(length))), "\(length) bytes")
        }
        #expect(try refused(good + [0]))
        #expect(try !refused(good))
    }

    @Test func `a folder without a preset is told so`() throws {
        #expect(throws: CheckpointError.self) { try PresetTensors(path: scratch.path) }
        #expect(throws: CheckpointError.self) { try PresetTensors(path: scratch.path + "/none") }
    }
}
