/// Decodes ids as they come. A character whose bytes are spread over several tokens is held back until it is whole.
package struct TextStream: Sendable {
    private let tokenizer: BytePairTokenizer
    private let skippingSpecial: Bool
    private var pending: [UInt8] = []

    init(tokenizer: BytePairTokenizer, skippingSpecial: Bool) {
        self.tokenizer = tokenizer
        self.skippingSpecial = skippingSpecial
    }

    /// Takes an id and gives the text that is certain by now, possibly none.
    package mutating func append(_ id: Int32) -> String {
        tokenizer.append(id, to: &pending, skippingSpecial: skippingSpecial)
        let end = pending.count - Self.lengthOfUnfinished(pending)
        defer { pending.removeFirst(end) }
        return String(decoding: pending[..<end], as: UTF8.self)
    }

    /// Gives what was held back; an unfinished character is U+FFFD.
    package mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// How many bytes at the end, 3 at most, begin a character that further bytes may finish.
    private static func lengthOfUnfinished(_ bytes: [UInt8]) -> Int {
        for (index, byte) in bytes.reversed().prefix(3).enumerated() {
            switch byte {
            case 0x80..<0xC0: continue
            case 0xC0..<0xE0: return index < 1 ? index + 1 : 0
            case 0xE0..<0xF0: return index < 2 ? index + 1 : 0
            case 0xF0..<0xF8: return index + 1
            default: return 0
            }
        }
        return 0
    }
}
