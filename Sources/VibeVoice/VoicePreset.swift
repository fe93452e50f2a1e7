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

    /// Reads the preset at `path`, in any layout (`PresetTensors`).
    ///
    /// - Throws: `CheckpointError` when the file is not what it should be, `PresetError` when it does not fit.
    package init(path: String, _ geometry: Geometry) throws {
        try self.init(PresetTensors(path: path), geometry)
    }

    init(_ tensors: PresetTensors, _ geometry: Geometry) throws(PresetError) {
        path = tensors.path
        text = try Self.stream(tensors, "lm", geometry.lower, geometry)
        speech = try Self.stream(tensors, "tts_lm", geometry.upper, geometry)
        negative = try Self.stream(tensors, "neg_tts_lm", geometry.upper, geometry, needsHidden: true)
    }

    /// - Parameter needsHidden: whether the last row's hidden state leads a frame before any other row is read. Text
    ///   is always read first, so that of the others is not needed, and some layouts leave it out.
    private static func stream(
        _ file: PresetTensors, _ group: String, _ layout: KVCache.Layout, _ geometry: Geometry,
        needsHidden: Bool = false
    ) throws(PresetError) -> Stream {
        let first = PresetTensors.keys(group, 0)
        let (stated, hidden) = try hidden(file, group, geometry, needed: needsHidden)
        guard let rows = stated ?? file[first].flatMap({ $0.shape.count == 4 ? $0.shape[2] : 0 }) else {
            throw .missing(path: file.path, name: first)
        }
        guard rows < geometry.capacity else {
            throw .tooLong(path: file.path, name: first, rows: rows, limit: geometry.capacity - 1)
        }
        guard file[PresetTensors.keys(group, layout.layers)] == nil else {
            throw .tooManyLayers(path: file.path, group: group, expected: layout.layers)
        }
        var (keys, values): ([[Float]], [[Float]]) = ([], [])
        for layer in 0..<layout.layers {
            keys.append(try cached(file, PresetTensors.keys(group, layer), rows, layout))
            values.append(try cached(file, PresetTensors.values(group, layer), rows, layout))
        }
        return Stream(rows: rows, keys: keys, values: values, hidden: hidden)
    }

    /// The last row's hidden state, and the rows of the cache where there is one for each.
    private static func hidden(
        _ file: PresetTensors, _ group: String, _ geometry: Geometry, needed: Bool
    ) throws(PresetError) -> (rows: Int?, hidden: [Float]) {
        let name = PresetTensors.hidden(group)
        guard let stored = file[name] else {
            guard !needed else { throw .missing(path: file.path, name: name) }
            return (nil, [Float](repeating: 0, count: geometry.width))
        }
        guard stored.shape.count == 3, stored.shape[0] == 1, stored.shape[1] > 0,
            stored.shape[2] == geometry.width
        else {
            throw .wrongShape(
                path: file.path, name: name, expected: [1, -1, geometry.width], found: stored.shape)
        }
        let values = try floats(stored, file.path)
        let rows = stored.shape[1]
        // A single row may be the last of many.
        return (rows > 1 ? rows : nil, Array(values.suffix(geometry.width)))
    }

    /// `[1, heads, rows, width]` as `[rows, heads, width]`.
    private static func cached(
        _ file: PresetTensors, _ name: String, _ rows: Int, _ layout: KVCache.Layout
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

extension PresetTensors {
    /// - Throws: `SpeechError` when the tensors are not those of a preset of any model: caches whose shapes contradict
    ///   each other, layers that are missing, values that are no numbers. Whether they fit a model is seen when it
    ///   speaks with them.
    package func check() throws {
        try SpeechError.translating { _ = try VoicePreset(self, geometry()) }
    }

    /// What the first layers and the last hidden state say of the model.
    private func geometry() throws(PresetError) -> VoicePreset.Geometry {
        func layout(_ group: String) throws(PresetError) -> KVCache.Layout {
            let name = Self.keys(group, 0)
            guard let first = self[name] else { throw .missing(path: path, name: name) }
            // Heads and their width are the model's, which is not known here; rows are those of the hidden state.
            let rows = self[Self.hidden(group)].flatMap {
                $0.shape.count == 3 && $0.shape[1] > 1 ? $0.shape[1] : nil
            }
            guard first.shape.count == 4, first.shape.allSatisfy({ $0 > 0 }),
                rows ?? first.shape[2] == first.shape[2]
            else {
                throw .wrongShape(
                    path: path, name: name, expected: [1, -1, rows ?? -1, -1], found: first.shape)
            }
            let layers = (1...256).first { self[Self.keys(group, $0)] == nil } ?? 256
            return KVCache.Layout(layers: layers, heads: first.shape[1], headWidth: first.shape[3])
        }
        let name = Self.hidden("neg_tts_lm")
        guard let hidden = self[name] else { throw .missing(path: path, name: name) }
        return VoicePreset.Geometry(
            lower: try layout("lm"), upper: try layout("tts_lm"), width: hidden.shape.last ?? 0,
            capacity: 1 << 16)
    }
}
