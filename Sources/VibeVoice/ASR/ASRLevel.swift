/// The level that the model was trained at: -25 dB of full scale over the whole recording, then no peak beyond 1.
enum ASRLevel {
    private static let target = 0.05623413251903491  // 10^(-25/20)
    private static let least = 1e-6

    /// Recordings whose loudest sample lies below this hold nothing but noise of the converter: -80 dB.
    static let silence: Float = 1e-4

    static func normalised(_ samples: [Float]) -> [Float] {
        let power = samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, samples.count))
        let gain = Float(target / (power.squareRoot() + least))
        let levelled = samples.map { $0 * gain }
        let peak = levelled.reduce(Float(0)) { max($0, abs($1)) }
        guard peak > 1 else { return levelled }
        return levelled.map { $0 / (peak + Float(least)) }
    }
}
