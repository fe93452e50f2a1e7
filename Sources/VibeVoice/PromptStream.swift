import Foundation
import TextProcessing

/// The ids of a text while it comes, the same as if it had come at once.
///
/// A long text is several segments, each begun from the preset anew: one ends with the first sentence that ends past
/// its thousandth token, and at any word if none does for long. Where it ends so depends on the text alone, not on
/// how it came.
struct PromptStream {
    /// A text of its own to the model.
    struct Segment {
        var ids: [Int32] = []
        /// Whether its last token is there.
        var isWhole = false
    }

    private let prompts: PromptBuilder
    private var joints: TextJoints
    private(set) var segments: [Segment] = []
    /// Whether the text is over.
    private(set) var isOver = false

    /// Tokens from which a segment may end with a sentence, and at which it ends in any case. Spoken, the latter come
    /// to some 5000 rows, well inside the 8192 that the model knows.
    private static let sentenceEndsFrom = 1000, longest = 1400

    init(_ prompts: PromptBuilder) { (self.prompts, joints) = (prompts, prompts.joints()) }

    /// A text that is whole.
    init(_ prompts: PromptBuilder, whole text: String) {
        self.init(prompts)
        append(text)
        finish()
    }

    mutating func append(_ text: String) {
        for part in joints.append(PromptBuilder.straightened(text)) { add(part, isLast: false) }
    }

    mutating func finish() {
        guard !isOver else { return }
        isOver = true
        add(joints.finish(), isLast: true)
    }

    private mutating func add(_ part: String, isLast: Bool) {
        let text = isLast ? part.trimmingEnd : part
        let first = text.trimmingStart
        guard !first.isEmpty else { return }
        let ids = prompts.ids(ofPart: segments.last?.isWhole == false ? text : first)
        guard ids.count <= Self.longest else { return addLong(first) }
        if let open = segments.last, !open.isWhole, open.ids.count + ids.count > Self.longest { close() }
        let opens = segments.last?.isWhole != false
        if opens { segments.append(Segment()) }
        let place = segments.count - 1
        let count = segments[place].ids.count + ids.count
        let ends = isLast || count >= Self.sentenceEndsFrom && SentenceSplitter.isSentenceEnd(text)
        // A line's end may join the mark before it, so the two are made into tokens together.
        let words = opens ? first : text
        segments[place].ids +=
            ends ? prompts.ids(ofPart: words + "\n") : opens ? prompts.ids(ofPart: first) : ids
        segments[place].isWhole = ends
    }

    /// A part longer than a segment: text without spaces, or no text at all.
    private mutating func addLong(_ text: String) {
        if segments.last?.isWhole == false { close() }
        let splitter = SentenceSplitter(budget: Self.longest) { [prompts] in
            prompts.ids(ofPart: String($0)).count
        }
        segments += splitter.split(text).map { Segment(ids: prompts.ids($0), isWhole: true) }
    }

    private mutating func close() {
        segments[segments.count - 1].ids += prompts.ids(ofPart: "\n")
        segments[segments.count - 1].isWhole = true
    }
}

extension String {
    fileprivate var trimmingEnd: String {
        let scalars = unicodeScalars
        let end = scalars.lastIndex { !CharacterSet.whitespacesAndNewlines.contains($0) }
        return end.map { String(scalars[...$0]) } ?? ""
    }

    fileprivate var trimmingStart: String {
        String(unicodeScalars.drop { CharacterSet.whitespacesAndNewlines.contains($0) })
    }
}
