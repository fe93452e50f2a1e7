import Checkpoints
package import SpeechCore

extension ModelPlace {
    /// What voices the model has, without loading it; nil where it does not speak, or cannot be read.
    package var voices: VoiceGifts? {
        guard let files = try? files(), let family = try? Family.of(files) else { return nil }
        return try? family.voices(files)
    }
}
