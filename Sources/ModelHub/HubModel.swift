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
    /// The repository of its tokenizer, for models that are published without; nil for others.
    package let tokenizer: String?
    /// What a person should know after a pull; nil where there is nothing.
    package let note: String?
    /// Files without which a snapshot is not whole.
    let required: [String]
    /// The only files that are wanted; nil for a whole model.
    private let only: Set<String>?

    /// The models with short names.
    package static let catalogue: [HubModel] = [
        qwen("0.6b", "0.6B-CustomVoice", ofSize: small, presets),
        qwen("0.6b-base", "0.6B-Base", ofSize: small, cloning),
        qwen("0.6b-customvoice", "0.6B-CustomVoice", ofSize: small, presets),
        qwen("1.7b", "1.7B-CustomVoice", ofSize: large, instructedPresets),
        qwen("1.7b-base", "1.7B-Base", ofSize: large, cloning),
        qwen("1.7b-customvoice", "1.7B-CustomVoice", ofSize: large, instructedPresets),
        qwen("1.7b-voicedesign", "1.7B-VoiceDesign", ofSize: large, "a voice from a description in words"),
        vibeVoice(
            "realtime-0.5b", "Realtime-0.5B", ofSize: 2_040_000_000, tokenizer: "0.5B",
            "speaks text while it is written; voices are presets",
            note:
                "Its voices are published beside its authors' code, in github.com/microsoft/VibeVoice under "
                + "demo/voices/streaming_model. Take one in with 'mynah voices import FILE.pt'."),
        vibeVoice(
            "1.5b", "1.5B", ofSize: 5_420_000_000, tokenizer: "1.5B",
            "dialogues of up to four voices from recordings"),
        vibeVoice(
            "asr-7b", "ASR", ofSize: 17_360_000_000, tokenizer: "7B", "writes down who says what, and when"),
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
            self.init(name: name, repository: name, revision: revision)
        }
        guard Self.isRevision(revision) else { throw .invalidName("\(name)@\(revision)") }
    }

    private init(
        name: String, repository: String, revision: String = "main", family: String? = nil,
        expectedBytes: Int64? = nil, licence: String? = nil, abilities: String? = nil,
        tokenizer: String? = nil, note: String? = nil, required: [String] = [], only: Set<String>? = nil
    ) {
        (self.name, self.repository, self.revision, self.family) = (name, repository, revision, family)
        (self.expectedBytes, self.licence, self.abilities) = (expectedBytes, licence, abilities)
        (self.tokenizer, self.note, self.required, self.only) = (tokenizer, note, required, only)
    }

    private func at(_ revision: String) -> HubModel {
        HubModel(
            name: name, repository: repository, revision: revision, family: family,
            expectedBytes: expectedBytes, licence: licence, abilities: abilities, tokenizer: tokenizer,
            note: note, required: required, only: only)
    }

    /// The tokenizer's files alone, in the repository that has them; nil for a model that brings its own.
    var tokenizerFiles: HubModel? {
        tokenizer.map { HubModel(name: $0, repository: $0, required: Self.tables, only: Set(Self.tables)) }
    }

    /// A byte-level tokenizer's tables.
    private static let tables = ["vocab.json", "merges.txt"]

    /// Whether a snapshot that has this file has its own tokenizer.
    static func isTokenizer(_ path: String) -> Bool { path == "tokenizer.json" || path == tables[0] }

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

    private static func vibeVoice(
        _ name: String, _ variant: String, ofSize bytes: Int64, tokenizer size: String, _ abilities: String,
        note: String? = nil
    ) -> HubModel {
        HubModel(
            name: "vibevoice-\(name)", repository: "microsoft/VibeVoice-\(variant)", family: "vibevoice",
            expectedBytes: bytes, licence: "MIT", abilities: abilities, tokenizer: "Qwen/Qwen2.5-\(size)",
            note: note)
    }
}

extension HubModel {
    /// Whether a pull takes this file: weights we can read safely, and the text beside them. Pickled weights can
    /// run code when opened, and other formats only repeat what the safetensors hold.
    func wants(_ path: String) -> Bool {
        if let only { return only.contains(path) }
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
