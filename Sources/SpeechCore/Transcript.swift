/// What was said in a recording.
public struct Transcript: Sendable, Equatable, Codable {
    /// Who said what and when, in the order of the model's answer.
    public var segments: [TranscriptSegment]
    /// Length of the recording in seconds.
    public var duration: Double
    /// What the model wrote beside the segments and could not be read as one, as it stands.
    public var unread: String?
    /// What a person should know of the result; empty when nothing is amiss.
    public var warnings: [Warning]

    /// A transcript from its parts.
    public init(
        segments: [TranscriptSegment], duration: Double, unread: String? = nil, warnings: [Warning] = []
    ) {
        self.segments = segments
        self.duration = duration
        self.unread = unread
        self.warnings = warnings
    }

    /// What may be amiss with a transcript.
    public enum Warning: String, Sendable, Codable {
        /// The recording is silent; the model was not asked.
        case silence
        /// The answer, or a part of it, is not segments: it stands as the model wrote it.
        case unread
        /// The answer breaks off.
        case truncated
        /// The model went round in circles and was cut off there.
        case repetition
        /// The token limit came before the end.
        case limit
    }

    /// The words alone, a segment a line; marks of silence left out. What could not be read follows as it is.
    public var text: String {
        (segments.lazy.filter { !$0.isSilence }.map(\.text) + [unread].compactMap { $0 })
            .joined(separator: "\n")
    }

    /// The segments in which something is said, with times held within the recording; what is missing of these is
    /// taken from the neighbours. An answer of which nothing could be read is one over the whole recording.
    package var cues: [(segment: TranscriptSegment, start: Double, end: Double)] {
        var shown = segments
        if shown.isEmpty, let unread { shown = [TranscriptSegment(start: 0, end: duration, text: unread)] }
        var last = 0.0
        return shown.indices.compactMap { index in
            let segment = shown[index]
            let start = min(max(segment.start ?? last, 0), duration)
            let following = shown[(index + 1)...].lazy.compactMap(\.start).first
            let end = min(max(segment.end ?? following ?? duration, start), max(duration, start))
            last = end
            return segment.isSilence ? nil : (segment, start, end)
        }
    }

    /// What could not be read beside segments that could: when it was said is not known.
    package var leftover: String? { segments.isEmpty ? nil : unread }
}

/// Something said by one speaker.
public struct TranscriptSegment: Sendable, Equatable, Codable {
    /// Who: the model's number for the speaker, from 0; nil where it names none, as for music or silence.
    public var speaker: String?
    /// When it begins and ends, in seconds; nil where the model does not say.
    public var start: Double?, end: Double?
    /// What is said, or a mark such as `[Music]`.
    public var text: String

    /// A segment from its parts.
    public init(speaker: String? = nil, start: Double? = nil, end: Double? = nil, text: String) {
        self.speaker = speaker
        self.start = start
        self.end = end
        self.text = text
    }

    /// Whether nothing is said in it.
    public var isSilence: Bool { text.isEmpty || text.lowercased() == "[silence]" }
}

/// A step of a transcription, as it happens.
public enum TranscriptionEvent: Sendable, Equatable {
    /// The model has heard, and then read, this share of the recording, from 0 to 1.
    case listening(Double)
    /// New characters of the answer, as the model writes them.
    case writing(String)
    /// A segment is complete.
    case segment(TranscriptSegment)
    /// The answer went round in circles: only this many segments stand, and it goes on from there.
    case retracted(to: Int)
    /// The end.
    case finished(Transcript)
}

/// Choices about a transcription.
public struct TranscriptionOptions: Sendable, Equatable {
    /// Names, terms and topics that the recording may hold, in any form.
    public var context: String
    /// Most tokens of the answer; nil is in proportion to the recording.
    public var maximumTokens: Int?
    /// Whether to write English, whatever is spoken. A model whose card says that it cannot refuses.
    public var translates: Bool
    /// For the draws that follow a repetition; everything else is the likeliest token.
    public var seed: UInt64

    /// Options; what is not given is left to the model.
    public init(
        context: String = "", maximumTokens: Int? = nil, translates: Bool = false, seed: UInt64 = 0
    ) {
        self.context = context
        self.maximumTokens = maximumTokens
        self.translates = translates
        self.seed = seed
    }
}
