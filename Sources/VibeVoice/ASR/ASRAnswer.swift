import SpeechCore
package import TextProcessing

/// The answer as it grows: its tokens, its text, what has been read of it, and how to go back.
package struct ASRAnswer {
    /// Rows that going back may need beyond those of the tokens drawn: the rest of a token that is cut in two.
    static let spareTokens = 64
    /// How freely each attempt after a repetition draws, by the authors' own client.
    private static let temperatures: [Float] = [0.2, 0.3, 0.4]

    private let tokenizer: BytePairTokenizer
    private var stream: TextStream
    package private(set) var tokens: [Int32] = []
    /// Length of the text after each token, in bytes.
    private var ends: [Int] = []
    package private(set) var reply = ASRReply()
    private var attempts = 0
    /// After going back: what the model writes before the next segment is dropped.
    private var isResuming = false
    /// Tokens before this one stand in the model's cache; set by going back.
    package private(set) var unfed = 0
    private var tail = ""

    package init(_ tokenizer: BytePairTokenizer) {
        self.tokenizer = tokenizer
        stream = tokenizer.stream(skippingSpecial: true)
    }

    /// 0 is the likeliest token always.
    package var temperature: Float { attempts == 0 ? 0 : Self.temperatures[attempts - 1] }

    /// Whether its end goes round in circles.
    package var isLoop: Bool { ASRRepetition.loop(in: tail) != nil }

    /// Takes a token, and gives the text that is certain by now.
    package mutating func append(_ token: Int32) -> String {
        tokens.append(token)
        let text = resumed(stream.append(token))
        add(text)
        ends.append(reply.count)
        return text
    }

    /// What was held back, at the end.
    package mutating func finish() -> String {
        let text = resumed(stream.finish())
        add(text)
        reply.finish()
        return text
    }

    private mutating func add(_ text: String) {
        reply.append(text)
        tail = String((tail + text).suffix(ASRRepetition.window))
    }

    /// An attempt that goes on after a segment may open the list again, or close the segment again.
    private mutating func resumed(_ text: String) -> String {
        guard isResuming else { return text }
        let kept = text.drop { $0 == "[" || $0 == "}" || $0 == "," || $0.isWhitespace }
        if !kept.isEmpty { isResuming = false }
        return String(kept)
    }

    /// Goes back to the last segment that ended before the part looked at, or to the beginning. After the last
    /// attempt it goes back no farther than the circle itself.
    ///
    /// - Returns: whether another attempt may be made; without, what is left is all there will be.
    package mutating func rewind() -> Bool {
        let circle = ASRRepetition.loop(in: tail) ?? 0
        let limit = reply.count - tail.utf8.count
        let cut = reply.places.last { $0.upperBound <= limit }?.upperBound ?? 0
        let kept = cut == 0 ? "" : reply.text(0..<cut) + ","
        let whole = ends.firstIndex { $0 > cut } ?? ends.count
        let rest =
            cut == 0 ? [] : tokenizer.encode(reply.text((whole == 0 ? 0 : ends[whole - 1])..<cut) + ",")
        guard attempts < Self.temperatures.count, rest.count <= Self.spareTokens / 4 else {
            reply = ASRReply(reply.text(0..<reply.count - tail.suffix(circle).utf8.count))
            return false
        }
        unfed = cut == 0 ? 0 : whole
        tokens = Array(tokens.prefix(unfed)) + rest
        ends = Array(ends.prefix(unfed)) + rest.map { _ in kept.utf8.count }
        reply = ASRReply(kept)
        (tail, stream, isResuming) = ("", tokenizer.stream(skippingSpecial: true), cut > 0)
        attempts += 1
        return true
    }
}
