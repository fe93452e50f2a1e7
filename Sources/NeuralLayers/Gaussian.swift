/// Normally distributed values from a seed (Box and Muller, "A note on the generation of random normal
/// deviates", 1958).
package struct GaussianSource: Sendable {
    private var random: SplitMix64
    private var spare: Float?

    package init(seed: UInt64) { random = SplitMix64(seed: seed) }

    /// The next value, of mean 0 and variance 1.
    package mutating func next() -> Float {
        if let value = spare {
            spare = nil
            return value
        }
        // 1 - u lies in (0, 1], so its logarithm is finite.
        let radius = (-2 * logarithm(1 - random.unit())).squareRoot()
        let angle = 2 * Double.pi * random.unit()
        spare = Float(radius * sine(angle))
        return Float(radius * cosine(angle))
    }

    /// `count` values.
    package mutating func next(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }
}
