import Mynah
import SpeechCore
import Testing

struct SmallerOptionTests {
    private let large = ModelPlace(name: "large", path: "/large", origin: .hub, bytes: nil)
    private let small = ModelPlace(name: "small", path: "/small", origin: .hub, bytes: nil)
    private let bundled = ModelPlace(name: "bundled", path: "/bundled", origin: .bundled, bytes: nil)

    private func advice(available: Int, asked: Quantization? = nil) -> String? {
        let sizes: [Quantization?: Int] = [
            nil: 4_000_000_000, .f16: 4_000_000_000, .q8Zero: 2_500_000_000, .q6K: 2_000_000_000,
            .q5K: 1_800_000_000, .q4K: 1_500_000_000,
        ]
        let option = SmallerOption(
            footprint: { place, rounding in
                place.name == "bundled" ? 1 : sizes[rounding].map { place.name == "small" ? $0 / 3 : $0 }
            }, available: available)
        return option.advice(for: large, asked: asked, among: [large, small, bundled])
    }

    @Test func `the finest rounding that fits is named with what it takes`() {
        #expect(advice(available: 3_000_000_000) == "Use --quantize q8_0: it takes 2500 MB.")
        #expect(advice(available: 1_900_000_000) == "Use --quantize q5_k: it takes 1800 MB.")
        #expect(advice(available: 1_900_000_000, asked: .q8Zero) == "Use --quantize q5_k: it takes 1800 MB.")
    }

    @Test func `when no rounding fits another model is named, and never the bundled one`() {
        #expect(advice(available: 1_400_000_000) == "Use -m small: it takes 1333 MB.")
        #expect(advice(available: 1_000_000) == nil)
    }

    @Test func `the error gives both numbers`() {
        let error = SpeechError.doesNotFit(need: 4_000_000_000, available: 3_000_000_000, alternative: nil)
        #expect(error.code == .notEnoughMemory)
        #expect(error.message.contains("4000 MB") && error.message.contains("3000 MB"))
    }
}
