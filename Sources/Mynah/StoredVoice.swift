public import Foundation
public import SpeechCore

/// A voice as the library keeps it: what a model computed, what it was computed from, and whose word it is kept on.
public struct StoredVoice: Sendable, Equatable {
    /// What a model speaks from.
    public var profile: VoiceProfile
    /// The model that computed it.
    public var model: String
    /// When, to the second.
    public var created: Date
    /// Where the recording came from.
    public var source: Source
    /// What the speaker agreed to, in the words of whoever keeps the voice.
    public var consent: String?
    /// The recording itself, so that another model can compute its own.
    public var audio: AudioBuffer

    /// Where a recording came from.
    public struct Source: Sendable, Equatable, Codable {
        /// The file's name, without its folder.
        public var fileName: String
        /// Seconds of the recording as given.
        public var duration: Double
        /// Samples per second of the recording as given.
        public var sampleRate: Int
        /// SHA-256 of its samples, as little-endian 32-bit floats.
        public var sha256: String

        /// The source of a recording.
        public init(_ audio: AudioBuffer, fileName: String) {
            self.init(
                fileName: fileName, duration: audio.duration, sampleRate: audio.sampleRate,
                sha256: VoiceFile.digest(audio.samples))
        }

        init(fileName: String, duration: Double, sampleRate: Int, sha256: String) {
            self.fileName = fileName
            self.duration = duration
            self.sampleRate = sampleRate
            self.sha256 = sha256
        }
    }

    /// A voice just made from a recording.
    public init(
        _ profile: VoiceProfile, model: String, recording: AudioBuffer, fileName: String,
        consent: String? = nil,
        created: Date = Date()
    ) {
        self.profile = profile
        self.model = model
        self.created = Date(timeIntervalSince1970: created.timeIntervalSince1970.rounded(.down))
        source = Source(recording, fileName: fileName)
        self.consent = consent
        audio = recording
    }

    init(
        profile: VoiceProfile, model: String, created: Date, source: Source, consent: String?,
        audio: AudioBuffer
    ) {
        (self.profile, self.model, self.created) = (profile, model, created)
        (self.source, self.consent, self.audio) = (source, consent, audio)
    }
}
