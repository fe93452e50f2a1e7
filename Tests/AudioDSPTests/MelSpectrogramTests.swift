import AudioDSP
import Foundation
import Testing

@Suite struct MelSpectrogramTests {
    static let settings = MelSpectrogram.Settings(
        sampleRate: 24_000, transformSize: 1024, window: 1024, hop: 256, bins: 128, lowestFrequency: 0,
        highestFrequency: 12_000, reflectedSamples: 384, magnitudeFloor: 1e-9, logarithmFloor: 1e-5)

    @Test func `mel values are those of the reference front end`() throws {
        let expected = try fixture("mel.f32")
        let (values, frames) = MelSpectrogram(Self.settings)(try fixture("mel-audio.f32"))
        #expect(frames == 46)
        #expect(values.count == expected.count)
        for (value, wanted) in zip(values, expected) {
            #expect(abs(value - wanted) <= 1e-4 * max(1, abs(wanted)))
        }
    }

    @Test(arguments: [(384, 0), (385, 1), (512, 2), (767, 2), (768, 3)])
    func `frames are counted as hops in the signal`(samples: Int, frames: Int) {
        let mel = MelSpectrogram(Self.settings)
        #expect(mel.frames(of: samples) == frames)
        if frames > 0 {
            #expect(mel([Float](repeating: 0.5, count: samples)).frames == frames)
        }
    }

    @Test(arguments: [4, 8, 64, 512])
    func `the transform is the sum that defines it`(size: Int) {
        var random = SplitMix(state: 3)
        let signal: [Double] = (0..<size).map { _ in Double.random(in: -1...1, using: &random) }
        let power = FourierTransform(size: size).power(signal)
        #expect(power.count == size / 2 + 1)
        for (k, value) in power.enumerated() {
            var (re, im) = (0.0, 0.0)
            for (i, x) in signal.enumerated() {
                let turn = Double((i * k) % size) / Double(size)
                let angle: Double = -2 * .pi * turn
                re += x * cos(angle)
                im += x * sin(angle)
            }
            #expect(abs(value - (re * re + im * im)) < 1e-9 * Double(size))
        }
    }

    @Test func `the mel scale turns at 1000 Hz and back`() {
        #expect(MelSpectrogram.mel(1000) == 15)
        for f in [0.0, 60, 999, 1000, 6400, 12_000] {
            #expect(abs(MelSpectrogram.hertz(MelSpectrogram.mel(f)) - f) < 1e-8)
        }
    }
}
