/// A form in which a transcript is written.
public enum TranscriptFormat: String, Sendable, CaseIterable {
    /// A line for each segment, the speaker before it where there are several.
    case text
    /// One object with every segment.
    case json
    /// SubRip subtitles.
    case srt
    /// WebVTT subtitles.
    case vtt
}

extension Transcript {
    /// The transcript in a form, with a line break at its end.
    public func rendered(as format: TranscriptFormat) -> String {
        switch format {
        case .text: renderedText
        case .json: renderedJSON + "\n"
        case .srt: subtitles(separator: ",", head: "", hours: true) { "\($0 + 1)\n" }
        case .vtt: subtitles(separator: ".", head: "WEBVTT\n\n", hours: true) { _ in "" }
        }
    }

    private var renderedText: String {
        if unread != nil { return text.isEmpty ? "" : text + "\n" }
        let speakers = Set(segments.compactMap(\.speaker))
        return segments.lazy.filter { !$0.isSilence }.map { segment in
            let name = speakers.count > 1 ? segment.speaker.map { "Speaker \($0): " } ?? "" : ""
            return name + segment.text.onOneLine + "\n"
        }.joined()
    }

    private var renderedJSON: String {
        let parts = segments.map { segment in
            var fields: [String] = []
            if let speaker = segment.speaker { fields.append("\"speaker\":\(speaker.asJSON)") }
            if let start = segment.start { fields.append("\"start\":\(start)") }
            if let end = segment.end { fields.append("\"end\":\(end)") }
            return "{" + (fields + ["\"text\":\(segment.text.asJSON)"]).joined(separator: ",") + "}"
        }
        var fields = ["\"duration\":\(duration)", "\"segments\":[\(parts.joined(separator: ","))]"]
        if let unread { fields.append("\"unread\":\(unread.asJSON)") }
        fields.append("\"warnings\":[\(warnings.map { $0.rawValue.asJSON }.joined(separator: ","))]")
        return "{" + fields.joined(separator: ",") + "}"
    }

    private func subtitles(
        separator: String, head: String, hours: Bool, number: (Int) -> String
    ) -> String {
        var (result, index) = (head, 0)
        for (segment, time) in zip(shown, times) where !segment.isSilence {
            let words = segment.text.onOneLine
            let isWeb = separator == "."
            let text = isWeb ? words.asCueText : words
            let named = segment.speaker.map {
                isWeb ? "<v Speaker \($0.asCueText)>\(text)" : "Speaker \($0): \(text)"
            }
            let span = "\(Self.clock(time.start, separator)) --> \(Self.clock(time.end, separator))"
            result += "\(number(index))\(span)\n\(named ?? text)\n\n"
            index += 1
        }
        return result
    }

    /// What subtitles show: segments, or what could not be read as such over the whole recording.
    private var shown: [TranscriptSegment] {
        guard let unread else { return segments }
        return [TranscriptSegment(start: 0, end: duration, text: unread)]
    }

    /// When each segment shows: its own times held within the recording; what is missing is taken from the
    /// neighbours.
    private var times: [(start: Double, end: Double)] {
        var last = 0.0
        return shown.indices.map { index in
            let segment = shown[index]
            let start = min(max(segment.start ?? last, 0), duration)
            let following = shown[(index + 1)...].lazy.compactMap(\.start).first
            let end = min(max(segment.end ?? following ?? duration, start), max(duration, start))
            last = end
            return (start, end)
        }
    }

    /// `00:01:02` with milliseconds.
    private static func clock(_ seconds: Double, _ separator: String) -> String {
        let milliseconds = seconds.isFinite && seconds < 1e9 ? Int((max(0, seconds) * 1000).rounded()) : 0
        func digits(_ value: Int, _ count: Int) -> String {
            let text = "\(value)"
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let (total, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        let clock = [total / 3600, total / 60 % 60, total % 60].map { digits($0, 2) }.joined(separator: ":")
        return clock + "\(separator)\(digits(rest, 3))"
    }
}

extension String {
    /// Without line breaks or other control characters, which would end a subtitle.
    fileprivate var onOneLine: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { scalar in
                    let isBreak =
                        scalar.value < 0x20 || scalar.value == 0x7f || scalar.value == 0x2028
                        || scalar.value == 0x2029
                    return isBreak ? " " : scalar
                }))
    }

    /// As the text of a WebVTT cue.
    fileprivate var asCueText: String {
        reduce(into: "") { text, character in
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            default: text.append(character)
            }
        }
    }

    /// As a JSON string.
    fileprivate var asJSON: String {
        var text = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
