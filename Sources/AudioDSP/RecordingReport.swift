import Foundation
package import SpeechCore

/// Whether a recording is fit to clone a voice from, in numbers and in what follows from them.
///
/// Levels are taken over windows of 20 ms. A window is silent when it lies 40 dB below the loud ones (the 95th
/// percentile) or below -60 dB of full scale. The limits are our judgement; what a limit concerns is passed
/// along so that it can be said.
package struct RecordingReport: Sendable, Equatable {
    /// Why a recording cannot be used.
    package enum Problem: Sendable, Equatable {
        /// Not a single sample.
        case empty
        /// Under a tenth of a second.
        case tooShort(seconds: Double)
        /// Nothing above -60 dB of full scale.
        case silent
        /// A sample that is not a number, or infinite.
        case notFinite(sample: Int)
    }

    /// Why a recording may clone badly.
    package enum Warning: Sendable, Equatable {
        /// Under three seconds.
        case short(seconds: Double)
        /// Over thirty seconds: slow, and no better.
        case long(seconds: Double)
        /// This share of the samples stands at full scale.
        case clipped(share: Double)
        /// The loudest sample lies beyond full scale.
        case beyondFullScale(peak: Float)
        /// This share of the time is silence.
        case mostlySilent(share: Double)
        /// Over a second of silence first.
        case leadingSilence(seconds: Double)
        /// Over a second of silence last.
        case trailingSilence(seconds: Double)
        /// The level of what is not silence, in dB of full scale.
        case quiet(decibels: Double)
        /// Noise lies this little below the voice, in dB.
        case noisy(decibels: Double)
        /// The rate leaves nothing above half of it.
        case lowSampleRate(Int)
    }

    /// Length in seconds.
    package let duration: Double
    /// Samples per second.
    package let sampleRate: Int
    /// The greatest magnitude.
    package let peak: Float
    /// The root of the mean square over all, in dB of full scale; -120 at least.
    package let level: Double
    /// The same over the windows that are not silent.
    package let voiceLevel: Double
    /// The tenth percentile of the windows' levels: what is left where nobody speaks.
    package let noiseLevel: Double
    /// Share of the samples in runs of three or more at 0.999 of full scale or above.
    package let clippedShare: Double
    /// Share of the windows that are silent.
    package let silentShare: Double
    /// Silence before the first sound, in seconds.
    package let leadingSilence: Double
    /// Silence after the last sound, in seconds.
    package let trailingSilence: Double
    /// Why it cannot be used; empty when it can.
    package let problems: [Problem]
    /// Why it may clone badly; empty when there are problems.
    package private(set) var warnings: [Warning] = []

    /// Looks at a recording.
    package init(_ audio: AudioBuffer) {
        let bad = audio.samples.firstIndex { !$0.isFinite }
        let samples = bad == nil ? audio.samples : []
        let windows = Windows(samples, sampleRate: audio.sampleRate)
        duration = audio.duration
        sampleRate = audio.sampleRate
        peak = samples.reduce(0) { max($0, abs($1)) }
        level = Windows.decibels(samples[...])
        voiceLevel = windows.voiceLevel
        noiseLevel = windows.percentile(0.1)
        clippedShare = Self.clippedShare(samples)
        silentShare = windows.silentShare
        leadingSilence = windows.leadingSilence
        trailingSilence = windows.trailingSilence
        var problems: [Problem] = []
        if audio.samples.isEmpty {
            problems.append(.empty)
        } else if audio.duration < 0.1 {
            problems.append(.tooShort(seconds: audio.duration))
        }
        if let bad { problems.append(.notFinite(sample: bad)) }
        if !samples.isEmpty, peak < 1e-3 { problems.append(.silent) }
        self.problems = problems
        if problems.isEmpty { warnings = doubts(windows) }
    }

    private func doubts(_ windows: Windows) -> [Warning] {
        let contrast = windows.percentile(0.95) - noiseLevel
        let all: [(Bool, Warning)] = [
            (duration < 3, .short(seconds: duration)),
            (duration > 30, .long(seconds: duration)),
            (clippedShare > 0.001, .clipped(share: clippedShare)),
            (peak > 1.001, .beyondFullScale(peak: peak)),
            (silentShare > 0.5, .mostlySilent(share: silentShare)),
            (leadingSilence > 1, .leadingSilence(seconds: leadingSilence)),
            (trailingSilence > 1, .trailingSilence(seconds: trailingSilence)),
            (voiceLevel < -40, .quiet(decibels: voiceLevel)),
            (contrast < 15, .noisy(decibels: contrast)),
            (sampleRate < 16_000, .lowSampleRate(sampleRate)),
        ]
        return all.filter(\.0).map(\.1)
    }

    /// A flat top is what clipping leaves; a single sample at full scale is a loud voice.
    private static func clippedShare(_ samples: [Float]) -> Double {
        var (clipped, run) = (0, 0)
        for x in samples {
            run = abs(x) >= 0.999 ? run + 1 : 0
            if run == 3 { clipped += 3 } else if run > 3 { clipped += 1 }
        }
        return samples.isEmpty ? 0 : Double(clipped) / Double(samples.count)
    }
}

/// The levels of a recording over windows of 20 ms, the last one perhaps shorter.
private struct Windows {
    /// dB of full scale, in time.
    let levels: [Double]
    private let sorted: [Double]
    private let silence: Double
    private let seconds: Double

    init(_ samples: [Float], sampleRate: Int) {
        let size = max(1, sampleRate / 50)
        levels = stride(from: 0, to: samples.count, by: size).map {
            Self.decibels(samples[$0..<min($0 + size, samples.count)])
        }
        sorted = levels.sorted()
        seconds = Double(size) / Double(sampleRate)
        let loud = sorted.isEmpty ? -120 : sorted[Int(0.95 * Double(sorted.count - 1))]
        silence = max(-60, loud - 40)
    }

    /// The root of the mean square, in dB of full scale; -120 for nothing.
    static func decibels(_ samples: ArraySlice<Float>) -> Double {
        let power = samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, samples.count))
        return max(-120, 10 * log10(max(power, 1e-12)))
    }

    /// The level that this share of the windows stays below.
    func percentile(_ share: Double) -> Double {
        sorted.isEmpty ? -120 : sorted[Int(share * Double(sorted.count - 1))]
    }

    /// The mean power of the windows that are not silent, in dB.
    var voiceLevel: Double {
        let loud = levels.filter { $0 >= silence }
        guard !loud.isEmpty else { return -120 }
        return 10 * log10(loud.reduce(0) { $0 + pow(10, $1 / 10) } / Double(loud.count))
    }

    var silentShare: Double {
        levels.isEmpty ? 0 : Double(levels.count { $0 < silence }) / Double(levels.count)
    }

    var leadingSilence: Double { seconds * Double(levels.prefix { $0 < silence }.count) }
    var trailingSilence: Double { seconds * Double(levels.reversed().prefix { $0 < silence }.count) }
}
