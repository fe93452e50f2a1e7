import TextProcessing

/// Text that arrives in pieces, given on in whole sentences: what writes it may be slower than what speaks it.
public struct SentenceStream: Sendable {
    private var reader = SentenceReader()

    /// A stream in which nothing stands yet.
    public init() {}

    /// Takes more of the text and gives the sentences that are certainly over: after each, another has begun.
    public mutating func append(_ text: String) -> [String] { reader.append(text) }

    /// Gives what is left; nil when it is nothing, or only whitespace.
    public mutating func finish() -> String? { reader.finish() }
}
