import AudioDSP
import SpeechCore
import Testing

@Suite struct RecordingReportTests {
    /// Half a second of voice and 0.1 s of faint hiss in turn.
    private func recording(seconds: Double, rate: Int = 24_000, gain: Float = 1) -> AudioBuffer {
        var random = SplitMix(state: 1)
        let voice = voiceLike(seconds: seconds, rate: rate)
        let samples = voice.enumerated().map { i, x in
            let isPause =
                Double(i) / Double(rate) * 10 - 6 * (Double(i) / Double(rate) / 0.6).rounded(.down) >= 5
            return gain * (isPause ? 0 : x) + gain * Float.random(in: -1e-3...1e-3, using: &random)
        }
        return AudioBuffer(samples: samples, sampleRate: rate)
    }

    private func silence(_ seconds: Double) -> [Float] { [Float](repeating: 0, count: Int(seconds * 24_000)) }

    @Test func `a good recording has nothing said against it`() {
        let report = RecordingReport(recording(seconds: 6))
        #expect(report.problems.isEmpty && report.warnings.isEmpty)
        #expect(report.duration == 6 && report.sampleRate == 24_000)
        #expect((0.3...0.5).contains(report.peak))
        #expect((-20...(-10)).contains(report.voiceLevel) && report.noiseLevel < -60)
        #expect(report.clippedShare == 0)
    }

    @Test func `what cannot be used is said`() {
        #expect(RecordingReport(AudioBuffer(samples: [], sampleRate: 24_000)).problems == [.empty])
        let short = AudioBuffer(samples: [Float](repeating: 0.5, count: 1200), sampleRate: 24_000)
        #expect(RecordingReport(short).problems == [.tooShort(seconds: 0.05)])
        let still = RecordingReport(AudioBuffer(samples: silence(5), sampleRate: 24_000))
        #expect(still.problems == [.silent] && still.warnings.isEmpty && still.level == -120)
        var broken = recording(seconds: 4)
        broken.samples[77] = .nan
        #expect(RecordingReport(broken).problems == [.notFinite(sample: 77)])
    }

    @Test func `length and rate outside of the usual are warned of`() {
        #expect(RecordingReport(recording(seconds: 2)).warnings == [.short(seconds: 2)])
        #expect(RecordingReport(recording(seconds: 31)).warnings == [.long(seconds: 31)])
        #expect(RecordingReport(recording(seconds: 4, rate: 8_000)).warnings == [.lowSampleRate(8_000)])
    }

    @Test func `flat tops are clipping, a touch of full scale is not`() {
        var loud = recording(seconds: 4)
        loud.samples[5] = 1
        #expect(RecordingReport(loud).clippedShare == 0)
        for i in 0..<960 { loud.samples[1000 + i] = 1 }
        let report = RecordingReport(loud)
        #expect(report.clippedShare == 0.01 && report.warnings == [.clipped(share: 0.01)])
        loud.samples[5] = 40
        #expect(RecordingReport(loud).warnings.contains(.beyondFullScale(peak: 40)))
    }

    @Test func `silence around the voice is measured`() {
        let sound = silence(2) + recording(seconds: 3).samples.prefix(71_000) + silence(3)
        let report = RecordingReport(AudioBuffer(samples: sound, sampleRate: 24_000))
        #expect(abs(report.leadingSilence - 2) < 0.05 && abs(report.trailingSilence - 3) < 0.2)
        #expect(report.silentShare > 0.6)
        #expect(report.warnings.count == 3)
    }

    @Test func `a whisper is quiet and a hum is noise`() {
        let quiet = RecordingReport(recording(seconds: 4, gain: 0.02))
        #expect(quiet.warnings.contains(.quiet(decibels: quiet.voiceLevel)) && quiet.voiceLevel < -40)
        var hum = recording(seconds: 4)
        for i in hum.samples.indices { hum.samples[i] += i % 240 < 120 ? 0.15 : -0.15 }
        let noisy = RecordingReport(hum)
        #expect(noisy.warnings.count == 1)
        guard case .noisy(let decibels)? = noisy.warnings.first else {
            Issue.record("no noise found in \(noisy)")
            return
        }
        #expect((3...12).contains(decibels))
    }
}
