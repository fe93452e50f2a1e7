import AudioDSP
import SpeechCore
import Testing

@Suite struct ResamplerTests {
    @Test(arguments: [44_100, 8_000])
    func `a signal brought to 24 kHz is librosa's`(rate: Int) throws {
        let input = AudioBuffer(samples: try fixture("resample-\(rate).f32"), sampleRate: rate)
        let expected = try fixture("resample-\(rate)-24000.f32")
        let output = try input.resampled(to: 24_000)
        #expect(output.sampleRate == 24_000)
        #expect(distance(output.samples, expected) < 1e-5)
    }

    @Test func `pieces laid end to end are the whole`() throws {
        let input = try fixture("resample-44100.f32")
        let whole = try AudioBuffer(samples: input, sampleRate: 44_100).resampled(to: 24_000)
        let resampler = try StreamResampler(from: 44_100, to: 24_000)
        var pieces: [Float] = []
        for start in stride(from: 0, to: input.count, by: 97) {
            pieces += try resampler.resample(Array(input[start..<min(start + 97, input.count)]))
        }
        pieces += try resampler.finish()
        #expect(abs(pieces.count - whole.samples.count) <= 1)
        let common = min(pieces.count, whole.samples.count)
        #expect(distance(Array(pieces[..<common]), Array(whole.samples[..<common])) < 1e-6)
    }

    @Test(arguments: [0, 1, 2])
    func `a sound of next to nothing has the length of the formula`(count: Int) throws {
        let input = AudioBuffer(samples: [Float](repeating: 0.25, count: count), sampleRate: 8_000)
        #expect(try input.resampled(to: 24_000).samples.count == 3 * count)
        #expect(try input.resampled(to: 1_000).samples.count == min(count, 1))
    }

    @Test func `a rate that no recording has is refused`() {
        let input = AudioBuffer(samples: [0, 1], sampleRate: 24_000)
        #expect(throws: AudioFileError.unsupportedRate(1)) { try input.resampled(to: 1) }
    }
}
