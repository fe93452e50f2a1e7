import Checkpoints
package import SpeechCore

extension ModelPlace {
    /// What voices the model has, without loading it; nil where it does not speak, or cannot be read.
    package var voices: VoiceGifts? {
        guard let files = try? files(), let family = try? Family.of(files) else { return nil }
        return try? family.voices(files)
    }

    /// Whether the model can speak in a voice that is kept.
    func speaks(_ profile: VoiceProfile) -> Bool {
        guard let files = try? files(), let family = try? Family.of(files) else { return false }
        guard profile.presetFile == nil else { return profile.family == family.modelType }
        guard let gifts = try? family.voices(files), gifts.clones else { return false }
        return gifts.profileFamily.map { $0 == profile.family } ?? profile.family.hasPrefix(family.modelType)
    }
}

extension ModelLibrary {
    /// Finds a model to speak in a voice with: the one named, else the standard one. Where neither is, and the first
    /// model has no such preset, it is the one that a kept voice was made with, else the first that can speak in it.
    ///
    /// - Throws: `SpeechError` that lists what there is.
    package func locate(
        _ name: String?, speaking voice: String, among kept: VoiceLibrary = VoiceLibrary()
    ) throws -> ModelPlace {
        let first = try locate(name)
        guard name == nil, !hasStandard, !first.has(preset: voice) else { return first }
        let installed = installed()
        guard let stored = try? kept.voice(named: voice) else {
            return installed.first { $0.has(preset: voice) } ?? first
        }
        let able = installed.filter { $0.speaks(stored.profile) }
        return able.first { $0.name == stored.model } ?? able.first ?? first
    }
}

extension ModelPlace {
    fileprivate func has(preset name: String) -> Bool {
        voices?.presets.contains { $0.lowercased() == name.lowercased() } ?? false
    }
}
