import Foundation
import MynahServer
import SpeechCore
import Synchronization
import Testing

@Suite(.serialized) struct TranscriptionTests {
    private func transcribe(
        _ server: TestServer, _ texts: [(String, String)] = []
    ) async throws -> WireAnswer {
        try await server.form(
            "/v1/audio/transcriptions", [("model", "whisper-1")] + texts,
            files: [("file", "talk.wav", try recordedTone(seconds: 1))])
    }

    @Test func `every form of a transcript is given as clients read it`() async throws {
        try await TestServer.run { server in
            let json = try await transcribe(server)
            #expect(json.object["text"] as? String == "Good morning.\nAnd <to> you.", "\(json.text)")
            #expect((json.object["usage"] as? [String: Any])?["seconds"] as? Double == 1)
            let text = try await transcribe(server, [("response_format", "text")])
            #expect(text.headers["content-type"] == "text/plain; charset=utf-8")
            #expect(text.text == "Good morning.\nAnd <to> you.\n")
            let srt = try await transcribe(server, [("response_format", "srt")])
            #expect(srt.text.hasPrefix("1\n00:00:00,000 --> 00:00:00,500\n"))
            let vtt = try await transcribe(server, [("response_format", "vtt")])
            #expect(vtt.text.hasPrefix("WEBVTT\n\n") && vtt.text.contains("&lt;to&gt;"))
            let verbose = try await transcribe(
                server,
                [
                    ("response_format", "verbose_json"), ("language", "en"),
                    ("timestamp_granularities[]", "segment"),
                ])
            #expect(verbose.object["language"] as? String == "en")
            #expect(verbose.object["duration"] as? Double == 1)
            let segments = verbose.object["segments"] as? [[String: Any]]
            #expect(segments?.compactMap { $0["id"] as? Int } == [0, 1])
            #expect(segments?.last?["end"] as? Double == 1)
            let diarized = try await transcribe(
                server, [("response_format", "diarized_json"), ("chunking_strategy", "auto")])
            let speakers = (diarized.object["segments"] as? [[String: Any]])?.compactMap {
                $0["speaker"] as? String
            }
            #expect(speakers == ["A", "B"])
            #expect((diarized.object["segments"] as? [[String: Any]])?.first?["id"] as? String == "seg_1")
        }
    }

    @Test func `a stream ends with the whole text`() async throws {
        try await TestServer.run { server in
            let answer = try await transcribe(
                server, [("stream", "true"), ("response_format", "diarized_json")])
            #expect(answer.headers["content-type"] == "text/event-stream")
            let events = answer.text.split(separator: "\n").filter { $0.hasPrefix("data: {") }.compactMap {
                (try? JSONSerialization.jsonObject(with: Data($0.dropFirst(6).utf8))) as? [String: Any]
            }
            #expect(
                events.compactMap { $0["type"] as? String } == [
                    "transcript.text.delta", "transcript.text.segment", "transcript.text.delta",
                    "transcript.text.segment",
                    "transcript.text.done",
                ])
            let told = events.compactMap { $0["delta"] as? String }.joined()
            #expect(told == events.last?["text"] as? String)
            #expect(answer.text.hasSuffix("data: [DONE]\n\n"))
            // Signs of life come by the clock, not with each word.
            #expect(!answer.text.contains(": ping"))
        }
    }

    @Test func `what could not be read is in every form beside what could`() async throws {
        try await TestServer.run { server in
            let unread = "{\"Content\":\"Bye", text = "Good morning.\nAnd <to> you.\n" + unread
            for form in ["verbose_json", "diarized_json"] {
                let answer = try await transcribe(
                    server, [("prompt", ScriptedEngine.damaged), ("response_format", form)])
                #expect(answer.object["text"] as? String == text)
                #expect(answer.object["unread"] as? String == unread)
                #expect((answer.object["segments"] as? [Any])?.count == 2)
            }
            let stream = try await transcribe(
                server, [("prompt", ScriptedEngine.damaged), ("stream", "true")])
            let events = stream.text.split(separator: "\n").filter { $0.hasPrefix("data: {") }.compactMap {
                (try? JSONSerialization.jsonObject(with: Data($0.dropFirst(6).utf8))) as? [String: Any]
            }
            #expect(events.compactMap { $0["delta"] as? String }.joined() == text)
            #expect(events.last?["text"] as? String == text)
        }
    }

    @Test func `lists arrive in each of their three forms, and reach the model`() async throws {
        try await TestServer.run { server in
            for texts in [
                [("keywords", "birch"), ("keywords", "canoe")],
                [("keywords[]", "birch"), ("keywords[]", "canoe")],
                [("keywords", "birch, canoe")],
            ] {
                let answer = try await transcribe(
                    server, [("prompt", "a river"), ("temperature", "0.0")] + texts)
                #expect(answer.status == 200, "\(answer.text)")
                let order = server.engine.heard.withLock { $0.last }
                #expect(order?.options.context == "a river\nbirch, canoe")
                #expect(order?.audio.sampleRate == 24_000)
            }
        }
    }

    @Test func `a translation is refused in words`() async throws {
        try await TestServer.run { server in
            let answer = try await server.form(
                "/v1/audio/translations", [("model", "whisper-1")],
                files: [("file", "a.wav", try recordedTone(seconds: 1))])
            #expect(answer.status == 400)
            #expect((answer.error["message"] as? String)?.contains("translate") == true)
        }
    }

    @Test func `a recording longer than the model takes is refused`() async throws {
        try await TestServer.run { server in
            let answer = try await server.form(
                "/v1/audio/transcriptions", [], files: [("file", "a.wav", try recordedTone(seconds: 31))])
            #expect(answer.status == 400)
            #expect(answer.error["param"] as? String == "file")
            #expect((answer.error["message"] as? String)?.contains("into parts") == true, "\(answer.text)")
        }
    }
}
