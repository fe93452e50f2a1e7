/// A model by its repository on the hub.
package struct HubModel: Sendable, Equatable {
    /// The short name, or the repository where it has none.
    package let name: String
    /// `organisation/name`.
    package let repository: String
    /// A branch, tag or commit.
    package let revision: String
    /// Which code runs it; nil for a repository outside the catalogue, where the checkpoint says.
    package let family: String?
    /// About what a pull downloads, in bytes; nil outside the catalogue.
    package let expectedBytes: Int64?
    /// The licence's name; nil outside the catalogue.
    package let licence: String?
    /// What it can do, in a phrase; nil outside the catalogue.
    package let abilities: String?
    /// Files without which a snapshot is not whole.
    let required: [String]

    /// The models with short names.
    package static let catalogue: [HubModel] = [
        qwen("0.6b", "0.6B-CustomVoice", ofSize: small, presets),
        qwen("0.6b-base", "0.6B-Base", ofSize: small, cloning),
        qwen("0.6b-customvoice", "0.6B-CustomVoice", ofSize: small, presets),
        qwen("1.7b", "1.7B-CustomVoice", ofSize: large, instructedPresets),
        qwen("1.7b-base", "1.7B-Base", ofSize: large, cloning),
        qwen("1.7b-customvoice", "1.7B-CustomVoice", ofSize: large, instructedPresets),
        qwen("1.7b-voicedesign", "1.7B-VoiceDesign", ofSize: large, "a voice from a description in words"),
    ]

    /// Finds a short name, in any case, or takes `organisation/name` as it is.
    ///
    /// - Throws: `invalidName` for anything else.
    package init(_ name: String, revision: String = "main") throws(HubError) {
        if let known = Self.catalogue.first(where: { $0.name == name.lowercased() }) {
            self = known.at(revision)
        } else if let known = Self.catalogue.last(where: { $0.repository == name }) {
            self = known.at(revision)
        } else {
            guard Self.isRepository(name) else { throw .invalidName(name) }
            self.init(
                name: name, repository: name, revision: revision, family: nil, expectedBytes: nil,
                licence: nil, abilities: nil, required: [])
        }
        guard Self.isRevision(revision) else { throw .invalidName("\(name)@\(revision)") }
    }

    private init(
        name: String, repository: String, revision: String, family: String?, expectedBytes: Int64?,
        licence: String?, abilities: String?, required: [String]
    ) {
        (self.name, self.repository, self.revision, self.family) = (name, repository, revision, family)
        (self.expectedBytes, self.licence, self.abilities) = (expectedBytes, licence, abilities)
        self.required = required
    }

    private func at(_ revision: String) -> HubModel {
        HubModel(
            name: name, repository: repository, revision: revision, family: family,
            expectedBytes: expectedBytes, licence: licence, abilities: abilities, required: required)
    }

    private static let small: Int64 = 1_830_000_000 + 682_000_000
    private static let large: Int64 = 3_860_000_000 + 682_000_000
    private static let presets = "preset voices"
    private static let instructedPresets = "preset voices, delivery told in words"
    private static let cloning = "clones a voice from a recording"

    private static func qwen(
        _ size: String, _ variant: String, ofSize bytes: Int64, _ abilities: String
    ) -> HubModel {
        HubModel(
            name: "qwen3-tts-\(size)", repository: "Qwen/Qwen3-TTS-12Hz-\(variant)", revision: "main",
            family: "qwen3-tts", expectedBytes: bytes, licence: "Apache-2.0", abilities: abilities,
            required: ["speech_tokenizer/config.json", "speech_tokenizer/model.safetensors"])
    }
}

extension HubModel {
    /// Whether a pull takes this file: weights we can read safely, and the text beside them. Pickled weights can
    /// run code when opened, and other formats only repeat what the safetensors hold.
    func wants(_ path: String) -> Bool {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        if name.hasPrefix("LICENSE") || name.hasPrefix("NOTICE") { return true }
        return [".safetensors", ".json", ".txt", ".model", ".jinja", ".md"].contains { name.hasSuffix($0) }
    }

    /// `organisation/name`, each of the hub's letters, and never a path that leads elsewhere.
    static func isRepository(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, name.utf8.count <= 192, !name.contains("--") else { return false }
        return parts.allSatisfy { isComponent($0) }
    }

    /// A branch, a tag, a commit, or a pull request's `refs/pr/1`.
    static func isRevision(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return name.utf8.count <= 192 && parts.allSatisfy { isComponent($0) }
    }

    private static func isComponent(_ part: Substring) -> Bool {
        guard let first = part.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-") else {
            return false
        }
        return !part.contains("..")
            && part.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}
