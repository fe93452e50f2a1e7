import Foundation
import SpeechCore
import Testing
import TextProcessing
import VibeVoice

/// Answers as models give them, whole and damaged.
@Suite struct ASRReplyTests {
    private struct Case: Decodable {
        struct Part: Decodable {
            var startTime: Double?, endTime: Double?, speakerId: Label?, text: String?
        }
        enum Label: Decodable {
            case number(Int), text(String)
            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                self =
                    try (try? container.decode(Int.self)).map { .number($0) }
                    ?? .text(container.decode(String.self))
            }
            var label: String {
                switch self {
                case .number(let number): "\(number)"
                case .text(let text): text
                }
            }
        }
        let text: String, recommended: [Part], truncated: Bool
        var segments: [TranscriptSegment] {
            recommended.map {
                TranscriptSegment(
                    speaker: $0.speakerId?.label, start: $0.startTime, end: $0.endTime, text: $0.text ?? ""
                )
            }
        }
    }

    private func cases() throws -> [Case] {
        let url = URL(fileURLWithPath: "\(ASRFixture.folder)/asr-tiny/parse_cases.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Case].self, from: Data(contentsOf: url))
    }

    @Test func `every case of the reference is read as recommended`() throws {
        let cases = try cases()
        #expect(cases.count == 17)
        for one in cases {
            let reply = ASRReply(one.text)
            #expect(reply.segments == one.segments, "\(one.text)")
            #expect(reply.isTruncated == one.truncated, "\(one.text)")
        }
    }

    @Test func `an answer that comes a character at a time is read as the whole`() throws {
        for one in try cases() {
            var reply = ASRReply()
            for character in one.text { reply.append(String(character)) }
            #expect(reply.segments == one.segments, "\(one.text)")
            #expect(reply.isTruncated == one.truncated, "\(one.text)")
        }
    }

    @Test func `an answer cut anywhere keeps what was whole, and says so`() {
        let parts = (0..<4).map { #"{"Start":\#($0),"End":\#($0 + 1),"Speaker":0,"Content":"a \"]\" }, b"}"# }
        let whole = "assistant\n[" + parts.joined(separator: ",") + "]"
        for length in 0..<whole.count {
            let transcript = Transcript(reply: String(whole.prefix(length)), duration: 4)
            #expect(transcript.segments.allSatisfy { $0.text == #"a "]" }, b"# })
            #expect(transcript.warnings.contains(.truncated) == (length > 10), "cut at \(length)")
            // Nothing of the answer is lost: it is in a segment, or it stands.
            let shown = transcript.segments.count * (parts[0].count + 1) + (transcript.unread?.count ?? 0)
            #expect(length - shown <= 12, "cut at \(length)")
        }
        #expect(Transcript(reply: whole, duration: 4).warnings == [])
        #expect(Transcript(reply: whole, duration: 4).segments.count == 4)
    }

    @Test func `what is no list stands as it is, with a warning`() {
        let plain = Transcript(reply: "assistant\nIt was a dark night.\n", duration: 4)
        #expect(plain.unread == "It was a dark night.")
        #expect(plain.text == "It was a dark night.")
        #expect(plain.warnings == [.unread])
        #expect(Transcript(reply: "[Music] plays", duration: 4).unread == "[Music] plays")
        #expect(Transcript(reply: "[1, 2]", duration: 4).warnings == [.unread])
        for nothing in ["", "assistant\n", "[]", " [ ] "] {
            #expect(
                Transcript(reply: nothing, duration: 4) == Transcript(segments: [], duration: 4), "\(nothing)"
            )
        }
    }

    @Test(arguments: [
        // No comma, a mark inside quotes once and twice, no closing brace, another closing sign, and no JSON at all.
        #"{"Start":1 "Content":"b"}"#, #"{"Start":1,"Content":"5" pipe"}"#,
        #"{"Start":1,"Content":"a "b" c"}"#,
        #"{"Start":1,"Content":"b""#, #"{"Start":1,"Content":"b"]"#, "he said so", "\"words\"",
        #"{"foo":1}"#,
    ])
    func `elements on both sides of a damaged one are read, and it stands as it was written`(damaged: String)
    {
        func element(_ start: Int) -> String { #"{"Start":\#(start),"Content":"w\#(start)"}"# }
        let text = "[\(element(0)),\(damaged),\(element(2)),\(element(3))]"
        let whole = Transcript(reply: text, duration: 4)
        #expect(whole.segments.map(\.text) == ["w0", "w2", "w3"])
        #expect(whole.unread == damaged)
        #expect(whole.warnings == [.unread])
        var reply = ASRReply()
        for character in text { reply.append(String(character)) }
        reply.finish()
        #expect(reply.segments == whole.segments)
        #expect(reply.unread == damaged)
    }

    @Test func `what is damaged in several places stands in order, and objects inside one are no elements`() {
        let several = Transcript(
            reply: #"[{"a" 1},{"Content":"x"},oh,{"Content":"y"},{"Content":"z"#, duration: 1)
        #expect(several.segments.map(\.text) == ["x", "y"])
        #expect(several.unread == "[{\"a\" 1}\noh\n{\"Content\":\"z")
        #expect(several.warnings == [.unread, .truncated])
        let inner = Transcript(reply: #"[{"Start" 1,"more":{"Content":"x"}},{"Content":"y"}]"#, duration: 1)
        #expect(inner.segments.map(\.text) == ["y"])
    }

    @Test func `times that are none are left out`() {
        let reply = ASRReply(
            #"[{"Start":"nan","End":-1,"Speaker":null,"Content":"a"},{"Start":1e999,"Content":"b"}]"#)
        #expect(reply.segments.first == TranscriptSegment(text: "a"))
        #expect(ASRReply(#"[{"Start":"inf","End":[1],"Content":{"x":1}, "Speaker":true}]"#).segments == [])
    }

    @Test func `nesting without end harms nothing`() {
        for open in ["[", "{\"a\":", "[{\"Content\":["] {
            let text = String(repeating: open, count: 20_000)
            #expect(ASRReply(text).segments.isEmpty)
            #expect(ASRReply(text + String(repeating: "]", count: 20_000)).segments.isEmpty)
            #expect(Transcript(reply: text, duration: 1).segments.isEmpty)
        }
    }

    @Test func `random damage never stops the reader`() {
        let whole = Array(
            #"[{"Start":0,"End":1.5,"Speaker":0,"Content":"a"},{"Start":1.5,"End":2,"Content":"b \u00e9"}]"#
                .utf8)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            let transcript = Transcript(reply: String(decoding: bytes, as: UTF8.self), duration: 2)
            #expect(transcript.segments.count <= 10)
            _ = transcript.rendered(as: .srt)
        }
    }

    // MARK: circles

    @Test func `a pattern or a phrase ten times over is a circle, nine times is not`() {
        #expect(ASRRepetition.loop(in: "so " + String(repeating: "0123456789", count: 10)) == 100)
        #expect(ASRRepetition.loop(in: "so " + String(repeating: "0123456789", count: 9)) == nil)
        #expect(ASRRepetition.loop(in: "and " + String(repeating: "oh no ", count: 10)) != nil)
        #expect(ASRRepetition.loop(in: "and " + String(repeating: "oh no ", count: 9)) == nil)
        #expect(ASRRepetition.loop(in: "") == nil)
        #expect(ASRRepetition.loop(in: (0..<300).map { "word\($0)" }.joined(separator: " ")) == nil)
    }

    @Test func `going back ends at a segment before the circle, token by token`() throws {
        let tokenizer = try ASRTokenizer.load(ASRFixture.authors.files())
        let first = #"[{"Start":0,"End":1,"Speaker":0,"Content":"Hello there."}"#
        let text = "\(first),{\"Start\":1,\"Content\":\"" + String(repeating: "round and round ", count: 60)
        var answer = ASRAnswer(tokenizer)
        for token in tokenizer.encode(text) {
            _ = answer.append(token)
            if answer.isLoop && answer.reply.text.count > 600 { break }
        }
        #expect(answer.isLoop)
        #expect(answer.temperature == 0)
        for temperature in [Float(0.2), 0.3, 0.4] {
            let again = answer.rewind()
            #expect(again)
            #expect(answer.temperature == temperature)
            #expect(answer.reply.text == first + ",")
            #expect(tokenizer.decode(answer.tokens) == first + ",")
            #expect(answer.unfed < answer.tokens.count)
            #expect(answer.reply.segments.map(\.text) == ["Hello there."])
            // The list that the model opens again is the one that was open.
            for token in tokenizer.encode(
                "[{\"Start\":1,\"Content\":\"" + String(repeating: "round and round ", count: 60))
            {
                _ = answer.append(token)
            }
            #expect(answer.reply.text.hasPrefix(first + ",{\"Start\":1"))
        }
        let again = answer.rewind()
        #expect(!again)
        #expect(answer.reply.segments.map(\.text) == ["Hello there."])
        #expect(
            answer.reply.unread?.hasPrefix("{\"Start\":1,\"Content\":\"") == true,
            "what came before the circle")
    }

    @Test func `a circle from the beginning starts from nothing`() throws {
        let tokenizer = try ASRTokenizer.load(ASRFixture.authors.files())
        var answer = ASRAnswer(tokenizer)
        for token in tokenizer.encode("[{\"" + String(repeating: "0123456789", count: 20)) {
            _ = answer.append(token)
        }
        let again = answer.rewind()
        #expect(again)
        #expect(answer.tokens.isEmpty && answer.reply.text.isEmpty && answer.unfed == 0)
    }
}
