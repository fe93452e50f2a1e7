import Foundation
import Testing
import TextProcessing

/// Texts that come in pieces.
@Suite struct IncomingTextTests {
    /// A text cut at random, between any two scalars.
    private func pieces(_ text: String, _ random: inout SystemRandomNumberGenerator) -> [String] {
        var pieces: [String] = []
        var rest = text.unicodeScalars[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...Int.random(in: 1...12), using: &random)
            pieces.append(String(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    private static let odd = [
        "It's  the\tend.\n\n  New 3.14 line, we'll see\u{2003}\u{200B} so. \n", " e \u{301}a\u{301} \u{323}x",
        "a<|im_start|>b <|im_end |> <|im_ end|>", "word.\n \nword", "\u{1100}\u{1161} \u{11A8}", "  \n  x  ",
        "One. Two! \u{201C}Three?\u{201D} four... five. Dr. Six 3.5 etc. \u{4F60}\u{597D}\u{3002}\u{4E16}\u{754C}",
    ]

    @Test func `ids of the parts are the ids of the whole, however it was cut`() throws {
        let tokenizer = try BytePairTokenizer.tiny()
        var random = SystemRandomNumberGenerator()
        let long =
            "The birch canoe slid on the smooth planks, didn't it? Rice is often served in round bowls. "
        var most = 0
        for text in try Corpus.load().cases.map(\.text) + Self.odd + [long + long] {
            let ids = tokenizer.encode(text)
            for _ in 0..<8 {
                var joints = TextJoints(of: tokenizer)
                let cut = pieces(text, &random)
                let parts = cut.flatMap { joints.append($0) } + [joints.finish()]
                most = max(most, parts.count)
                #expect(Array(parts.joined().utf8) == Array(text.utf8))
                #expect(parts.flatMap { tokenizer.encode($0) } == ids, "\(cut)")
            }
        }
        #expect(most > 30)
    }

    @Test func `a part is given with the first letter of the next`() throws {
        var joints = TextJoints(of: try BytePairTokenizer.tiny())
        #expect(joints.append("Hel").isEmpty)
        #expect(joints.append("lo  ").isEmpty)
        #expect(joints.append("t") == ["Hello"])
        #expect(joints.append("here.\n").isEmpty)
        #expect(joints.append("Next").isEmpty)
        #expect(joints.finish() == "  there.\nNext")
    }

    @Test func `sentences are the same however the text was cut`() {
        var random = SystemRandomNumberGenerator()
        for text in Self.odd {
            var reader = SentenceReader()
            let whole = reader.append(text) + [reader.finish()].compactMap { $0 }
            for _ in 0..<20 {
                var reader = SentenceReader()
                let cut = pieces(text, &random)
                #expect(cut.flatMap { reader.append($0) } + [reader.finish()].compactMap { $0 } == whole)
            }
        }
    }

    @Test func `a sentence is given with the first letter of the next, and the last at the end`() {
        var reader = SentenceReader()
        #expect(reader.append("It rains, Dr. ").isEmpty)
        #expect(reader.append("Ann. ").isEmpty)
        #expect(reader.append("A") == ["It rains, Dr. Ann."])
        #expect(reader.append("t 3.5 m... and so on.\n\nYes") == ["At 3.5 m... and so on."])
        #expect(reader.finish() == "Yes")
        #expect(reader.finish() == nil)
    }

    @Test func `a text without sentences is given in bounded pieces`() {
        var reader = SentenceReader()
        let text = String(repeating: "word ", count: 5000)
        let pieces = reader.append(text) + [reader.finish()].compactMap { $0 }
        #expect(pieces.count >= 5)
        #expect(pieces.allSatisfy { $0.utf8.count < 5000 })
        #expect(pieces.joined(separator: " ") == text.dropLast())
    }
}
