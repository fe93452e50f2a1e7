import AudioDSP
import Foundation
import SpeechCore
import Testing

@Suite struct AudioEncoderTests {
    /// Encodes in pieces of uneven size, as a stream or whole; also says how many bytes came before the end.
    private func encode(
        _ format: SoundFormat, _ samples: [Float], rate: Int = 24_000, seekable: Bool = false
    ) throws -> (bytes: [UInt8], early: Int) {
        let encoder = try format.encoder(sampleRate: rate, seekable: seekable)
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: samples.count, by: 1777) {
            bytes += try encoder.encode(Array(samples[start..<min(start + 1777, samples.count)]))
        }
        let early = bytes.count
        bytes += try encoder.finish()
        return (bytes, early)
    }

    /// Samples as 16 bits hold them.
    private func rounded(_ samples: [Float]) -> [Float] {
        samples.map { ($0 * 32_768).rounded(.toNearestOrEven) / 32_768 }
    }

    /// Decibels of signal over error, at the shift of the decoded sound that fits best.
    private func fit(_ decoded: [Float], _ original: [Float], shifts: ClosedRange<Int>) -> (Double, Int) {
        var best = (-Double.infinity, 0)
        let range = 4_000..<original.count - 4_000
        for shift in shifts {
            var (signal, error) = (0.0, 1e-12)
            for i in range where i + shift < decoded.count {
                signal += Double(original[i] * original[i])
                let difference = Double(original[i] - decoded[i + shift])
                error += difference * difference
            }
            best = max(best, (10 * log10(signal / error), shift), by: { $0.0 < $1.0 })
        }
        return best
    }

    private func max<T>(_ a: T, _ b: T, by less: (T, T) -> Bool) -> T { less(a, b) ? b : a }

    @Test(arguments: [SoundFormat.wav, .wavFloat, .flac], [true, false])
    func `what loses nothing gives back what went in`(format: SoundFormat, seekable: Bool) throws {
        let original = voiceLike(seconds: 1.3, rate: 24_000)
        let (bytes, early) = try encode(format, original, seekable: seekable)
        let decoded = try AudioFile.read(bytes: bytes, maximumSeconds: 5)
        #expect(decoded.audio.samples == (format == .wavFloat ? original : rounded(original)))
        #expect(decoded.audio.sampleRate == 24_000 && decoded.channels == 1)
        #expect(seekable ? early == 0 : early > bytes.count / 2)
    }

    @Test func `raw samples are sixteen bits, clipped, and come at once`() throws {
        let encoder = try SoundFormat.pcm.encoder(sampleRate: 24_000)
        let values: [Int16] = [0, 16_384, -32_768, 32_767, 32_767, -32_768]
        #expect(try encoder.encode([0, 0.5, -1, 1, 7, -7]) == values.flatMap { little($0) })
        #expect(try encoder.finish().isEmpty)
    }

    @Test(arguments: [(SoundFormat.mp3, 20.0), (.opus, 15), (.aac, 20)], [24_000, 22_050])
    func `what loses a little gives back nearly what went in`(
        expected: (format: SoundFormat, decibels: Double), rate: Int
    ) throws {
        let original = voiceLike(seconds: 2, rate: rate)
        for seekable in [true, false] {
            let (bytes, early) = try encode(expected.format, original, rate: rate, seekable: seekable)
            let decoded = try AudioFile.read(bytes: bytes, maximumSeconds: 5)
            let sound = try decoded.audio.resampled(to: rate).samples
            let (decibels, shift) = fit(sound, original, shifts: 0...2400)
            #expect(decibels > expected.decibels, "\(expected.format) at \(rate), shift \(shift)")
            #expect(abs(sound.count - original.count) <= 4_000)
            #expect(seekable ? early == 0 : early > bytes.count / 2)
            if seekable, expected.format != .aac {
                #expect(shift == 0 && abs(sound.count - original.count) <= 1)
            }
        }
    }

    /// How much sound, in samples at 24 kHz, may be on its way inside a codec and its container: a frame that is
    /// not full, and what the codec looks ahead.
    private static let held: [SoundFormat: Int] = [
        .wav: 0, .wavFloat: 0, .pcm: 0, .flac: 960, .mp3: 3 * 576 + 529, .opus: 480 + 156, .aac: 2 * 1024,
    ]

    @Test(arguments: SoundFormat.allCases)
    func `sound leaves with every frame of a model, long before the end`(format: SoundFormat) throws {
        let frame = 1920  // a twelfth of a second, as models make it
        let samples = voiceLike(seconds: 0.96, rate: 24_000)
        let encoder = try format.encoder(sampleRate: 24_000)
        var bytes: [UInt8] = []
        for end in stride(from: frame, through: samples.count, by: frame) {
            let new = try encoder.encode(Array(samples[end - frame..<end]))
            bytes += new
            let expected = end - (Self.held[format] ?? 0)
            guard expected > 0 else { continue }
            #expect(!new.isEmpty, "after \(end) samples")
            #expect(try heard(format, bytes) >= expected, "after \(end) samples")
        }
    }

    /// Samples at 24 kHz in what has come of a stream.
    private func heard(_ format: SoundFormat, _ bytes: [UInt8]) throws -> Int {
        switch format {
        case .pcm: return bytes.count / 2
        case .aac:
            // A few frames are too little for libav to tell what they are; their headers say how long each is.
            var (frames, offset) = (0, 0)
            while offset + 7 <= bytes.count, bytes[offset] == 0xFF, bytes[offset + 1] & 0xF6 == 0xF0 {
                let high = Int(bytes[offset + 3] & 3) << 11
                let size = high | Int(bytes[offset + 4]) << 3 | Int(bytes[offset + 5]) >> 5
                offset += size
                frames += offset <= bytes.count ? 1 : 0
            }
            return 1024 * frames
        default:
            return try AudioFile.read(bytes: bytes, maximumSeconds: 5).audio.resampled(to: 24_000).samples
                .count
        }
    }

    @Test(arguments: SoundFormat.allCases)
    func `the bytes do not depend on the pieces`(format: SoundFormat) throws {
        let samples = voiceLike(seconds: 0.3, rate: 24_000)
        let encoder = try format.encoder(sampleRate: 24_000)
        #expect(try encoder.encode(samples) + encoder.finish() == encode(format, samples).bytes)
    }

    @Test(arguments: SoundFormat.allCases, [0, 1, 100])
    func `nearly nothing can be encoded too`(format: SoundFormat, count: Int) throws {
        let samples = [Float](repeating: 0.25, count: count)
        for seekable in [true, false] {
            let (bytes, _) = try encode(format, samples, seekable: seekable)
            guard format != .pcm else {
                #expect(bytes.count == 2 * count)
                continue
            }
            if count == 0 {
                #expect(throws: AudioFileError.self) { try AudioFile.read(bytes: bytes, maximumSeconds: 1) }
            } else if !format.isLossy {
                #expect(try AudioFile.read(bytes: bytes, maximumSeconds: 1).audio.samples == samples)
            }
        }
    }

    @Test func `a streamed WAV says that its length is unknown, a whole one says its length`() throws {
        func sizes(_ bytes: [UInt8]) throws -> (riff: UInt32, data: UInt32, header: Int) {
            let data = try #require(
                (0..<bytes.count - 4).first { Array(bytes[$0..<$0 + 4]) == Array("data".utf8) })
            let read = { (i: Int) in
                (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[i + $1]) << (8 * UInt32($1)) }
            }
            return (read(4), read(data + 4), data + 8)
        }
        let samples = voiceLike(seconds: 0.5, rate: 24_000)
        let streamed = try sizes(try encode(.wav, samples).bytes)
        #expect(streamed.riff == .max && streamed.data == .max)
        let bytes = try encode(.wav, samples, seekable: true).bytes
        let whole = try sizes(bytes)
        #expect(whole.data == 24_000 && whole.riff == UInt32(bytes.count - 8))
        #expect(whole.header + 24_000 == bytes.count)
    }

    @Test(arguments: [SoundFormat.wav, .wavFloat, .flac, .mp3, .opus], [true, false])
    func `the sound is marked as synthetic`(format: SoundFormat, seekable: Bool) throws {
        let bytes = try encode(format, voiceLike(seconds: 0.2, rate: 24_000), seekable: seekable).bytes
        let mark = Array("synthetic speech".utf8)
        let wide = mark.flatMap { [$0, UInt8(0)] }
        let isMarked = bytes.indices.contains {
            bytes[$0...].starts(with: mark) || bytes[$0...].starts(with: wide)
        }
        #expect(isMarked)
    }

    @Test(arguments: SoundFormat.allCases)
    func `the same sound gives the same bytes`(format: SoundFormat) throws {
        let samples = voiceLike(seconds: 0.3, rate: 24_000)
        #expect(try encode(format, samples).bytes == encode(format, samples).bytes)
    }

    @Test func `samples that are no numbers and rates and bit rates that do not exist are refused`() throws {
        let encoder = try SoundFormat.mp3.encoder(sampleRate: 24_000)
        _ = try encoder.encode([0, 0, 0])
        #expect(throws: AudioFileError.notFinite(sample: 4)) { try encoder.encode([0, .nan]) }
        #expect(throws: AudioFileError.unsupportedRate(0)) { try SoundFormat.wav.encoder(sampleRate: 0) }
        for format in [SoundFormat.mp3, .flac] {
            #expect(throws: AudioFileError.invalidBitRate(1)) {
                try format.encoder(sampleRate: 24_000, options: EncodingOptions(bitRate: 1))
            }
        }
    }

    @Test func `formats are found by name and by extension`() {
        #expect(SoundFormat(name: "WAV-float") == .wavFloat)
        #expect(SoundFormat(fileExtension: "OGG") == .opus)
        #expect(SoundFormat(fileExtension: "wav") == .wav)
        #expect(SoundFormat(fileExtension: "docx") == nil && SoundFormat(name: "") == nil)
    }
}
