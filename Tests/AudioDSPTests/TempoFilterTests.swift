import AudioDSP
import Foundation
import SpeechCore
import Testing

@Suite struct TempoFilterTests {
    private let rate = 24_000

    private func tone(_ hertz: Double, seconds: Double) -> [Float] {
        (0..<Int(seconds * Double(rate))).map {
            Float(0.4 * sin(2 * .pi * hertz * Double($0) / Double(rate)))
        }
    }

    private func change(_ samples: [Float], speed: Double, piece: Int) throws -> [Float] {
        let filter = try TempoFilter(sampleRate: rate, speed: speed)
        var changed: [Float] = []
        for start in stride(from: 0, to: samples.count, by: piece) {
            changed += try filter.change(Array(samples[start..<min(start + piece, samples.count)]))
        }
        return try changed + filter.finish()
    }

    /// The share of the sound's power that lies at one frequency.
    private func share(of hertz: Double, in samples: [Float]) -> Double {
        var (real, imaginary, power) = (0.0, 0.0, 0.0)
        for (index, x) in samples.enumerated() {
            let angle = 2 * .pi * hertz * Double(index) / Double(rate)
            real += Double(x) * cos(angle)
            imaginary += Double(x) * sin(angle)
            power += Double(x) * Double(x)
        }
        return 2 * (real * real + imaginary * imaginary) / (Double(samples.count) * max(power, 1e-12))
    }

    @Test(arguments: [0.25, 0.4, 0.5, 0.8, 1.25, 2, 3, 4])
    func `speech takes its time divided by the speed, at the same pitch`(speed: Double) throws {
        let original = tone(300, seconds: 4)
        let changed = try change(original, speed: speed, piece: 1920)
        let ratio = Double(original.count) / Double(changed.count) / speed
        #expect(abs(ratio - 1) < 0.05, "\(changed.count) samples of \(original.count)")
        #expect(share(of: 300, in: changed) > 0.9)
        #expect(share(of: 300 * speed, in: changed) < 0.05)
    }

    @Test(arguments: [0.3, 0.7, 1.6, 3.5])
    func `pieces of any size give the same as the whole`(speed: Double) throws {
        let original = voiceLike(seconds: 1.5, rate: rate)
        let whole = try change(original, speed: speed, piece: original.count)
        #expect(try change(original, speed: speed, piece: 1920) == whole)
        #expect(try change(original, speed: speed, piece: 77) == whole)
    }

    @Test func `sound comes before the end`() throws {
        let filter = try TempoFilter(sampleRate: rate, speed: 1.5)
        let early = try filter.change(tone(300, seconds: 1))
        #expect(early.count > rate / 2)
    }

    @Test func `at a speed of one nothing changes`() throws {
        let original = voiceLike(seconds: 0.3, rate: rate)
        let filter = try TempoFilter(sampleRate: rate, speed: 1)
        #expect(try filter.change(original) == original)
        #expect(try filter.finish().isEmpty)
    }

    @Test func `nothing at all stays nothing, and little loses nothing`() throws {
        #expect(try change([], speed: 2, piece: 1).isEmpty)
        #expect(try !change([Float](repeating: 0.2, count: 4800), speed: 0.5, piece: 4800).isEmpty)
    }

    @Test(arguments: [0, -1, 0.2, 4.1, .nan, .infinity])
    func `other speeds are refused`(speed: Double) throws {
        #expect(throws: AudioFileError.self) { try TempoFilter(sampleRate: rate, speed: speed) }
        let filter = try TempoFilter(sampleRate: rate, speed: 2)
        #expect(throws: AudioFileError.notFinite(sample: 1)) { try filter.change([0, .infinity]) }
    }
}
