import Foundation

/// The logarithm of short-time magnitudes, gathered into bands that are even on the mel scale.
///
/// Filters are Slaney's, in scale and in area (librosa's default). Frames are not centred: frame f starts at
/// sample `f * hop` of the padded signal.
package struct MelSpectrogram: Sendable {
    /// What a model's front end asks for; there are no defaults, for no two models agree.
    package struct Settings: Sendable, Equatable {
        /// Samples per second.
        package var sampleRate: Int
        /// Samples of a transform; a power of two.
        package var transformSize: Int
        /// Samples of the periodic Hann window, in the middle of the transform.
        package var window: Int
        /// Samples from one frame to the next.
        package var hop: Int
        /// Mel bands.
        package var bins: Int
        /// Where the first band begins, in Hz.
        package var lowestFrequency: Double
        /// Where the last band ends, in Hz.
        package var highestFrequency: Double
        /// Samples mirrored at either end, the edge sample not repeated.
        package var reflectedSamples: Int
        /// Added to the squared magnitude under the root.
        package var magnitudeFloor: Double
        /// The least value whose logarithm is taken.
        package var logarithmFloor: Double

        /// Settings.
        package init(
            sampleRate: Int, transformSize: Int, window: Int, hop: Int, bins: Int, lowestFrequency: Double,
            highestFrequency: Double, reflectedSamples: Int, magnitudeFloor: Double, logarithmFloor: Double
        ) {
            self.sampleRate = sampleRate
            self.transformSize = transformSize
            self.window = window
            self.hop = hop
            self.bins = bins
            self.lowestFrequency = lowestFrequency
            self.highestFrequency = highestFrequency
            self.reflectedSamples = reflectedSamples
            self.magnitudeFloor = magnitudeFloor
            self.logarithmFloor = logarithmFloor
        }
    }

    /// What it was made with.
    package let settings: Settings
    private let transform: FourierTransform
    private let window: [Double]
    private let filters: [Band]

    /// A triangle over neighbouring bins of the transform.
    private struct Band: Sendable {
        let first: Int
        let weights: [Double]
    }

    /// Prepares window and filters.
    package init(_ settings: Settings) {
        precondition(
            settings.hop > 0 && settings.bins > 0 && settings.reflectedSamples >= 0
                && (1...settings.transformSize).contains(settings.window)
                && settings.lowestFrequency >= 0 && settings.lowestFrequency < settings.highestFrequency,
            "settings of a mel spectrogram that contradict themselves: \(settings)")
        self.settings = settings
        transform = FourierTransform(size: settings.transformSize)
        var window = [Double](repeating: 0, count: settings.transformSize)
        let start = (settings.transformSize - settings.window) / 2
        for i in 0..<settings.window {
            window[start + i] = 0.5 - 0.5 * cos(2 * .pi * Double(i) / Double(settings.window))
        }
        self.window = window
        filters = Self.filters(settings)
    }

    /// The fewest samples that make a frame, and that can be mirrored.
    package var minimumSamples: Int {
        max(settings.reflectedSamples + 1, settings.transformSize - 2 * settings.reflectedSamples)
    }

    /// Frames made of `samples` samples.
    package func frames(of samples: Int) -> Int {
        guard samples >= minimumSamples else { return 0 }
        return 1 + (samples + 2 * settings.reflectedSamples - settings.transformSize) / settings.hop
    }

    /// The natural logarithm of the mel magnitudes of `samples`, at least `minimumSamples` of them:
    /// `values` is [frames, bins] in rows.
    package func callAsFunction(_ samples: [Float]) -> (values: [Float], frames: Int) {
        precondition(
            samples.count >= minimumSamples, "\(samples.count) samples, where \(minimumSamples) are needed")
        let frames = frames(of: samples.count)
        var values: [Float] = []
        values.reserveCapacity(frames * settings.bins)
        var signal = [Double](repeating: 0, count: settings.transformSize)
        for frame in 0..<frames {
            let start = frame * settings.hop - settings.reflectedSamples
            for i in signal.indices {
                signal[i] = window[i] * Double(samples[mirrored(start + i, samples.count)])
            }
            let magnitudes = transform.power(signal).map { ($0 + settings.magnitudeFloor).squareRoot() }
            for band in filters {
                var sum = 0.0
                for (i, weight) in band.weights.enumerated() { sum += weight * magnitudes[band.first + i] }
                values.append(Float(log(max(sum, settings.logarithmFloor))))
            }
        }
        return (values, frames)
    }

    /// The sample that position `i` of the unpadded signal stands for.
    private func mirrored(_ i: Int, _ count: Int) -> Int {
        if i < 0 { return -i }
        return i < count ? i : 2 * (count - 1) - i
    }

    /// Triangles between neighbours of `bins + 2` points evenly spaced in mel, each of unit area in Hz.
    private static func filters(_ settings: Settings) -> [Band] {
        let (low, high) = (mel(settings.lowestFrequency), mel(settings.highestFrequency))
        let points = (0..<settings.bins + 2).map {
            hertz(low + (high - low) * Double($0) / Double(settings.bins + 1))
        }
        let width = Double(settings.sampleRate) / Double(settings.transformSize)
        return (0..<settings.bins).map { m in
            let (left, middle, right) = (points[m], points[m + 1], points[m + 2])
            let inside = (0...settings.transformSize / 2).filter {
                (left...right).contains(width * Double($0))
            }
            let weights = inside.map { bin in
                let f = width * Double(bin)
                let height = min((f - left) / (middle - left), (right - f) / (right - middle))
                return max(0, height) * 2 / (right - left)
            }
            return Band(first: inside.first ?? 0, weights: weights)
        }
    }

    /// Slaney's mel scale: linear to 1000 Hz, then 27 mels to each factor of 6.4.
    package static func mel(_ hertz: Double) -> Double {
        hertz < 1000 ? 3 * hertz / 200 : 15 + 27 * log(hertz / 1000) / log(6.4)
    }

    /// The inverse of `mel`.
    package static func hertz(_ mel: Double) -> Double {
        mel < 15 ? 200 * mel / 3 : 1000 * exp((mel - 15) * log(6.4) / 27)
    }
}
