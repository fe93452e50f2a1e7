public import Foundation
import SpeechCore
import VibeVoice

/// The voices kept on this machine, a file each.
public struct VoiceLibrary: Sendable {
    /// The folder of voices.
    public let directory: URL

    /// A library in a folder; nil is `voices` in `MynahHome`.
    public init(
        at directory: URL? = nil, environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.directory = directory ?? MynahHome(environment: environment).voices
    }

    /// Names of the voices, in order. Whether each can be read is seen when it is.
    public func names() throws -> [String] {
        guard FileManager.default.fileExists(atPath: directory.path) else { return [] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory.path)
                .filter { $0.hasSuffix("." + VoiceFile.suffix) }
                .map { String($0.dropLast(VoiceFile.suffix.count + 1)) }
                .filter(Self.isName).sorted()
        } catch {
            throw failure("read", directory, error)
        }
    }

    /// A voice by its name.
    ///
    /// - Parameter presets: names that the caller has looked among already, to be listed when there is none.
    /// - Throws: `SpeechError`; of code `unknownVoice`, it lists what there is.
    public func voice(named name: String, besides presets: [String] = []) throws -> StoredVoice {
        let file = try file(of: name)
        guard FileManager.default.fileExists(atPath: file.path) else { throw try unknown(name, presets) }
        var voice = try VoiceFile.read(file.path)
        // Whoever renamed the file renamed the voice.
        voice.profile.name = name
        return voice
    }

    /// Keeps a voice under its profile's name.
    ///
    /// - Throws: `SpeechError` when the name will not do, or is taken and `replacing` is false.
    public func add(_ voice: StoredVoice, replacing: Bool = false) throws {
        try add(voice, caches: nil, replacing: replacing)
    }

    private func add(_ voice: StoredVoice, caches: PresetTensors?, replacing: Bool) throws {
        let file = try checkFree(voice.profile.name, replacing: replacing)
        do {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        } catch {
            throw failure("make", directory, error)
        }
        try VoiceFile.write(voice, caches: caches, to: file.path)
    }

    /// - Throws: `SpeechError` when a voice may not be kept under a name; before the work of making one.
    @discardableResult
    public func checkFree(_ name: String, replacing: Bool = false) throws -> URL {
        let file = try file(of: name)
        guard replacing || !FileManager.default.fileExists(atPath: file.path) else {
            throw SpeechError(
                .invalidInput, "There is already a voice named '\(name)'.",
                remedy: "Choose another name, or add --replace.")
        }
        return file
    }

    /// Forgets a voice.
    public func remove(_ name: String) throws {
        let file = try file(of: name)
        guard FileManager.default.fileExists(atPath: file.path) else { throw try unknown(name, []) }
        do {
            try FileManager.default.removeItem(at: file)
        } catch {
            throw failure("remove", file, error)
        }
    }

    /// Writes a voice to a file of its own, to be carried to another machine.
    ///
    /// - Throws: `SpeechError` when there is no such voice, or the file is there and `replacing` is false.
    public func export(_ name: String, to file: URL, replacing: Bool = false) throws {
        guard replacing || !FileManager.default.fileExists(atPath: file.path) else {
            throw SpeechError(
                .invalidInput, "'\(file.path)' exists.",
                remedy: "Give another name, or --force to replace it.")
        }
        try VoiceFile.write(voice(named: name), to: file.path)
    }

    /// Takes in a voice that was exported, or a preset of VibeVoice-Realtime in any layout in which these are kept
    /// (the authors' `.pt`, safetensors, a folder of NumPy arrays, raw `.bin` caches), under its own name or another,
    /// and gives that name. Of a preset all that is needed is copied; nothing in it is run.
    ///
    /// - Parameter negative: a preset of the same model to take the cache without text from, where the layout leaves
    ///   it out.
    @discardableResult
    public func `import`(
        from file: URL, as name: String? = nil, replacing: Bool = false, negativeFrom negative: URL? = nil
    ) throws -> String {
        if PresetFile.isPreset(file.path) {
            let (voice, caches) = try PresetFile.voice(file.path, as: name, negativeFrom: negative?.path)
            try add(voice, caches: caches, replacing: replacing)
            return voice.profile.name
        }
        var voice = try VoiceFile.read(file.path)
        if let name { voice.profile.name = name }
        try add(voice, replacing: replacing)
        return voice.profile.name
    }

    /// Whether a name will do: letters of ASCII, digits, `_` and `-`, at most 64.
    public static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private func file(of name: String) throws -> URL {
        guard Self.isName(name) else {
            throw SpeechError(
                .invalidInput, "A voice cannot be named '\(name)'.",
                remedy: "Use up to 64 letters, digits, '_' and '-'.")
        }
        return directory.appendingPathComponent("\(name).\(VoiceFile.suffix)")
    }

    private func unknown(_ name: String, _ presets: [String]) throws -> SpeechError {
        let (kept, known) = (try names(), presets.joined(separator: ", "))
        let own = kept.isEmpty ? "none is kept yet; 'mynah clone' makes one" : kept.joined(separator: ", ")
        return SpeechError(
            .unknownVoice, "There is no voice named '\(name)'.",
            remedy: (presets.isEmpty ? "" : "The model's own: \(known). ") + "Kept voices: \(own).")
    }

    private func failure(_ operation: String, _ place: URL, _ error: any Error) -> SpeechError {
        SpeechError(
            .inputOutput, "The system could not \(operation) '\(place.path)'.",
            remedy: "Check who owns the folder, or set MYNAH_HOME to another.", underlying: error)
    }
}
