package import Checkpoints
import Foundation

/// What a model file or folder holds, without making a model of it.
package struct ModelListing: Sendable, Encodable {
    package let path: String
    /// The format of each file.
    package let files: [File]
    /// What the files say about themselves, long values cut.
    package let metadata: [Entry]
    /// The tensors whose names match.
    package let tensors: [Tensor]
    /// Tensors and bytes of each type, the most bytes first.
    package let totals: [Total]

    package struct File: Sendable, Equatable, Encodable {
        package let path: String, format: String
        package let tensors: Int
    }

    package struct Entry: Sendable, Equatable, Encodable {
        package let key: String, value: String
    }

    package struct Tensor: Sendable, Equatable, Encodable {
        package let name: String, type: String
        /// Row-major.
        package let shape: [Int]
        package let bytes: Int
    }

    package struct Total: Sendable, Equatable, Encodable {
        package let type: String
        package var tensors: Int, bytes: Int
    }

    /// Opens a file, or a folder with one checkpoint and perhaps a `speech_tokenizer` beside it.
    ///
    /// - Parameter pattern: only tensors whose names contain it; `*` stands for anything. Nil lists all.
    /// - Throws: `CheckpointError`, the reader's own.
    package init(path: String, matching pattern: String? = nil) throws(CheckpointError) {
        self.path = path
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        var opened: [CheckpointFile] = []
        var entries: [Entry] = []
        if exists && isFolder.boolValue {
            opened = try CheckpointFolder(path: path).files
            let speech = path + "/speech_tokenizer"
            if FileManager.default.fileExists(atPath: speech) {
                opened += try CheckpointFolder(path: speech).files
            }
            entries = Self.configuration(in: path)
        } else {
            opened = [try CheckpointFile(path: path)]
        }
        files = opened.map { File(path: $0.path, format: $0.format.rawValue, tensors: $0.tensors.count) }
        metadata = entries + opened.flatMap { Self.entries($0.metadata) }
        let pieces = pattern.map { $0.split(separator: "*").map(String.init) } ?? []
        let chosen = opened.flatMap(\.tensors).filter { Self.name($0.name, holds: pieces) }
        tensors = chosen.map {
            Tensor(name: $0.name, type: $0.type.rawValue, shape: $0.shape, bytes: $0.bytes.count)
        }
        totals = Self.totals(tensors)
    }

    private static func totals(_ tensors: [Tensor]) -> [Total] {
        var totals: [String: Total] = [:]
        for tensor in tensors {
            var total = totals[tensor.type] ?? Total(type: tensor.type, tensors: 0, bytes: 0)
            total.tensors += 1
            total.bytes += tensor.bytes
            totals[tensor.type] = total
        }
        return totals.values.sorted { ($1.bytes, $0.type) < ($0.bytes, $1.type) }
    }

    /// Whether the pieces come in the name one after the other.
    private static func name(_ name: String, holds pieces: [String]) -> Bool {
        var rest = Substring(name)
        for piece in pieces {
            guard let range = rest.range(of: piece) else { return false }
            rest = rest[range.upperBound...]
        }
        return true
    }

    /// The text files beside the tensors, by their size and their plain values.
    private static func configuration(in folder: String) -> [Entry] {
        ModelFiles.known.compactMap { name in
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else { return nil }
            return Entry(
                key: name,
                value: shortened(String(decoding: data.prefix(longest * 4), as: UTF8.self), data.count))
        }
    }

    private static func entries(_ metadata: [String: MetadataValue]) -> [Entry] {
        metadata.sorted { $0.key < $1.key }.map { Entry(key: $0.key, value: described($0.value)) }
    }

    private static func described(_ value: MetadataValue) -> String {
        switch value {
        case .string(let text): shortened(String(text.prefix(longest + 1)), text.utf8.count)
        case .int(let number): "\(number)"
        case .uint(let number): "\(number)"
        case .double(let number): "\(number)"
        case .bool(let bool): "\(bool)"
        case .array(let elements):
            "[" + elements.prefix(8).map(described).joined(separator: ", ")
                + (elements.count > 8 ? ", … (\(elements.count))]" : "]")
        }
    }

    private static let longest = 120

    /// On one line, cut where it is long. Control characters of a stranger's file do not reach a terminal.
    private static func shortened(_ text: String, _ bytes: Int) -> String {
        let line = text.withoutControls.split(separator: " ").joined(separator: " ")
        return line.count > longest || text.utf8.count < bytes
            ? "\(line.prefix(longest))… (\(bytes) bytes)" : line
    }
}

extension String {
    /// Spaces in place of control characters, for a terminal.
    package var withoutControls: String {
        unicodeScalars.map { $0.properties.generalCategory == .control ? " " : String($0) }.joined()
    }
}
