/// A form in which sound leaves.
public enum SoundFormat: String, Sendable, CaseIterable, Codable {
    /// RIFF with 16-bit integers.
    case wav
    /// RIFF with 32-bit floats.
    case wavFloat = "wav-float"
    /// FLAC with 16-bit integers: nothing is lost beside `wav`.
    case flac
    /// MPEG-1 or 2, layer 3.
    case mp3
    /// Opus in Ogg.
    case opus
    /// AAC-LC in ADTS.
    case aac
    /// 16-bit little-endian integers and nothing else.
    case pcm

    /// The format of a name, in any case; nil when there is none of that name.
    public init?(name: String) { self.init(rawValue: name.lowercased()) }

    /// The format that a file of this extension (without its dot, in any case) has; nil when we write none such.
    public init?(fileExtension: String) {
        let known = Self.allCases.first { $0.fileExtensions.contains(fileExtension.lowercased()) }
        guard let known else { return nil }
        self = known
    }

    /// Extensions of files of this format, the usual one first; none for `wavFloat`, which must be asked for.
    public var fileExtensions: [String] {
        switch self {
        case .wav: ["wav", "wave"]
        case .wavFloat: []
        case .flac: ["flac"]
        case .mp3: ["mp3"]
        case .opus: ["opus", "ogg"]
        case .aac: ["aac"]
        case .pcm: ["pcm", "raw"]
        }
    }

    /// What HTTP calls it.
    public var mediaType: String {
        switch self {
        case .wav, .wavFloat: "audio/wav"
        case .flac: "audio/flac"
        case .mp3: "audio/mpeg"
        case .opus: "audio/ogg"
        case .aac: "audio/aac"
        case .pcm: "audio/pcm"
        }
    }

    /// Whether a bit rate means anything here.
    public var isLossy: Bool {
        switch self {
        case .wav, .wavFloat, .flac, .pcm: false
        case .mp3, .opus, .aac: true
        }
    }
}
