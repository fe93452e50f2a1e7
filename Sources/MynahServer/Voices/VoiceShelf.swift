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
    private let names = FileNames()
    let making = VoicesInMaking()

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

    /// A name for the file of a new voice: of the letters that one may have, and nobody else's while it is held.
    func freeFile(for name: String) throws -> FileNames.Place {
        let letters = name.unicodeScalars.map { scalar -> Character in
            VoiceLibrary.isName(String(scalar)) ? Character(scalar) : "-"
        }
        let plain = String(letters.prefix(40)).trimmingCharacters(in: CharacterSet(charactersIn: "-"))
        let base = plain.isEmpty ? "voice" : plain
        let kept = Set(try library.names())
        return names.take(base, unless: kept) ?? names.take(base + "-" + RandomName.hexadecimal().prefix(8))
    }

    /// Keeps a voice under the name it was given.
    func keep(_ voice: StoredVoice, name: String, ground: String?) throws -> KeptVoice {
        try library.add(voice)
        let file = voice.profile.name
        do {
            try register.set(name: name, ground: ground, of: file)
        } catch {
            try? library.remove(file)
            throw error
        }
        return KeptVoice(file: file, name: name, library: library)
    }

    /// Forgets a consent on which no voice rests.
    ///
    /// - Returns: false when there is no such consent.
    func remove(consent id: String) throws -> Bool {
        try register.remove(consent: id, kept: Set(library.names()))
    }

    /// Forgets a voice.
    func remove(_ voice: KeptVoice) throws {
        try voice.library.remove(voice.file)
        if voice.library.directory == library.directory {
            try register.set(name: nil, ground: nil, of: voice.file)
        }
    }
}
