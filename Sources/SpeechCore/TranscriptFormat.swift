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
        case .srt: subtitles(separator: ",") { "\($0 + 1)\n" } + lastSubtitle
        case .vtt: "WEBVTT\n\n" + subtitles(separator: ".") { _ in "" } + note
        }
    }

    private var renderedText: String {
        let speakers = Set(segments.compactMap(\.speaker))
        let lines = segments.lazy.filter { !$0.isSilence }.map { segment in
            let name = speakers.count > 1 ? segment.speaker.map { "Speaker \($0): " } ?? "" : ""
            return name + segment.text.onOneLine
        }
        return (lines + [unread].compactMap { $0 }).map { $0 + "\n" }.joined()
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

    private func subtitles(separator: String, number: (Int) -> String) -> String {
        cues.enumerated().map { index, cue in
            let words = cue.segment.text.onOneLine
            let isWeb = separator == "."
            let text = isWeb ? words.asCueText : words
            let named = cue.segment.speaker.map {
                isWeb ? "<v Speaker \($0.asCueText)>\(text)" : "Speaker \($0): \(text)"
            }
            let span = "\(Self.clock(cue.start, separator)) --> \(Self.clock(cue.end, separator))"
            return "\(number(index))\(span)\n\(named ?? text)\n\n"
        }.joined()
    }

    /// What could not be read has no time of its own, and SubRip no place for what has none: it comes last, marked,
    /// from the last segment to the end.
    private var lastSubtitle: String {
        guard let leftover else { return "" }
        let (cues, separator) = (cues, ",")
        let start = cues.last?.end ?? 0
        let span = "\(Self.clock(start, separator)) --> \(Self.clock(max(duration, start), separator))"
        return "\(cues.count + 1)\n\(span)\n[unread] \(leftover.onOneLine)\n\n"
    }

    /// What could not be read, as a comment, which claims no time. An arrow would end it.
    private var note: String {
        leftover.map { "NOTE unread: \($0.onOneLine.replacing("-->", with: "--&gt;"))\n\n" } ?? ""
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
