package import SpeechCore

/// Draws tokens from logits as transformers' processors do, in their order.
///
/// One sampler belongs to one session: its random source is a function of the seed and of how often it was asked,
/// never of what else is in the batch.
///
/// Logits that are no numbers count as impossible. Where nothing is left to draw (a model gone wrong, or rules
/// that exclude everything) the end token is drawn if it may come, so that an utterance ends rather than goes on
/// in noise; else the first token that is not suppressed.
package struct Sampler: Sendable {
    private var random: SplitMix64
    private var scores: [Float] = []
    private var order: [Int32] = []
    /// One for each token, false between draws.
    private var isMarked: [Bool] = []

    package init(seed: UInt64) { random = SplitMix64(seed: seed) }

    /// What stands between logits and a draw.
    package struct Rules: Sendable {
        package var sampling: Sampling
        /// Divides positive and multiplies negative scores of tokens already drawn; 1 is none.
        package var repetitionPenalty: Float = 1
        /// Tokens never drawn.
        package var suppressed: Range<Int> = 0..<0
        /// Drawn although it lies in the suppressed range (the end token), once `minimumDraws` were made.
        package var end: Int?
        /// Draws before the end token may come.
        package var minimumDraws = 0

        package init(_ sampling: Sampling) { self.sampling = sampling }
    }

    /// One draw.
    ///
    /// - Parameters:
    ///   - history: what this rule set has drawn before, for penalty and minimum.
    /// - Returns: the token's index.
    package mutating func draw(_ logits: UnsafeBufferPointer<Float>, _ rules: Rules, history: [Int32] = [])
        -> Int
    {
        process(logits, rules, history)
        guard let best = greatest() else { return Self.fallback(rules, history, count: logits.count) }
        return rules.sampling.isRandom ? pick(top: scores[best]) : best
    }

    /// The distribution that a draw would be made from; for tests.
    package mutating func probabilities(_ logits: [Float], _ rules: Rules, history: [Int32]) -> [Float] {
        logits.withUnsafeBufferPointer { process($0, rules, history) }
        var weights = [Float](repeating: 0, count: logits.count)
        guard let best = greatest() else {
            weights[Self.fallback(rules, history, count: logits.count)] = 1
            return weights
        }
        for index in scores.indices { weights[index] = Float(Self.weight(scores[index], top: scores[best])) }
        let total = weights.reduce(0, +)
        return weights.map { $0 / total }
    }

    private mutating func process(_ logits: UnsafeBufferPointer<Float>, _ rules: Rules, _ history: [Int32]) {
        scores.removeAll(keepingCapacity: true)
        scores.append(contentsOf: logits)
        for index in scores.indices where scores[index].isNaN { scores[index] = -.infinity }
        if rules.repetitionPenalty != 1 { penalise(rules.repetitionPenalty, history) }
        for token in rules.suppressed.clamped(to: scores.indices) where token != rules.end {
            scores[token] = -.infinity
        }
        if let end = rules.end, scores.indices.contains(end), history.count < rules.minimumDraws {
            scores[end] = -.infinity
        }
        guard rules.sampling.isRandom else { return }
        if rules.sampling.temperature != 1 {
            for index in scores.indices { scores[index] /= rules.sampling.temperature }
        }
        if rules.sampling.topK > 0, rules.sampling.topK < scores.count { keepBest(rules.sampling.topK) }
        if rules.sampling.topP < 1 { keepMass(rules.sampling.topP) }
    }

    /// Once for each distinct token, however often it was drawn.
    private mutating func penalise(_ penalty: Float, _ history: [Int32]) {
        if isMarked.count != scores.count { isMarked = [Bool](repeating: false, count: scores.count) }
        for token in history.lazy.map(Int.init) where scores.indices.contains(token) && !isMarked[token] {
            isMarked[token] = true
            scores[token] = scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty
        }
        for token in history.lazy.map(Int.init) where isMarked.indices.contains(token) {
            isMarked[token] = false
        }
    }

    /// The k best stay, and what ties with the last of them.
    private mutating func keepBest(_ k: Int) {
        // A heap of the k best so far, its least on top: one pass, and most scores fall at the first comparison.
        var heap = Array(scores[0..<k])
        for start in stride(from: k / 2, through: 0, by: -1) { Self.sink(&heap, start) }
        for score in scores[k...] where score > heap[0] {
            heap[0] = score
            Self.sink(&heap, 0)
        }
        let threshold = heap[0]
        for index in scores.indices where scores[index] < threshold { scores[index] = -.infinity }
    }

    private static func sink(_ heap: inout [Float], _ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    /// From the least likely up, what lies within the first 1 - p of the mass goes; the likeliest always stays.
    private mutating func keepMass(_ p: Float) {
        order.removeAll(keepingCapacity: true)
        for index in scores.indices where scores[index] > -.infinity { order.append(Int32(index)) }
        let scores = scores
        order.sort { scores[Int($0)] < scores[Int($1)] }
        guard let last = order.last else { return }
        let top = scores[Int(last)]
        let weights = order.map { Float(Self.weight(scores[Int($0)], top: top)) }
        let total = weights.reduce(0, +)
        var mass: Float = 0
        for (rank, token) in order.dropLast().enumerated() {
            mass += weights[rank] / total
            if mass <= 1 - p { self.scores[Int(token)] = -.infinity }
        }
    }

    /// The first of the best scores; nil when every score is -inf.
    private func greatest() -> Int? {
        var (best, top) = (-1, -Float.infinity)
        for (index, score) in scores.enumerated() where score > top { (best, top) = (index, score) }
        return best < 0 ? nil : best
    }

    /// What is drawn when nothing can be.
    private static func fallback(_ rules: Rules, _ history: [Int32], count: Int) -> Int {
        if let end = rules.end, end < count, history.count >= rules.minimumDraws { return end }
        return (0..<count).first { !rules.suppressed.contains($0) && $0 != rules.end } ?? 0
    }

    /// e^(score - top), where both may be infinite.
    private static func weight(_ score: Float, top: Float) -> Double {
        score == top ? 1 : exponential(Double(score - top))
    }

    private mutating func pick(top: Float) -> Int {
        var total = 0.0
        for score in scores where score > -.infinity { total += Self.weight(score, top: top) }
        var left = random.unit() * total
        var last = 0
        for index in scores.indices where scores[index] > -.infinity {
            left -= Self.weight(scores[index], top: top)
            last = index
            if left < 0 { break }
        }
        return last
    }
}

/// A small seeded generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
