import Checkpoints
import Foundation
import NeuralLayers
import SpeechCore
import TensorGraph
import Testing

@Suite struct SamplerTests {
    private func rules(temperature: Float = 1, topK: Int = 0, topP: Float = 1) -> Sampler.Rules {
        Sampler.Rules(Sampling(temperature: temperature, topK: topK, topP: topP))
    }

    private var greedy: Sampler.Rules {
        Sampler.Rules(Sampling(isRandom: false, temperature: 1, topK: 0, topP: 1))
    }

    private func probabilities(_ logits: [Float], _ rules: Sampler.Rules, history: [Int32] = []) -> [Float] {
        var sampler = Sampler(seed: 0)
        return sampler.probabilities(logits, rules, history: history)
    }

    private func draw(
        _ sampler: inout Sampler, _ logits: [Float], _ rules: Sampler.Rules, _ history: [Int32] = []
    ) -> Int {
        logits.withUnsafeBufferPointer { sampler.draw($0, rules, history: history) }
    }

    @Test func `the distribution is the one transformers' processors leave`() throws {
        let file = try CheckpointFile(
            path: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Fixtures/qwen3-tts/tiny-base.golden.safetensors").path)
        func values(_ name: String) throws -> [Float] { Conversion.floats(try #require(file[name])) }
        let logits = try values("sampler/logits")
        let end = try #require(logits.firstIndex(of: 12))
        for index in 0..<4 {
            let history = try #require(file["sampler/\(index)/history"])
            let tokens = (0..<history.shape.reduce(1, *)).map {
                history.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)
            }
            let settings = try values("sampler/\(index)/settings")
            var rules = rules(temperature: settings[1], topK: Int(settings[2]), topP: settings[3])
            rules.repetitionPenalty = settings[0]
            rules.suppressed = logits.count - 1024..<logits.count
            rules.end = end
            rules.minimumDraws = 2
            let ours = probabilities(logits, rules, history: tokens)
            let golden = try values("sampler/\(index)/probabilities")
            #expect(ours.count == golden.count)
            for (token, pair) in zip(ours, golden).enumerated() {
                #expect(abs(pair.0 - pair.1) < 2e-6, "case \(index), token \(token)")
                #expect((pair.0 == 0) == (pair.1 == 0), "case \(index), token \(token)")
            }
        }
    }

    @Test func `tokens that tie with the last of the best stay`() {
        let kept = probabilities([5, 3, 3, 3, 1], rules(topK: 2)).map { $0 > 0 }
        #expect(kept == [true, true, true, true, false])
    }

    @Test func `the likeliest token stays however small the mass`() {
        let kept = probabilities([1, 4, 2], rules(topP: 1e-6))
        #expect(kept == [0, 1, 0])
    }

    @Test func `the mass kept is the smallest that reaches the share`() {
        let logits = [0.5, 0.3, 0.15, 0.05].map { Float(log($0)) }
        #expect(probabilities(logits, rules(topP: 0.79)).map { $0 > 0 } == [true, true, false, false])
        #expect(probabilities(logits, rules(topP: 0.81)).map { $0 > 0 } == [true, true, true, false])
    }

    @Test func `the penalty falls once on each distinct token, away from being drawn`() {
        var rules = rules()
        rules.repetitionPenalty = 2
        let once = probabilities([2, -2, 1], rules, history: [0, 1])
        #expect(probabilities([2, -2, 1], rules, history: [0, 1, 1, 0, 0]) == once)
        #expect(once == probabilities([1, -4, 1], self.rules()))
    }

    @Test func `marks of one draw's history do not reach the next`() {
        var (used, fresh) = (Sampler(seed: 1), Sampler(seed: 1))
        var rules = rules()
        rules.repetitionPenalty = 1.5
        let logits: [Float] = [2, 1, 3, -1]
        _ = used.probabilities(logits, rules, history: [0, 2])
        #expect(
            used.probabilities(logits, rules, history: [1])
                == fresh.probabilities(logits, rules, history: [1]))
    }

    @Test func `the end waits for its minimum and is exempt from suppression`() {
        var rules = greedy
        rules.suppressed = 2..<5
        rules.end = 4
        rules.minimumDraws = 2
        var sampler = Sampler(seed: 0)
        let logits: [Float] = [1, 2, 9, 8, 5]
        #expect(draw(&sampler, logits, rules, []) == 1)
        #expect(draw(&sampler, logits, rules, [1]) == 1)
        #expect(draw(&sampler, logits, rules, [1, 1]) == 4)
    }

    @Test func `what is no number is never drawn`() {
        var sampler = Sampler(seed: 3)
        for rules in [
            greedy, rules(), rules(topK: 2), rules(topP: 0.5), rules(temperature: 0.3, topK: 3, topP: 0.9),
        ] {
            for _ in 0..<50 {
                #expect([1, 3].contains(draw(&sampler, [.nan, 1, .nan, 2, -.infinity], rules)))
            }
        }
    }

    @Test func `an infinite score is drawn`() {
        var sampler = Sampler(seed: 4)
        for rules in [greedy, rules(), rules(topK: 2, topP: 0.5)] {
            #expect(draw(&sampler, [0, .infinity, 5], rules) == 1)
        }
    }

    @Test func `where nothing can be drawn the utterance ends, or waits for its minimum`() {
        var sampler = Sampler(seed: 5)
        for var rules in [greedy, rules(), rules(topK: 3, topP: 0.5)] {
            for nothing: Float in [.nan, -.infinity] {
                let logits = [Float](repeating: nothing, count: 6)
                rules.end = 5
                rules.suppressed = 0..<2
                rules.minimumDraws = 1
                #expect(draw(&sampler, logits, rules, []) == 2)
                #expect(draw(&sampler, logits, rules, [2]) == 5)
                rules.end = nil
                rules.suppressed = 0..<6
                #expect(draw(&sampler, logits, rules) == 0)
            }
        }
    }

    @Test func `draws repeat for a seed and differ for another`() {
        let logits = [Float](repeating: 0, count: 64)
        func draws(_ seed: UInt64) -> [Int] {
            var sampler = Sampler(seed: seed)
            return (0..<40).map { _ in draw(&sampler, logits, rules()) }
        }
        #expect(draws(7) == draws(7))
        #expect(draws(7) != draws(8))
    }

    @Test func `draws come as often as they are likely`() {
        let logits: [Float] = [2, 1, 0, -1, -.infinity, 1.5]
        let rules = rules(temperature: 0.8, topK: 4)
        let expected = probabilities(logits, rules)
        var (sampler, counts) = (Sampler(seed: 9), [Int](repeating: 0, count: logits.count))
        let draws = 20_000
        for _ in 0..<draws { counts[draw(&sampler, logits, rules)] += 1 }
        for (token, count) in counts.enumerated() {
            let p = Double(expected[token])
            let deviation = (p * (1 - p) / Double(draws)).squareRoot()
            #expect(abs(Double(count) / Double(draws) - p) <= 5 * deviation, "token \(token)")
        }
    }

    @Test func `greedy takes the first of the best and leaves the random source alone`() {
        var sampler = Sampler(seed: 0)
        #expect(draw(&sampler, [1, 3, 3, 2], greedy) == 1)
    }

    @Test func `a history of thousands costs no more than its length`() {
        var rules = greedy
        rules.repetitionPenalty = 1.05
        var sampler = Sampler(seed: 0)
        let logits = (0..<3072).map { Float($0 % 97) }
        let history = (0..<200_000).map { Int32($0 % 3072) }
        let start = ContinuousClock.now
        _ = draw(&sampler, logits, rules, history)
        #expect(ContinuousClock.now - start < .seconds(1))
    }
}
