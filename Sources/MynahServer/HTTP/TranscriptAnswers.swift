import SpeechCore

extension Transcript {
    /// The transcript as OpenAI's clients read it in a JSON form.
    func answer(_ format: TranscriptionRequest.Format, language: String?) -> JSONValue {
        let usage: JSONValue = ["type": "duration", "seconds": .number(duration)]
        switch format {
        case .verbose:
            return [
                "task": "transcribe", "language": .text(language ?? "unknown"), "duration": .number(duration),
                "text": .text(text), "usage": usage,
                "segments": .array(spoken.enumerated().map { $1.verbose(id: $0) }),
            ]
        case .diarized:
            return [
                "task": "transcribe", "duration": .number(duration), "text": .text(text), "usage": usage,
                "segments": .array(spoken.enumerated().map { $1.diarized(number: $0 + 1) }),
            ]
        default:
            return ["text": .text(text), "usage": usage]
        }
    }

    /// What is said, each with times: a missing one is the neighbour's.
    private var spoken: [TimedSegment] {
        let all = unread.map { [TranscriptSegment(start: 0, end: duration, text: $0)] } ?? segments
        var last = 0.0
        return all.indices.compactMap { index in
            let segment = all[index]
            let start = min(max(segment.start ?? last, 0), duration)
            let following = all[(index + 1)...].lazy.compactMap(\.start).first
            let end = min(max(segment.end ?? following ?? duration, start), max(duration, start))
            last = end
            return segment.isSilence
                ? nil : TimedSegment(speaker: segment.speaker, start: start, end: end, text: segment.text)
        }
    }
}

/// A segment whose times are known.
struct TimedSegment {
    var speaker: String?
    var start, end: Double
    var text: String

    /// Of a segment alone, as it is written.
    init(_ segment: TranscriptSegment) {
        let start = segment.start ?? 0
        self.init(
            speaker: segment.speaker, start: start, end: max(segment.end ?? start, start), text: segment.text)
    }

    init(speaker: String?, start: Double, end: Double, text: String) {
        (self.speaker, self.start, self.end, self.text) = (speaker, start, end, text)
    }

    /// The measures of likelihood that OpenAI's models give are not known here, and are null.
    func verbose(id: Int) -> JSONValue {
        [
            "id": .whole(id), "seek": 0, "start": .number(start), "end": .number(end), "text": .text(text),
            "tokens": [], "temperature": 0, "avg_logprob": .null, "compression_ratio": .null,
            "no_speech_prob": .null,
        ]
    }

    func diarized(number: Int) -> JSONValue {
        [
            "type": "transcript.text.segment", "id": .text("seg_\(number)"), "start": .number(start),
            "end": .number(end), "text": .text(text), "speaker": .text(letter),
        ]
    }

    /// Speakers by letter: A for the model's 0, then B; beyond Z by number; nobody known is A too.
    private var letter: String {
        guard let speaker else { return "A" }
        guard let number = Int(speaker), (0..<26).contains(number) else { return speaker }
        return String(UnicodeScalar(UInt8(ascii: "A") + UInt8(number)))
    }
}
