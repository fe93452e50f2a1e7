import Foundation
import SpeechCore
import Synchronization

/// What a speaker agreed to, recorded.
struct VoiceConsent: Sendable, Codable, Equatable {
    var id: String
    var name: String
    var language: String
    /// Seconds since 1970.
    var created: Int
    /// The name of the file it is kept in.
    var file: String
}

/// A voice described in words.
struct DesignedVoice: Sendable, Codable, Equatable {
    var id: String
    var name: String
    var prompt: String
    /// Words that show the voice off, where its maker gave some.
    var script: String?
    /// Nil is any model that designs.
    var model: String?
    var created: Int
}

/// What is kept of voices beside their files: consents, descriptions, and names as they were given.
final class VoiceRegister: Sendable {
    private struct Content: Codable {
        var consents: [VoiceConsent] = []
        var designs: [DesignedVoice] = []
        /// The name a voice was given, by the name of its file.
        var names: [String: String] = [:]
        /// The id of the consent that a voice is kept on, by the name of its file.
        var grounds: [String: String] = [:]
    }

    /// The most of each kind that are kept.
    private static let most = 10_000

    private let file: URL
    /// The folder of recorded consents.
    private let recordings: URL
    private let content: Mutex<Content>

    /// The register in a folder; empty where there is none yet.
    ///
    /// - Throws: `SpeechError` when it cannot be read.
    init(in folder: URL) throws {
        file = folder.appendingPathComponent("register.json")
        recordings = folder.appendingPathComponent("consents", isDirectory: true)
        guard FileManager.default.fileExists(atPath: file.path) else {
            content = Mutex(Content())
            return
        }
        do {
            content = Mutex(try JSONDecoder().decode(Content.self, from: Data(contentsOf: file)))
        } catch {
            throw SpeechError(
                .corruptData, "The register of voices '\(file.path)' cannot be read.",
                remedy: "Restore it from a copy, or move it away to begin a new one.", underlying: error)
        }
    }

    /// Changes the register and writes it, whole or not at all; what fails changes nothing.
    private func change<Result: Sendable>(_ body: (inout Content) throws -> Result) throws -> Result {
        try content.withLock { content in
            var changed = content
            let result = try body(&changed)
            do {
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
                try encoder.encode(changed).write(to: file, options: .atomic)
            } catch {
                throw SpeechError(
                    .inputOutput, "The register of voices could not be written.",
                    remedy: "Check the folder of voices and the disk.", underlying: error)
            }
            content = changed
            return result
        }
    }

    // MARK: consents

    var consents: [VoiceConsent] { content.withLock { $0.consents } }

    func consent(_ id: String) -> VoiceConsent? {
        content.withLock { $0.consents.first { $0.id == id } }
    }

    func add(consentNamed name: String, language: String, recording: Upload) throws -> VoiceConsent {
        let id = "cons_" + RandomName.hexadecimal()
        let consent = VoiceConsent(id: id, name: name, language: language, created: Clock.now, file: id)
        guard consents.count < Self.most else { throw APIError.full("consents", most: Self.most) }
        let place = recordings.appendingPathComponent(id)
        do {
            try FileManager.default.createDirectory(
                at: recordings, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try recording.copy(to: place)
        } catch {
            throw SpeechError(
                .inputOutput, "The consent could not be kept.",
                remedy: "Check the folder of voices and the disk.",
                underlying: error)
        }
        do {
            try change { $0.consents.append(consent) }
        } catch {
            try? FileManager.default.removeItem(at: place)
            throw error
        }
        return consent
    }

    /// - Returns: nil when there is no such consent.
    func rename(consent id: String, to name: String) throws -> VoiceConsent? {
        guard consent(id) != nil else { return nil }
        return try change { content in
            guard let place = content.consents.firstIndex(where: { $0.id == id }) else { return nil }
            content.consents[place].name = name
            return content.consents[place]
        }
    }

    /// - Parameter kept: the files of voices that there are; what else rests on the consent went by another way.
    /// - Returns: false when there is no such consent.
    /// - Throws: `APIError` that names the voices which rest on it.
    func remove(consent id: String, kept: Set<String>) throws -> Bool {
        guard let consent = consent(id) else { return false }
        try change { content in
            let resting = content.grounds.filter { $0.value == id && kept.contains($0.key) }.keys.sorted()
            guard resting.isEmpty else {
                throw APIError.consentInUse(id, by: resting.map { content.names[$0] ?? $0 })
            }
            content.grounds = content.grounds.filter { $0.value != id }
            content.consents.removeAll { $0.id == id }
        }
        try? FileManager.default.removeItem(at: recordings.appendingPathComponent(consent.file))
        return true
    }

    // MARK: designs

    var designs: [DesignedVoice] { content.withLock { $0.designs } }

    func design(_ name: String) -> DesignedVoice? {
        let designs = designs
        return designs.first { $0.id == name } ?? designs.first { $0.name == name }
    }

    func add(design name: String, prompt: String, script: String?, model: String?) throws -> DesignedVoice {
        let design = DesignedVoice(
            id: "voice_" + RandomName.hexadecimal(), name: name, prompt: prompt, script: script, model: model,
            created: Clock.now)
        return try change { content in
            guard content.designs.count < Self.most else {
                throw APIError.full("described voices", most: Self.most)
            }
            content.designs.append(design)
            return design
        }
    }

    func remove(design id: String) throws -> Bool {
        guard content.withLock({ $0.designs.contains { $0.id == id } }) else { return false }
        try change { $0.designs.removeAll { $0.id == id } }
        return true
    }

    // MARK: names of kept voices

    func name(of file: String) -> String? { content.withLock { $0.names[file] } }

    func ground(of file: String) -> String? { content.withLock { $0.grounds[file] } }

    func set(name: String?, ground: String?, of file: String) throws {
        try change { content in
            if let ground, !content.consents.contains(where: { $0.id == ground }) {
                throw APIError.noConsent(ground)
            }
            content.names[file] = name
            content.grounds[file] = ground
        }
    }
}
