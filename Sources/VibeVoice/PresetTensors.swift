package import Checkpoints
import Foundation

/// The tensors of a voice preset under the names of the authors' archive, whichever layout they were kept in:
///
/// - the authors' own (`.pt`), and any file with the same names, as safetensors;
/// - safetensors of MLX ports: `lm_key_0`, `lm_value_0`, …, `tts_lm_…`, `neg_tts_lm_…`, `neg_tts_lm_hidden`;
/// - a folder of NumPy arrays: `lm_kv_key_0.npy`, `tts_kv_key_0.npy`, `negative/tts_kv_key_0.npy`, values alike, and
///   `negative/tts_lm_hidden.npy`;
/// - raw 16-bit floats, a file for each cache, whose name ends with the cache's (`mike_lm.bin`, `mike_tts_lm.bin`,
///   `mike_neg_tts_lm.bin`): four `u32` (layers, heads, rows, width of a head), then the keys `[layers, heads, rows,
///   width]`, then the values, then, if anything, the hidden state of the last row.
package struct PresetTensors: Sendable {
    /// Where they were read.
    package let path: String
    /// In the order of the caches.
    package let tensors: [StoredTensor]
    private let positions: [String: Int]

    /// The caches, by the authors' names. A fourth, of the lower stack without text, is not needed to speak.
    static let groups = ["lm", "tts_lm", "neg_tts_lm"]

    /// Reads a file or folder.
    ///
    /// - Parameter other: a preset of the same model, which the cache without text is taken from where the layout
    ///   leaves it out; it is the same in every preset of a model.
    /// - Throws: `CheckpointError` when a file is not what it should be.
    package init(path: String, negativeFrom other: String? = nil) throws(CheckpointError) {
        self.path = path
        var found = try Self.read(path)
        if let other, !found.contains(where: { $0.name.hasPrefix("neg_tts_lm.") }) {
            found += try Self.read(other).filter { $0.name.hasPrefix("neg_tts_lm.") }
        }
        tensors = found.filter { tensor in Self.groups.contains { tensor.name.hasPrefix($0 + ".") } }
        var positions: [String: Int] = [:]
        for (index, tensor) in tensors.enumerated() {
            guard positions.updateValue(index, forKey: tensor.name) == nil else {
                throw .duplicate(path: path, name: tensor.name)
            }
        }
        self.positions = positions
    }

    subscript(name: String) -> StoredTensor? { positions[name].map { tensors[$0] } }

    static func hidden(_ group: String) -> String { "\(group).last_hidden_state" }
    static func keys(_ group: String, _ layer: Int) -> String {
        "\(group).past_key_values.key_cache.\(layer)"
    }
    static func values(_ group: String, _ layer: Int) -> String {
        "\(group).past_key_values.value_cache.\(layer)"
    }

    private static func read(_ path: String) throws(CheckpointError) -> [StoredTensor] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .missingFile(path: path)
        }
        if isFolder.boolValue { return try PresetFolder(path).tensors() }
        if path.hasSuffix(".bin") { return try PresetFolder(besides: path).tensors() }
        let file = try CheckpointFile(path: path)
        return file.tensors.map { $0.named(authorsName($0.name) ?? $0.name) }
    }

    /// The authors' name for a tensor that MLX ports name; nil for others.
    private static func authorsName(_ name: String) -> String? {
        for group in groups.reversed() where name.hasPrefix(group + "_") {
            let rest = name.dropFirst(group.count + 1)
            if rest == "hidden" { return hidden(group) }
            guard let bar = rest.lastIndex(of: "_"), let layer = Int(rest[rest.index(after: bar)...]) else {
                continue
            }
            switch rest[..<bar] {
            case "key": return keys(group, layer)
            case "value": return values(group, layer)
            default: continue
            }
        }
        return nil
    }
}

/// A preset kept as a folder of files.
private struct PresetFolder {
    private let path: String
    /// The voice's name in its raw files, where the folder has several.
    private let prefix: String?

    init(_ path: String) { (self.path, prefix) = (path, nil) }

    /// The folder of a raw file, and the files that belong with it.
    init(besides file: String) {
        let url = URL(fileURLWithPath: file)
        path = url.deletingLastPathComponent().path
        let stem = url.deletingPathExtension().lastPathComponent
        prefix = Self.group(of: stem).map { String(stem.dropLast($0.count)) } ?? stem
    }

    func tensors() throws(CheckpointError) -> [StoredTensor] {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
        if prefix == nil, names.contains(where: { $0.hasSuffix(".npy") }) { return try arrays() }
        let raw = names.filter { $0.hasSuffix(".bin") }.map { String($0.dropLast(4)) }.filter { stem in
            Self.group(of: stem).map { prefix == nil || prefix == String(stem.dropLast($0.count)) } ?? false
        }
        let voices = Set(raw.map { String($0.dropLast(Self.group(of: $0)?.count ?? 0)) })
        guard !raw.isEmpty else {
            throw .unsupported(path: path, what: "a voice preset without files of its caches ('tts_lm.bin')")
        }
        guard voices.count == 1 else {
            throw .unsupported(path: path, what: "several presets in one folder: name a file of one of them")
        }
        var tensors: [StoredTensor] = []
        for stem in raw { tensors += try rawCache("\(path)/\(stem).bin", Self.group(of: stem) ?? "") }
        return tensors
    }

    /// The cache that a raw file's name ends with: the longest name of one.
    private static func group(of stem: String) -> String? {
        ["neg_tts_lm", "neg_lm", "tts_lm", "lm"].first { group in
            guard stem.hasSuffix(group) else { return false }
            return stem.dropLast(group.count).last.map { "_-.".contains($0) } ?? true
        }
    }

    private func arrays() throws(CheckpointError) -> [StoredTensor] {
        var tensors: [StoredTensor] = []
        func take(_ file: String, as name: String) throws(CheckpointError) -> Bool {
            let place = "\(path)/\(file).npy"
            guard FileManager.default.fileExists(atPath: place) else { return false }
            let array = try CheckpointFile(path: place)
            guard array.format == .numpy, let tensor = array.tensors.first else {
                throw .unsupported(path: place, what: "a file that is no NumPy array")
            }
            tensors.append(tensor.named(name))
            return true
        }
        for (group, file, hidden) in [
            ("lm", "lm_kv", "lm_hidden"), ("tts_lm", "tts_kv", "tts_lm_hidden"),
            ("neg_tts_lm", "negative/tts_kv", "negative/tts_lm_hidden"),
        ] {
            _ = try take(hidden, as: PresetTensors.hidden(group))
            var layer = 0
            while layer <= 256 {
                let hasKeys = try take("\(file)_key_\(layer)", as: PresetTensors.keys(group, layer))
                let hasValues = try take("\(file)_value_\(layer)", as: PresetTensors.values(group, layer))
                guard hasKeys || hasValues else { break }
                layer += 1
            }
        }
        return tensors
    }

    private func rawCache(_ file: String, _ group: String) throws(CheckpointError) -> [StoredTensor] {
        let bytes = try RawCache(path: file)
        var tensors: [StoredTensor] = []
        let shape = [1, bytes.heads, bytes.rows, bytes.width]
        for layer in 0..<bytes.layers {
            tensors.append(bytes.tensor(PresetTensors.keys(group, layer), shape, at: layer))
            tensors.append(bytes.tensor(PresetTensors.values(group, layer), shape, at: bytes.layers + layer))
        }
        if let hidden = bytes.hidden(PresetTensors.hidden(group)) { tensors.append(hidden) }
        return tensors
    }
}
