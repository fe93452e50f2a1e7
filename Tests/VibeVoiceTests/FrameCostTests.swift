import Checkpoints
import TensorGraph
import Testing
import VibeVoice

/// What a frame costs, from the released shapes.
@Suite struct FrameCostTests {
    private func cost(_ kind: SyntheticVibeVoice.Kind, _ type: ElementType?) -> VibeVoiceCost {
        let tensors = SyntheticVibeVoice(kind).entries.map { entry in
            let role: WeightRole =
                entry.name.contains("tokenizer")
                ? .codecMatrix : entry.name.contains("head") ? .diffusion : .matrix
            return (entry.name, entry.shape, ElementType.bf16, entry.shape.count < 2 ? .vector : role)
        }
        return VibeVoiceCost(tensors, Precision(type))
    }

    @Test
    func `a frame of the realtime model reads the upper stack and decodes 1.8 thousand million products`() {
        let cost = cost(.realtime, nil)
        #expect(abs(Double(cost.languageBytes) / 2 - 298.2e6) < 1e6)
        #expect(abs(Double(cost.textBytes) / 2 - 59.6e6) < 1e6)
        #expect(abs(Double(cost.decoder.bytes) / 2 - 343.7e6) < 1e6)
        #expect(abs(Double(cost.decoder.products) - 1.8e9) < 0.1e9)
        // Less what is made of conditions and steps once.
        #expect(Double(cost.headBytes) / 2 < 42.1e6 && Double(cost.headBytes) / 2 > 38e6)
        #expect(cost.semantic.products == 0)
    }

    @Test func `a frame of the long-form model is heard again by an encoder that costs as much as decoding`()
    {
        let cost = cost(.long, .q8_0)
        #expect(abs(Double(cost.languageBytes) * 32 / 34 - 1310e6) < 3e6)
        #expect(abs(Double(cost.semantic.products) / Double(cost.decoder.products) - 1) < 0.05)
    }
}
