import SpeechCore

extension Transcript {
    /// The transcript as OpenAI's clients read it in a JSON form.
    func answer(_ format: TranscriptionRequest.Format, language: String?) -> JSONValue {
        let usage: JSONValue = ["type": "duration", "seconds": .number(duration)]
        var fields: [String: JSONValue] = ["text": .text(text), "usage": usage]
        guard format == .verbose || format == .diarized else { return .object(fields) }
        fields["task"] = "transcribe"
        fields["duration"] = .number(duration)
        fields["unread"] = leftover.map { .text($0) }
        if format == .verbose { fields["language"] = .text(language ?? "unknown") }
        fields["segments"] = .array(
            spoken.enumerated().map { format == .verbose ? $1.verbose(id: $0) : $1.diarized(number: $0 + 1) })
        return .object(fields)
    }

    /// What is said, each with times.
    private var spoken: [TimedSegment] {
        cues.map { segment, start, end in
            TimedSegment(speaker: segment.speaker, start: start, end: end, text: segment.text)
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
