/// How near a run of ours comes to the authors' own, stage by stage.
public struct ParityReport: Sendable {
    /// One stage compared.
    public struct Stage: Sendable, Codable {
        /// The golden file's key.
        public let name: String
        /// Row-major, of the golden value.
        public let shape: [Int]
        /// Largest difference over the largest golden value; for ids and codes, the share that differ.
        public let difference: Double
        /// What it may be.
        public let bound: Double
        /// Whether it is.
        public var passed: Bool { difference <= bound }
    }

    /// Every stage, in the order compared.
    public private(set) var stages: [Stage] = []

    /// Whether every stage is within its bound.
    public var passed: Bool { !stages.isEmpty && stages.allSatisfy(\.passed) }

    package init() {}

    /// Compares values; a difference of shape or a value that is not finite counts as infinite.
    package mutating func compare(_ name: String, _ ours: [Float], _ golden: [Float], shape: [Int], bound: Double) {
        var difference = ours.count == golden.count ? 0.0 : Double.infinity
        if difference == 0 {
            var (largest, peak) = (0.0, 0.0)
            for (a, b) in zip(ours, golden) {
                guard a.isFinite && b.isFinite || a == b else {
                    largest = .infinity
                    break
                }
                if a != b { largest = max(largest, abs(Double(a) - Double(b))) }
                if b.isFinite { peak = max(peak, abs(Double(b))) }
            }
            difference = largest == 0 ? 0 : largest / max(peak, 1e-12)
        }
        stages.append(Stage(name: name, shape: shape, difference: difference, bound: bound))
    }

    /// Compares ids or codes, which must be the same.
    package mutating func compare(_ name: String, _ ours: [Int32], _ golden: [Int32], shape: [Int]) {
        let wrong = zip(ours, golden).filter { $0 != $1 }.count + abs(ours.count - golden.count)
        let share = golden.isEmpty && ours.isEmpty ? 0 : Double(wrong) / Double(max(golden.count, 1))
        stages.append(Stage(name: name, shape: shape, difference: share, bound: 0))
    }
}
