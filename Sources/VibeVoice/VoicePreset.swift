import Checkpoints
import SpeechCore
package import TensorGraph

/// A voice as the realtime model knows it: what its caches held after the authors ran it over a recording. Rows of
/// keys and values are `[rows, heads, width]`, keys after rotation.
package struct VoicePreset: Sendable {
    /// Where it was read.
    package let path: String
    /// Lower stack, after the recording's words.
    package let text: Stream
    /// Upper stack, after its words and sound.
    package let speech: Stream
    /// Upper stack that was told nothing, which guidance leads away from.
    package let negative: Stream

    /// One cache.
    package struct Stream: Sendable {
        package let rows: Int
        /// By layer.
        package let keys: [[Float]], values: [[Float]]
        /// The last row's hidden state.
        package let hidden: [Float]
    }

    /// What a preset must fit.
    package struct Geometry: Sendable {
        let lower: KVCache.Layout, upper: KVCache.Layout
        let width: Int
        /// Most rows of a cache.
        let capacity: Int

        package init(lower: KVCache.Layout, upper: KVCache.Layout, width: Int, capacity: Int) {
            (self.lower, self.upper, self.width, self.capacity) = (lower, upper, width, capacity)
        }
    }

    /// Reads the preset at `path`.
    ///
    /// - Throws: `CheckpointError` when the file is not what it should be, `PresetError` when it does not fit.
    package init(path: String, _ geometry: Geometry) throws {
        let file = try CheckpointFile(path: path)
        self.path = path
        text = try Self.stream(file, "lm", geometry.lower, geometry)
        speech = try Self.stream(file, "tts_lm", geometry.upper, geometry)
        negative = try Self.stream(file, "neg_tts_lm", geometry.upper, geometry)
    }

    private static func stream(
        _ file: CheckpointFile, _ group: String, _ layout: KVCache.Layout, _ geometry: Geometry
    ) throws(PresetError) -> Stream {
        let name = "\(group).last_hidden_state"
        guard let stored = file[name] else { throw .missing(path: file.path, name: name) }
        guard stored.shape.count == 3, stored.shape[0] == 1, stored.shape[1] > 0,
            stored.shape[2] == geometry.width
        else {
            throw .wrongShape(
                path: file.path, name: name, expected: [1, -1, geometry.width], found: stored.shape)
        }
        let rows = stored.shape[1]
        guard rows < geometry.capacity else {
            throw .tooLong(path: file.path, name: name, rows: rows, limit: geometry.capacity - 1)
        }
        guard file["\(group).past_key_values.key_cache.\(layout.layers)"] == nil else {
            throw .tooManyLayers(path: file.path, group: group, expected: layout.layers)
        }
        let hidden = try floats(stored, file.path)
        var (keys, values): ([[Float]], [[Float]]) = ([], [])
        for layer in 0..<layout.layers {
            keys.append(try cached(file, "\(group).past_key_values.key_cache.\(layer)", rows, layout))
            values.append(try cached(file, "\(group).past_key_values.value_cache.\(layer)", rows, layout))
        }
        return Stream(rows: rows, keys: keys, values: values, hidden: Array(hidden.suffix(geometry.width)))
    }

    /// `[1, heads, rows, width]` as `[rows, heads, width]`.
    private static func cached(
        _ file: CheckpointFile, _ name: String, _ rows: Int, _ layout: KVCache.Layout
    ) throws(PresetError) -> [Float] {
        guard let stored = file[name] else { throw .missing(path: file.path, name: name) }
        let (heads, width) = (layout.heads, layout.headWidth)
        guard stored.shape == [1, heads, rows, width] else {
            throw .wrongShape(
                path: file.path, name: name, expected: [1, heads, rows, width], found: stored.shape)
        }
        let values = try floats(stored, file.path)
        var result: [Float] = []
        result.reserveCapacity(values.count)
        for row in 0..<rows {
            for head in 0..<heads {
                let start = (head * rows + row) * width
                result += values[start..<start + width]
            }
        }
        return result
    }

    private static func floats(_ tensor: StoredTensor, _ path: String) throws(PresetError) -> [Float] {
        guard [.bf16, .f16, .f32].contains(tensor.type) else {
            throw .notNumbers(path: path, name: tensor.name, type: tensor.type)
        }
        let values = Conversion.floats(tensor)
        guard values.allSatisfy(\.isFinite) else { throw .notFinite(path: path, name: tensor.name) }
        return values
    }
}

extension KVCache {
    /// Writes a preset's rows as the first of a slot.
    func write(_ stream: VoicePreset.Stream, slot: Int) {
        for layer in 0..<layers {
            write(layer: layer, slot: slot, keys: stream.keys[layer], values: stream.values[layer])
        }
    }
}
