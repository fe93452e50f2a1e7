import SpeechCore
import Testing

struct TranscriptTests {
    private let meeting = Transcript(
        segments: [
            TranscriptSegment(speaker: "0", start: 0, end: 1.5, text: "One & two <three>"),
            TranscriptSegment(start: 1.5, end: 2, text: "[Silence]"),
            TranscriptSegment(
                speaker: "1", start: 3661.0004, end: 3662.9996, text: "line\n\nbreak --> \"q\""),
        ], duration: 4000)

    @Test func `text names speakers where there are several, and leaves silence out`() {
        #expect(
            meeting.rendered(as: .text) == "Speaker 0: One & two <three>\nSpeaker 1: line  break --> \"q\"\n")
        let alone = Transcript(segments: [TranscriptSegment(speaker: "0", text: "Hi.")], duration: 1)
        #expect(alone.rendered(as: .text) == "Hi.\n")
        #expect(meeting.text == "One & two <three>\nline\n\nbreak --> \"q\"")
    }

    @Test func `SubRip has numbers, commas and no line break within a subtitle`() {
        #expect(
            meeting.rendered(as: .srt) == """
                1
                00:00:00,000 --> 00:00:01,500
                Speaker 0: One & two <three>

                2
                01:01:01,000 --> 01:01:03,000
                Speaker 1: line  break --> "q"


                """)
    }

    @Test func `WebVTT has voices, and its signs are escaped`() {
        #expect(
            meeting.rendered(as: .vtt) == """
                WEBVTT

                00:00:00.000 --> 00:00:01.500
                <v Speaker 0>One &amp; two &lt;three&gt;

                01:01:01.000 --> 01:01:03.000
                <v Speaker 1>line  break --&gt; "q"


                """)
    }

    @Test func `JSON has every segment, silence too`() {
        let transcript = Transcript(
            segments: [
                TranscriptSegment(speaker: "A", start: 0, end: 1.25, text: "a\n\"b\"\\\u{1}"),
                TranscriptSegment(text: "[Silence]"),
            ], duration: 2, warnings: [.truncated])
        #expect(
            transcript.rendered(as: .json)
                == #"{"duration":2.0,"segments":[{"speaker":"A","start":0.0,"end":1.25,"text":"a\n\"b\"\\\u0001"},"#
                + #"{"text":"[Silence]"}],"warnings":["truncated"]}"# + "\n")
    }

    @Test func `times that are missing or wrong come from the neighbours and stay within the recording`() {
        let transcript = Transcript(
            segments: [
                TranscriptSegment(text: "a"), TranscriptSegment(start: 2, end: 1, text: "b"),
                TranscriptSegment(text: "c"), TranscriptSegment(start: 99, end: 100, text: "d"),
            ], duration: 10)
        let lines = transcript.rendered(as: .srt).split(separator: "\n").filter { $0.contains("-->") }
        #expect(
            lines == [
                "00:00:00,000 --> 00:00:02,000", "00:00:02,000 --> 00:00:02,000",
                "00:00:02,000 --> 00:00:10,000",
                "00:00:10,000 --> 00:00:10,000",
            ])
    }

    @Test func `what could not be read stands over the whole recording`() {
        let transcript = Transcript(segments: [], duration: 3, unread: "no list", warnings: [.unread])
        #expect(transcript.rendered(as: .text) == "no list\n")
        #expect(transcript.rendered(as: .srt) == "1\n00:00:00,000 --> 00:00:03,000\nno list\n\n")
        #expect(transcript.rendered(as: .json).contains(#""unread":"no list""#))
    }

    @Test func `what could not be read beside segments comes after them, and claims no time`() {
        let transcript = Transcript(
            segments: [TranscriptSegment(speaker: "0", start: 0, end: 1, text: "a")], duration: 3,
            unread: "{\"x\"-->\n1", warnings: [.unread])
        #expect(transcript.text == "a\n{\"x\"-->\n1")
        #expect(transcript.rendered(as: .text) == "a\n{\"x\"-->\n1\n")
        #expect(transcript.rendered(as: .json).contains(#""text":"a"}],"unread":"{\"x\"-->\n1""#))
        #expect(
            transcript.rendered(as: .srt)
                == "1\n00:00:00,000 --> 00:00:01,000\nSpeaker 0: a\n\n"
                + "2\n00:00:01,000 --> 00:00:03,000\n[unread] {\"x\"--> 1\n\n")
        #expect(
            transcript.rendered(as: .vtt)
                == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v Speaker 0>a\n\n"
                + "NOTE unread: {\"x\"--&gt; 1\n\n")
    }

    @Test func `an empty transcript is empty in every form`() {
        let empty = Transcript(segments: [], duration: 1)
        #expect(empty.rendered(as: .text) == "")
        #expect(empty.rendered(as: .srt) == "")
        #expect(empty.rendered(as: .vtt) == "WEBVTT\n\n")
    }
}
