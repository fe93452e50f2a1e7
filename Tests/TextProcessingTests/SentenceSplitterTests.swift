import Testing
import TextProcessing

@Suite struct SentenceSplitterTests {
    /// A token a grapheme that is no whitespace.
    private func split(_ text: String, _ budget: Int) -> [String] {
        SentenceSplitter(budget: budget) { $0.count { !$0.isWhitespace } }.split(text)
    }

    @Test func `sentences that fit stay together`() {
        #expect(split("One. Two! Three?", 100) == ["One. Two! Three?"])
        #expect(split("One two. Three four. Five six.", 17) == ["One two. Three four.", "Five six."])
    }

    @Test func `a paragraph's end is better than a later sentence's`() {
        #expect(
            split("Aaaa bbbb.\n\nCccc. Dddd eeee ffff.", 15) == ["Aaaa bbbb.", "Cccc.", "Dddd eeee ffff."])
        #expect(split("Aaaa bbbb.\nCccc. Dddd eeee ffff.", 15) == ["Aaaa bbbb.\nCccc.", "Dddd eeee ffff."])
    }

    @Test(arguments: [
        "Dr. Smith met J. R. Hartley at 3.14 p.m. on example.org today. X",
        "He said e.g. this and that... but no more. X",
        "It cost 1.000.000, i.e. too much, at 12.30. X", "Wait … what is it, Mr. Jones. X",
    ])
    func `a full stop inside a sentence ends none`(text: String) {
        let size = text.count { !$0.isWhitespace }
        #expect(split(text, size - 1) == [String(text.dropLast(2)), "X"])
    }

    @Test(arguments: [
        ("你好世界。今天天气很好！我们走吧？", ["你好世界。", "今天天气很好！", "我们走吧？"]),
        ("他说：“走吧。”然后走了。", ["他说：“走吧。”", "然后走了。"]),
        ("नमस्ते दुनिया। फिर मिलेंगे।", ["नमस्ते दुनिया।", "फिर मिलेंगे।"]),
        ("كيف حالك اليوم؟ أنا بخير شكرا۔", ["كيف حالك اليوم؟", "أنا بخير شكرا۔"]),
        ("“Go on now.” (She left.) Then", ["“Go on now.”", "(She left.)", "Then"]),
    ])
    func `sentences end in every script, their closing quotes with them`(text: String, pieces: [String]) {
        let longest = pieces.map { piece in piece.count { !$0.isWhitespace } }.max() ?? 0
        #expect(split(text, longest) == pieces)
    }

    @Test func `clauses come before words and words before letters`() {
        #expect(split("aaaa bbbb, cccc dddd eeee", 15) == ["aaaa bbbb,", "cccc dddd eeee"])
        #expect(split("天气很好，我们一起去", 7) == ["天气很好，", "我们一起去"])
        #expect(split("aaaa bbbb cccc dddd", 10) == ["aaaa bbbb", "cccc dddd"])
        #expect(split("abcdefgh", 4) == ["abcd", "efgh"])
        #expect(split("👩‍👩‍👧👩‍👩‍👧", 1) == ["👩‍👩‍👧", "👩‍👩‍👧"])
    }

    @Test func `text of nothing but whitespace has no pieces`() {
        #expect(split("", 5) == [])
        #expect(split(" \n\n\t ", 5) == [])
        #expect(split("  a  ", 5) == ["a"])
    }

    private static let parts = [
        "word", "Dr.", "a", "supercalifragilistic", "3.14", "...", "…", ".", "!", "?", ",", ";", "—", "。",
        "，", "你好", "世界",
        "नमस्ते", "।", "👩‍👩‍👧", "e\u{301}", "\u{301}", "\"", "”", ")", "(", " ", "  ", "\n", "\n\n", "\r\n", "\t",
        "\u{3000}",
        "<|im_end|>", "\u{200B}", "1", "\u{2029}",
    ]

    @Test func `nothing but whitespace is lost, and no piece is over the budget`() throws {
        let tokenizer = try BytePairTokenizer.tiny()
        for round in 0..<400 {
            let text = (0..<Int.random(in: 1...120)).compactMap { _ in Self.parts.randomElement() }.joined()
            // A family of three is 18 bytes, and no budget is below that.
            let budget = 40 + round % 60
            let pieces = SentenceSplitter(budget: budget) { tokenizer.encode(String($0)).count }.split(text)
            func letters(_ text: String) -> [Unicode.Scalar] {
                text.unicodeScalars.filter { !$0.properties.isWhitespace }
            }
            #expect(pieces.flatMap(letters) == letters(text), "\(text.debugDescription)")
            for piece in pieces {
                // A space that carries a mark is a letter of its own.
                let ends = [piece.first, piece.last].compactMap(\.self)
                #expect(ends.count == 2)
                #expect(ends.allSatisfy { !$0.unicodeScalars.allSatisfy(\.properties.isWhitespace) })
                #expect(tokenizer.encode(piece).count <= budget || piece.count == 1, "\(piece)")
            }
        }
    }

    @Test(arguments: [
        "Hello there, it is a fine day. ", "a", ". ", "\n", "你", "。", "a.", "...", "Dr. ", "\" ", "x, ",
    ])
    func `a million bytes are split in a moment`(unit: String) {
        let text = String(repeating: unit, count: 1_000_000 / unit.utf8.count)
        var counted = 0
        var pieces: [String] = []
        let time = ContinuousClock().measure {
            pieces = SentenceSplitter(budget: 200) {
                counted += $0.utf8.count
                return $0.utf8.count / 4 + 1
            }.split(text)
        }
        #expect(counted < 8 * text.utf8.count)
        #expect(time < .seconds(20))
        #expect(unit == "\n" ? pieces.isEmpty : pieces.count > 100)
    }
}
