extension ParityReport.Stage {
    /// The name less the case before it and the step after it.
    fileprivate var kind: String {
        var parts = name.split(separator: "/").map(String.init)
        if let last = parts.last, Int(last) != nil { parts.removeLast() }
        let whole = ["codec_decode", "codec_encode", "sampler", "text"]
        if parts.count > 1, let first = parts.first, !whole.contains(first),
            !Self.speakerStages.contains(parts[1])
        {
            parts.removeFirst()
        }
        let kind = parts.joined(separator: "/")
        guard let range = kind.firstRange(of: "logits_") else { return kind }
        return String(kind[..<range.upperBound].dropLast())
    }

    /// `speaker` may be the speaker encoder or a case of that name.
    private static let speakerStages: Set<String> = [
        "mel", "block_0", "block_1", "block_1_res2net", "block_2", "block_3", "mfa", "asp", "embedding",
    ]
}

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

    /// The stages of one kind together: the worst of `talker/logits` over all cases and steps.
    public var summary: [(kind: String, stages: Int, worst: Stage)] {
        var order: [String] = []
        var kinds: [String: [Stage]] = [:]
        for stage in stages {
            let kind = stage.kind
            if kinds[kind] == nil { order.append(kind) }
            kinds[kind, default: []].append(stage)
        }
        return order.compactMap { kind in
            guard let all = kinds[kind], let worst = all.max(by: { $0.difference < $1.difference }) else {
                return nil
            }
            return (kind, all.count, worst)
        }
    }

    package init() {}

    /// Compares values; a difference of shape or a value that is not finite counts as infinite.
    package mutating func compare(
        _ name: String, _ ours: [Float], _ golden: [Float], shape: [Int], bound: Double
    ) {
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
