/// Joins segments so that nobody hears where: a segment that breaks off above silence fades out over a few
/// milliseconds, the next fades in, and a short pause stands between them where the speech itself left none.
package struct Seam {
    private let fade: Int
    private let pause: Int
    private var held: [Float] = []
    private var isFirstSegment = true
    private var position = 0

    /// A seam for sound of `sampleRate` samples a second.
    package init(sampleRate: Int) {
        fade = sampleRate / 200  // 5 ms
        pause = sampleRate / 8  // 125 ms, the pause between sentences of brisk speech
    }

    /// Says that the next samples begin a segment.
    package mutating func beginSegment() {
        if position > 0 { isFirstSegment = false }
        position = 0
    }

    /// The samples to send now. The last few of a segment are held back until it is known to have ended.
    package mutating func pass(_ samples: [Float], endOfSegment: Bool, isLast: Bool) -> [Float] {
        var all = held + samples
        if !isFirstSegment {
            for index in 0..<min(all.count, max(0, fade - position)) {
                all[index] *= Float(position + index) / Float(fade)
            }
        }
        guard !endOfSegment else {
            held = []
            position += all.count
            return isLast ? all : closed(all)
        }
        let kept = min(fade, all.count)
        held = Array(all.suffix(kept))
        all.removeLast(kept)
        position += all.count
        return all
    }

    private func closed(_ samples: [Float]) -> [Float] {
        var samples = samples
        let count = min(fade, samples.count)
        for index in 0..<count {
            samples[samples.count - count + index] *= Float(count - 1 - index) / Float(max(count, 1))
        }
        let quiet = samples.reversed().prefix(pause).prefix { abs($0) < 0.003 }.count
        return samples + [Float](repeating: 0, count: pause - quiet)
    }
}
