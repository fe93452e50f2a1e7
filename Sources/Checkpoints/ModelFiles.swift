package import Foundation

/// A model as it is published: tensors, and the text files beside them.
///
/// Either a folder in the authors' layout, with the tensors of its subfolders beside its own, or one of our own
/// GGUF files, which carries the text files in its metadata. Tensors bear their upstream names in both.
package struct ModelFiles: Sendable {
    /// The folder or file.
    package let path: String
    /// All tensors; no name comes twice.
    package let tensors: [StoredTensor]
    /// The type that a file of our own was converted to, as it says; nil for what its authors published.
    package let conversionType: String?
    private let embedded: [String: String]?
    /// A folder with text files that the model's own lacks: its tokenizer, where that is published apart.
    private let companion: String?

    /// Prefix of the metadata keys that hold text files.
    package static let fileKey = "mynah.file."
    /// The metadata key of the type that the weights were converted to.
    package static let typeKey = "mynah.type"
    /// Text files that a model may bring, relative to its folder. Only these are looked for, and embedded.
    package static let known = [
        "config.json", "generation_config.json", "preprocessor_config.json", "tokenizer_config.json",
        "tokenizer.json",
        "vocab.json", "merges.txt", "speech_tokenizer/config.json",
        "speech_tokenizer/preprocessor_config.json",
    ]

    package init(path: String, companion: String? = nil) throws(CheckpointError) {
        (self.path, self.companion) = (path, companion)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .missingFile(path: path)
        }
        if isFolder.boolValue {
            var tensors = try CheckpointFolder(path: path).tensors
            let speech = path + "/speech_tokenizer"
            if FileManager.default.fileExists(atPath: speech) {
                tensors += try CheckpointFolder(path: speech).tensors
            }
            self.tensors = tensors
            (conversionType, embedded) = (nil, nil)
        } else {
            let file = try CheckpointFile(path: path)
            tensors = file.tensors
            var texts: [String: String] = [:]
            for (key, value) in file.metadata where key.hasPrefix(Self.fileKey) {
                if case .string(let text) = value { texts[String(key.dropFirst(Self.fileKey.count))] = text }
            }
            guard !texts.isEmpty else {
                throw .notAModel(path: path)
            }
            embedded = texts
            conversionType = if case .string(let type)? = file.metadata[Self.typeKey] { type } else { nil }
        }
    }

    /// Whether the model brings the file.
    package func has(_ name: String) -> Bool {
        embedded.map { $0[name] != nil } ?? (place(of: name) != nil)
    }

    private func place(of name: String) -> String? {
        [path, companion].compactMap { $0 }.map { $0 + "/" + name }
            .first(where: FileManager.default.fileExists)
    }

    /// The content of a text file, by its name relative to the folder.
    package func data(_ name: String) throws(CheckpointError) -> Data {
        if let embedded {
            guard let text = embedded[name] else { throw .incomplete(path: path, name: name) }
            return Data(text.utf8)
        }
        let place = place(of: name) ?? path + "/" + name
        let limit = 100 << 20
        guard let size = try? FileManager.default.attributesOfItem(atPath: resolved(place))[.size] as? Int
        else {
            throw .incomplete(path: path, name: name)
        }
        guard size <= limit else {
            throw .tooLarge(path: place, what: "the file", value: UInt64(size), limit: UInt64(limit))
        }
        guard let data = FileManager.default.contents(atPath: place) else {
            throw .system(path: place, operation: "read", code: errno)
        }
        return data
    }

    /// The hub's cache holds links to the files.
    private func resolved(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }
}
