import AudioDSP
import Foundation
import SpeechCore
import Testing

@Suite struct AudioFileTests {
    private func read(_ file: WaveFile, limit: Double = 60) throws -> DecodedAudio {
        try AudioFile.read(bytes: file.bytes, maximumSeconds: limit)
    }

    @Test func `sixteen-bit samples are divided by full scale`() throws {
        let values: [Int16] = [0, 1, -1, 16_384, 32_767, -32_768]
        let decoded = try read(WaveFile(body: values.flatMap(little)))
        #expect(decoded.audio.samples == values.map { Float($0) / 32_768 })
        #expect(decoded.audio.sampleRate == 24_000)
        #expect(decoded.codec == "pcm_s16le" && decoded.container == "wav")
        #expect(decoded.channels == 1 && decoded.bitsPerSample == 16)
        #expect(decoded.duration == 6.0 / 24_000)
    }

    @Test func `eight and twenty-four bits are divided by full scale`() throws {
        #expect(try read(WaveFile(bits: 8, body: [0, 128, 255])).audio.samples == [-1, 0, 127.0 / 128])
        let decoded = try read(WaveFile(bits: 24, body: [0, 0, 0x80, 1, 0, 0, 0, 0, 0x40]))
        #expect(decoded.audio.samples == [-1, 1 / 8_388_608, 0.5])
        #expect(decoded.bitsPerSample == 24)
    }

    @Test func `two channels at 8 kHz become their mean`() throws {
        let body = [Int16(1000), 3000, -8, 8].flatMap(little)
        let decoded = try read(WaveFile(channels: 2, rate: 8_000, body: body))
        #expect(decoded.audio.samples == [2000.0 / 32_768, 0])
        #expect(decoded.audio.sampleRate == 8_000 && decoded.channels == 2)
    }

    @Test func `floats are kept, beyond full scale too`() throws {
        let values: [Float] = [0.1, -1.5, 3]
        let file = WaveFile(format: 3, bits: 32, body: values.flatMap { little($0.bitPattern) })
        #expect(try read(file).audio.samples == values)
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func `a sample that is no number is an error that says where`(bad: Float) {
        let file = WaveFile(format: 3, bits: 32, body: [0, 0.5, bad].flatMap { little($0.bitPattern) })
        #expect(throws: AudioFileError.notFinite(sample: 2)) { try read(file) }
    }

    @Test func `no sample is an error and one is not`() throws {
        #expect(throws: AudioFileError.empty) { try read(WaveFile(body: [])) }
        #expect(try read(WaveFile(body: little(Int16(-16_384)))).audio.samples == [-0.5])
    }

    @Test func `a file past the limit is refused`() throws {
        let file = WaveFile(body: [UInt8](repeating: 0, count: 48_000))
        #expect(try read(file, limit: 1).duration == 1)
        #expect(throws: AudioFileError.tooLong(limit: 0.99)) { try read(file, limit: 0.99) }
    }

    @Test
    func `a file that states its length is refused before it is decoded, one that only seems long is not`()
        throws
    {
        // An hour by its header and its size, and not a sample of it written.
        try withFolder { folder in
            let path = folder + "/long.wav"
            let header = WaveFile(rate: 8000, body: [], claimed: 3600 * 16_000).bytes
            try Data(header).write(to: URL(filePath: path))
            let file = try FileHandle(forWritingTo: URL(filePath: path))
            try file.truncate(atOffset: UInt64(header.count + 3600 * 16_000))
            try file.close()
            #expect(throws: AudioFileError.tooLong(limit: 60)) {
                try AudioFile.read(path: path, maximumSeconds: 60)
            }
        }
        // The header of a stream claims hours; what is there is a second.
        let body = [UInt8](repeating: 1, count: 2 * 24_000)
        for claimed: UInt32 in [.max, 0x7FFF_FFFF, 0x7000_0000] {
            let file = WaveFile(body: body, claimed: claimed).bytes
            do {
                #expect(try AudioFile.read(bytes: file, maximumSeconds: 60).duration == 1)
            } catch AudioFileError.truncated {
                #expect(claimed == 0x7000_0000, "a claim that means something")
            }
        }
    }

    @Test func `a file cut short is refused, and one whose writer could not know is not`() throws {
        let body = [UInt8](repeating: 1, count: 24_000)
        #expect {
            _ = try read(WaveFile(body: body, claimed: 48_000))
        } throws: { error in
            guard case .truncated(let stated, let decoded)? = error as? AudioFileError else { return false }
            return stated == 1 && decoded == 0.5
        }
        for claimed in [UInt32.max, 0, 0x7FFF_FFFF, 0x7FFF_F000] {
            #expect(try read(WaveFile(body: body, claimed: claimed)).duration == 0.5)
        }
    }

    @Test(arguments: [SoundFormat.flac, .mp3])
    func `a compressed file cut short, or damaged within, is refused`(format: SoundFormat) throws {
        let whole = try format.encode(voiceLike(seconds: 3, rate: 24_000), sampleRate: 24_000)
        #expect {
            _ = try AudioFile.read(bytes: Array(whole[..<(whole.count / 2)]), maximumSeconds: 9)
        } throws: { error in
            guard case .truncated(let stated, let decoded)? = error as? AudioFileError else { return false }
            return abs(stated - 3) < 0.1 && decoded < 2
        }
        guard format == .flac else { return }
        var damaged = whole
        damaged[whole.count / 2] ^= 0x55
        #expect {
            _ = try AudioFile.read(bytes: damaged, maximumSeconds: 9)
        } throws: { error in
            guard case .corrupt? = error as? AudioFileError else { return false }
            return true
        }
    }

    @Test func `a cancelled task stops reading`() async {
        let bytes = WaveFile(body: [UInt8](repeating: 0, count: 48_000)).bytes
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            _ = try AudioFile.read(bytes: bytes, maximumSeconds: 60)
        }
        await #expect(throws: AudioFileError.cancelled) { try await task.value }
    }

    @Test func `tags behind an MP3 are not damage`() throws {
        let whole = try SoundFormat.mp3.encode(voiceLike(seconds: 1, rate: 24_000), sampleRate: 24_000)
        let tag = Array("TAG".utf8) + [UInt8](repeating: 0x41, count: 125)
        #expect(try AudioFile.read(bytes: whole + tag, maximumSeconds: 9).duration == 1)
    }

    @Test func `ten minutes of silence in a small file stops at the limit`() throws {
        let encoder = try SoundFormat.flac.encoder(sampleRate: 8_000, seekable: true)
        var bytes: [UInt8] = []
        for _ in 0..<600 { bytes += try encoder.encode([Float](repeating: 0, count: 8_000)) }
        bytes += try encoder.finish()
        #expect(bytes.count < 200_000)
        #expect(throws: AudioFileError.tooLong(limit: 30)) {
            try AudioFile.read(bytes: bytes, maximumSeconds: 30)
        }
    }

    @Test(arguments: [1, 999, 800_000])
    func `a rate that no recording has is refused`(rate: Int) {
        #expect(throws: AudioFileError.unsupportedRate(rate)) {
            try read(WaveFile(rate: rate, body: [UInt8](repeating: 0, count: 64)))
        }
    }

    @Test func `what is not there, and what is no file, is refused`() throws {
        try withFolder { folder in
            #expect(throws: AudioFileError.missingFile(path: folder + "/none.wav")) {
                try AudioFile.read(path: folder + "/none.wav", maximumSeconds: 1)
            }
            #expect(throws: AudioFileError.notAFile(path: folder)) {
                try AudioFile.read(path: folder, maximumSeconds: 1)
            }
            #expect(throws: AudioFileError.notAFile(path: "/dev/zero")) {
                try AudioFile.read(path: "/dev/zero", maximumSeconds: 1)
            }
        }
    }

    @Test func `a picture named wav is a picture`() throws {
        let picture = try #require(Data(base64Encoded: Self.picture))
        try withFolder { folder in
            let path = folder + "/voice.wav"
            try picture.write(to: URL(filePath: path))
            #expect(throws: AudioFileError.noAudio(found: ["png"])) {
                try AudioFile.read(path: path, maximumSeconds: 1)
            }
        }
    }

    @Test func `subtitles are not sound`() {
        let text =
            "1\n00:00:01,000 --> 00:00:02,000\nGood morning.\n\n2\n00:00:03,000 --> 00:00:04,000\nAgain.\n"
        #expect(throws: AudioFileError.noAudio(found: ["subrip"])) {
            try AudioFile.read(bytes: Array(text.utf8), maximumSeconds: 1)
        }
    }

    @Test(arguments: ["", "hello", "ID3", "RIFF"])
    func `a few letters are no recording`(text: String) {
        #expect(throws: AudioFileError.self) {
            try AudioFile.read(bytes: Array(text.utf8), maximumSeconds: 1)
        }
    }

    @Test func `a list of other files is refused, and they are not read`() throws {
        try withFolder { folder in
            let inner = folder + "/inner.wav"
            let sound = WaveFile(body: [UInt8](repeating: 1, count: 4800))
            try Data(sound.bytes).write(to: URL(filePath: inner))
            let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n\(inner)\n#EXT-X-ENDLIST\n"
            #expect(throws: AudioFileError.refusedFormat(name: "hls")) {
                try AudioFile.read(bytes: Array(playlist.utf8), maximumSeconds: 1)
            }
            let list = "ffconcat version 1.0\nfile inner.wav\n"
            let path = folder + "/list.wav"
            try Data(list.utf8).write(to: URL(filePath: path))
            #expect(throws: AudioFileError.refusedFormat(name: "concat")) {
                try AudioFile.read(path: path, maximumSeconds: 1)
            }
        }
    }

    @Test func `bytes of chance are read or refused, never worse`() {
        var random = SplitMix(state: 7)
        let original = WaveFile(
            channels: 2, body: (0..<600).flatMap { little(Int16(truncatingIfNeeded: $0 &* 977)) }
        ).bytes
        var read = 0
        for _ in 0..<500 {
            var bytes = original
            for _ in 0..<Int(random.next() % 6 + 1) {
                // Mostly in the header, where the damage is worst.
                let reach = random.next() % 3 == 0 ? bytes.count : 44
                bytes[Int(random.next() % UInt64(reach))] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.next() % 4 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
            if let decoded = try? AudioFile.read(bytes: bytes, maximumSeconds: 2) {
                read += 1
                #expect(decoded.audio.samples.allSatisfy(\.isFinite) && !decoded.audio.samples.isEmpty)
                #expect(decoded.duration <= 2)
            }
        }
        #expect(read > 20 && read < 500)
    }

    /// One grey pixel.
    private static let picture =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
}

/// Steele, Lea and Flood's generator.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
