package import SpeechCore
import VibeVoice

extension ModelCard {
    /// Whether its frames come out of a diffusion, which has steps and a guidance.
    package var diffuses: Bool { VibeVoiceFamily.defaultSteps[family] != nil }
}
