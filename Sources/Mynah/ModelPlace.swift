package import Checkpoints

/// A model found on this machine.
public struct ModelPlace: Sendable, Equatable, Codable {
    /// The name to ask for it by.
    public let name: String
    /// Its folder or file.
    public let path: String
    /// Who keeps it.
    public let origin: Origin
    /// What it takes on disk; nil where that was not counted.
    public let bytes: Int64?
    /// The folder of its tokenizer, where that is published apart.
    package let companion: String?

    /// Who keeps a model.
    public enum Origin: String, Sendable, Codable {
        /// The caller, who gave a path.
        case path
        /// Mynah's own folder of models.
        case library
        /// The hub's cache.
        case hub
        /// The program.
        case bundled
    }

    package init(name: String, path: String, origin: Origin, bytes: Int64?, companion: String? = nil) {
        (self.name, self.path, self.origin, self.bytes) = (name, path, origin, bytes)
        self.companion = companion
    }

    /// Its tensors and text files.
    package func files() throws -> ModelFiles { try ModelFiles(path: path, companion: companion) }
}
