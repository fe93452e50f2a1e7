import SpeechCore

/// A folder that holds a checkpoint as `model.safetensors`, or as shards listed in
/// `model.safetensors.index.json`. Where both are there, the single file is the checkpoint, as for transformers.
package struct CheckpointFolder: Sendable {
    /// Where the folder is.
    package let path: String
    /// The files, in the order of their names.
    package let files: [CheckpointFile]
    /// The tensors of all files; no name comes twice.
    package let tensors: [StoredTensor]
    private let positions: [String: Int]

    /// Opens the checkpoint in the folder at `path`.
    ///
    /// Throws `incomplete` if there is neither, and whatever opening a file throws. Every
    /// tensor that the index lists must be in the shard that it names.
    package init(path: String) throws(CheckpointError) {
        self.path = path
        if let single = try CheckpointFolder.open(path + "/model.safetensors") {
            files = [single]
        } else {
            files = try CheckpointFolder.shards(path, CheckpointFolder.index(path))
        }
        let contents = CheckpointContents(tensors: files.flatMap(\.tensors))
        positions = try contents.positions(in: path)
        tensors = contents.tensors
    }

    /// The tensor of that name.
    package subscript(name: String) -> StoredTensor? {
        positions[name].map { tensors[$0] }
    }

    private static func open(_ path: String) throws(CheckpointError) -> CheckpointFile? {
        do throws(CheckpointError) {
            return try CheckpointFile(path: path)
        } catch .missingFile {
            return nil
        }
    }

    private static func index(_ folder: String) throws(CheckpointError) -> MappedFile {
        do throws(CheckpointError) {
            return try MappedFile(path: folder + "/model.safetensors.index.json")
        } catch .missingFile {
            throw .incomplete(path: folder, name: "model.safetensors")
        }
    }

    private static func shards(_ folder: String, _ index: MappedFile) throws(CheckpointError)
        -> [CheckpointFile]
    {
        let places = try weightMap(index)
        var shards: [String: CheckpointFile] = [:]
        for name in Set(places.values) { shards[name] = try CheckpointFile(path: "\(folder)/\(name)") }
        for (tensor, shard) in places.sorted(by: { $0.key < $1.key }) where shards[shard]?[tensor] == nil {
            throw .missingTensor(path: "\(folder)/\(shard)", name: tensor, expected: [])
        }
        return shards.sorted { $0.key < $1.key }.map(\.value)
    }

    /// The shard of each tensor, by the `weight_map` of an index.
    private static func weightMap(_ index: MappedFile) throws(CheckpointError) -> [String: String] {
        guard index.bytes.count <= SafetensorsReader.headerLimit else {
            throw .tooLarge(
                path: index.path, what: "the index", value: UInt64(index.bytes.count),
                limit: UInt64(SafetensorsReader.headerLimit))
        }
        var scanner = index.scanner(of: 0..<index.bytes.count)
        var places: [String: String]?
        try scanner.expect(UInt8(ascii: "{"))
        var first = true
        while try scanner.hasElement(&first, until: UInt8(ascii: "}")) {
            if try scanner.key() == "weight_map" {
                guard places == nil else { throw .duplicate(path: index.path, name: "weight_map") }
                places = try shardNames(&scanner, index)
            } else {
                try scanner.skipValue()
            }
        }
        try scanner.expectEnd()
        guard let places, !places.isEmpty else { throw scanner.malformed("the index lists no tensors") }
        return places
    }

    private static func shardNames(
        _ scanner: inout JSONScanner<CheckpointError>, _ index: MappedFile
    ) throws(CheckpointError) -> [String: String] {
        var places: [String: String] = [:]
        try scanner.expect(UInt8(ascii: "{"))
        var first = true
        while try scanner.hasElement(&first, until: UInt8(ascii: "}")) {
            let tensor = try scanner.key()
            let shard = try scanner.string()
            guard isPlainFileName(shard), shard.hasSuffix(".safetensors") else {
                throw scanner.malformed("'\(shard)' is not the name of a safetensors file in this folder")
            }
            guard places.updateValue(shard, forKey: tensor) == nil else {
                throw .duplicate(path: index.path, name: tensor)
            }
        }
        return places
    }

    private static func isPlainFileName(_ name: String) -> Bool {
        let plain = name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != 0x2f && $0 != 0x5c }
        return plain && !name.hasPrefix(".") && (1...255).contains(name.utf8.count)
    }
}
