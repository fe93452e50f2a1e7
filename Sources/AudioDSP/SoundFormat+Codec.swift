import SpeechCore

extension SoundFormat {
    /// libav's encoder.
    var codecName: String {
        switch self {
        case .wav, .pcm: "pcm_s16le"
        case .wavFloat: "pcm_f32le"
        case .flac: "flac"
        case .mp3: "libmp3lame"
        case .opus: "libopus"
        case .aac: "aac"
        }
    }

    /// libav's container.
    var muxerName: String {
        switch self {
        case .wav, .wavFloat: "wav"
        case .flac: "flac"
        case .mp3: "mp3"
        case .opus: "ogg"
        case .aac: "adts"
        case .pcm: "s16le"
        }
    }

    /// How the encoder wants its samples.
    var storage: Storage {
        switch self {
        case .wav, .pcm, .flac: .int16
        case .wavFloat, .opus: .float
        case .mp3, .aac: .planarFloat
        }
    }

    /// Sample formats we hand to encoders; with one channel, planar is a name only.
    enum Storage { case int16, float, planarFloat }

    /// The rate that sound of `rate` is encoded at: itself where the codec has it, else the next above, else the
    /// highest.
    func encodedRate(for rate: Int) -> Int {
        let rates: [Int]
        switch self {
        case .wav, .wavFloat, .flac, .pcm: return rate
        case .mp3: rates = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]
        case .opus: rates = [8_000, 12_000, 16_000, 24_000, 48_000]
        case .aac:
            rates = [
                8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000,
            ]
        }
        return rates.first { $0 >= rate } ?? rates[rates.count - 1]
    }

    /// Bits a second for one voice, where the caller has no wish.
    var standardBitRate: Int {
        switch self {
        case .mp3: 96_000
        case .aac: 64_000
        case .opus: 48_000
        case .wav, .wavFloat, .flac, .pcm: 0
        }
    }
}

/// Choices about encoding.
package struct EncodingOptions: Sendable, Equatable {
    /// Bits a second, for the lossy formats; nil is a fair rate for one voice. The others have no such choice.
    package var bitRate: Int?
    /// Said of the sound in its metadata: `LIST INFO`, ID3 or a Vorbis comment. AAC in ADTS and raw samples
    /// have no place for it.
    package var comment: String?
    /// The title in the metadata.
    package var title: String?

    /// Options. Unless told otherwise, the sound is marked as what it is.
    package init(bitRate: Int? = nil, comment: String? = "synthetic speech", title: String? = nil) {
        self.bitRate = bitRate
        self.comment = comment
        self.title = title
    }
}
