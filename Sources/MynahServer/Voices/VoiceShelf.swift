import Foundation
import Mynah
import SpeechCore

/// A voice that is kept, as clients see it.
struct KeptVoice: Sendable {
    /// The name of its file, by which the command line knows it too.
    let file: String
    /// The name it was given.
    let name: String
    let library: VoiceLibrary

    /// What clients call it by.
    var id: String { VoiceShelf.prefix + file }
}

/// The voices of this server: kept files, descriptions, and consents.
///
/// An id is looked for among the names that there are, and never becomes part of a path itself.
package struct VoiceShelf: Sendable {
    static let prefix = "voice_"

    /// Where new voices go.
    let library: VoiceLibrary
    /// Folders of single models.
    private let ofModels: [String: VoiceLibrary]
    let register: VoiceRegister

    init(_ settings: Settings, home: MynahHome) throws {
        let folder =
            settings.voices.directory.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? home.voices
        library = VoiceLibrary(at: folder)
        ofModels = settings.models.compactMapValues { model in
            model.voices.map { VoiceLibrary(at: URL(fileURLWithPath: $0, isDirectory: true)) }
        }
        register = try VoiceRegister(in: folder)
    }

    /// The kept voices that a model may speak in; those of all models when none is named.
    func kept(for model: String? = nil) throws -> [KeptVoice] {
        var libraries: [VoiceLibrary] = []
        if let model {
            if let own = ofModels[model] { libraries.append(own) }
        } else {
            libraries += ofModels.sorted { $0.key < $1.key }.map(\.value)
        }
        libraries.append(library)
        var (seen, voices) = (Set<String>(), [KeptVoice]())
        for library in libraries {
            for file in try library.names() where seen.insert(file).inserted {
                let name = library.directory == self.library.directory ? register.name(of: file) : nil
                voices.append(KeptVoice(file: file, name: name ?? file, library: library))
            }
        }
        return voices
    }

    /// A kept voice by its id, the name of its file, or the name it was given.
    func find(_ name: String, for model: String? = nil) throws -> KeptVoice? {
        let voices = try kept(for: model)
        return voices.first { $0.id == name } ?? voices.first { $0.file == name }
            ?? voices.first { $0.name == name }
    }

    /// A name for the file of a voice: of the letters that one may have, and not taken.
    func freeFile(for name: String) throws -> String {
        let letters = name.unicodeScalars.map { scalar -> Character in
            VoiceLibrary.isName(String(scalar)) ? Character(scalar) : "-"
        }
        let plain = String(letters.prefix(40)).trimmingCharacters(in: CharacterSet(charactersIn: "-"))
        let base = plain.isEmpty ? "voice" : plain
        let taken = Set(try library.names())
        guard taken.contains(base) else { return base }
        return base + "-" + RandomName.hexadecimal().prefix(8)
    }

    /// Keeps a voice under the name it was given.
    func keep(_ voice: StoredVoice, name: String, ground: String?) throws -> KeptVoice {
        try library.add(voice)
        let file = voice.profile.name
        try register.set(name: name, ground: ground, of: file)
        return KeptVoice(file: file, name: name, library: library)
    }

    /// Forgets a voice.
    func remove(_ voice: KeptVoice) throws {
        try voice.library.remove(voice.file)
        if voice.library.directory == library.directory {
            try register.set(name: nil, ground: nil, of: voice.file)
        }
    }
}
