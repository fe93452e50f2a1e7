import Foundation
import Mynah
import MynahServer
import SpeechCore
import Synchronization
import Testing

@Suite(.serialized) struct SpeechTests {
    /// What the engine makes for an ordinary text.
    private static let whole = Array(repeating: ScriptedEngine.chunk, count: 10).flatMap { $0 }

    private func decoded(_ bytes: [UInt8], _ suffix: String) throws -> AudioBuffer {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "\(UUID().uuidString).\(suffix)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(bytes).write(to: file)
        return try AudioBuffer(contentsOf: file)
    }

    @Test(arguments: ["mp3", "opus", "aac", "flac", "wav"], [true, false])
    func `every format decodes to what was spoken, streamed or whole`(format: String, streams: Bool)
        async throws
    {
        try await TestServer.run { server in
            let answer = try await server.speak(
                #"{"input":"Rain.","model":"speaker","voice":"ryan","response_format":"\#(format)","stream":\#(streams)}"#
            )
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.isWhole)
            #expect((answer.headers["content-length"] != nil) == !streams)
            let sound = try decoded(answer.body, format)
            let seconds = Double(Self.whole.count) / 24_000
            #expect(abs(sound.duration - seconds) < 0.12, "\(sound.duration)")
            guard ["flac", "wav"].contains(format) else { return }
            let difference = zip(sound.samples, Self.whole).map { abs($0 - $1) }.max() ?? 1
            #expect(sound.samples.count == Self.whole.count)
            #expect(difference < 1 / 30_000)
        }
    }

    @Test func `raw samples are sixteen bits at the model's rate, and mp3 is what is given unasked`()
        async throws
    {
        try await TestServer.run { server in
            let raw = try await server.speak(#"{"input":"Rain.","response_format":"pcm"}"#)
            #expect(raw.headers["content-type"] == "audio/pcm")
            #expect(raw.body.count == Self.whole.count * 2)
            #expect(try await server.speak(#"{"input":"Rain."}"#).headers["content-type"] == "audio/mpeg")
        }
    }

    @Test(arguments: ["pcm", "wav", "mp3", "opus", "aac", "flac"])
    func `sound leaves before the rest is made`(format: String) async throws {
        try await TestServer.run { server in
            let wire = try Wire(port: server.port)
            let body = #"{"input":"gated","response_format":"\#(format)"}"#
            await wire.send(
                TestServer.head("POST", "/v1/audio/speech", "application/json", [], Array(body.utf8), false)
                    + body)
            #expect(try await wire.head().status == 200)
            let first = await wire.chunks(atLeast: 1)
            #expect(!first.bytes.isEmpty && !first.isOver)
            server.engine.release()
            let rest = await wire.chunks(atLeast: .max)
            #expect(rest.isWhole && !rest.bytes.isEmpty)
        }
    }

    @Test func `the engine is let go when the client leaves, while it speaks and while it is silent`()
        async throws
    {
        try await TestServer.run { server in
            for text in [ScriptedEngine.endless, ScriptedEngine.silent] {
                let wire = try Wire(port: server.port)
                let body = #"{"input":"\#(text)","response_format":"pcm"}"#
                await wire.send(
                    TestServer.head(
                        "POST", "/v1/audio/speech", "application/json", [], Array(body.utf8), false) + body)
                if text == ScriptedEngine.endless {
                    #expect(try await wire.head().status == 200)
                    _ = await wire.chunks(atLeast: 10_000)
                } else {
                    while server.engine.orders.withLock({ $0.last?.utterance.text }) != text {
                        await Task.yield()
                    }
                }
                wire.close()
                var left = server.engine.left.makeAsyncIterator()
                #expect(await left.next() == text)
            }
        }
    }

    @Test func `what fails before the first sound has a status, and after it the stream is no short success`()
        async throws
    {
        try await TestServer.run { server in
            let refused = try await server.speak(#"{"input":"refused"}"#)
            #expect(refused.status == 400)
            #expect(refused.error["param"] as? String == "language")
            let busy = try await server.speak(#"{"input":"busy"}"#)
            #expect(busy.status == 503)
            #expect(busy.headers["retry-after"] == "3")
            #expect(busy.headers["x-should-retry"] == "true")
            for text in [ScriptedEngine.breaking, ScriptedEngine.unfinished] {
                let broken = try await server.speak(#"{"input":"\#(text)","response_format":"pcm"}"#)
                #expect(broken.status == 200)
                #expect(!broken.isWhole)
                let told = try await server.speak(
                    #"{"input":"\#(text)","response_format":"pcm","stream_format":"sse"}"#)
                #expect(told.isWhole)
                #expect(told.text.contains("speech.audio.error") && !told.text.contains("[DONE]"))
                let whole = try await server.speak(
                    #"{"input":"\#(text)","response_format":"pcm","stream":false}"#)
                #expect(whole.status == 500)
            }
        }
    }

    @Test func `events carry the sound in order, then the usage, then the end`() async throws {
        try await TestServer.run { server in
            let answer = try await server.speak(
                #"{"input":"Rain.","response_format":"pcm","stream_format":"sse"}"#)
            #expect(answer.headers["content-type"] == "text/event-stream")
            let lines = answer.text.split(separator: "\n").filter { $0.hasPrefix("data:") }.map {
                $0.dropFirst(6)
            }
            #expect(lines.last == "[DONE]")
            let events = lines.dropLast().compactMap {
                (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
            }
            let sound = events.dropLast().compactMap { Data(base64Encoded: $0["audio"] as? String ?? "") }
            #expect(sound.map(\.count).reduce(0, +) == Self.whole.count * 2)
            #expect(sound.count > 1)
            let usage = events.last?["usage"] as? [String: Int]
            #expect(usage == ["input_tokens": 5, "output_tokens": 10, "total_tokens": 15])
        }
    }

    @Test func `a silent stream of events is kept alive by comments`() async throws {
        try await TestServer.run({ $0.limits.pingSeconds = 1 }) { server in
            let wire = try Wire(port: server.port)
            let body = #"{"input":"gated","response_format":"pcm","stream_format":"sse"}"#
            await wire.send(
                TestServer.head("POST", "/v1/audio/speech", "application/json", [], Array(body.utf8), false)
                    + body)
            _ = try await wire.head()
            var text = ""
            while !text.contains(": ping") {
                let piece = await wire.chunks(atLeast: 1)
                text += String(decoding: piece.bytes, as: UTF8.self)
                guard !piece.isOver else { break }
            }
            #expect(text.contains(": ping"))
        }
    }

    @Test func `a request that takes too long is ended`() async throws {
        try await TestServer.run({ $0.limits.requestSeconds = 1 }) { server in
            let answer = try await server.speak(#"{"input":"silent"}"#)
            #expect(answer.status == 504)
            #expect(answer.headers["x-should-retry"] == "false")
        }
    }

    @Test func `events begin while the request waits for its turn`() async throws {
        try await TestServer.run({ $0.limits.pingSeconds = 1 }) { server in
            let wire = try Wire(port: server.port)
            let body = #"{"input":"silent","stream_format":"sse"}"#
            await wire.send(
                TestServer.head("POST", "/v1/audio/speech", "application/json", [], Array(body.utf8), false)
                    + body)
            #expect(try await wire.head().status == 200)
            let (bytes, _, _) = await wire.chunks(atLeast: 8)
            #expect(String(decoding: bytes, as: UTF8.self).hasPrefix(": ping\n\n"))
        }
    }

    @Test func `speed changes the length`() async throws {
        try await TestServer.run { server in
            let answer = try await server.speak(#"{"input":"Rain.","response_format":"pcm","speed":2}"#)
            #expect(
                abs(Double(answer.body.count) - Double(Self.whole.count)) < 0.15 * Double(Self.whole.count))
        }
    }

    @Test func `fields reach the engine`() async throws {
        try await TestServer.run({ settings in
            settings.models["speaker"] = Settings.Model()
            settings.models["speaker"]?.topK = 3
            settings.models["designer"] = Settings.Model()
            settings.models["designer"]?.steps = 7
        }) { server in
            let answer = try await server.speak(
                """
                {"model":"tts-1","input":"Rain.","voice":{"id":"VIVIAN"},"instructions":"softly","lang_code":"en-GB",
                 "seed":18,"temperature":0.5,"top_p":0.25,"repetition_penalty":1.25,"max_new_tokens":9}
                """)
            #expect(answer.status == 200, "\(answer.text)")
            let order = try #require(server.engine.orders.withLock { $0.last })
            #expect(order.model == "speaker")
            guard case .preset("vivian") = order.utterance.voice else { throw WireFailure("the voice") }
            #expect(order.utterance.language == .english)
            #expect(order.utterance.delivery == .instructed("softly"))
            #expect(order.options.seed == 18)
            #expect(order.options.sampling == Sampling(temperature: 0.5, topK: 3, topP: 0.25))
            #expect(order.options.repetitionPenalty == 1.25)
            #expect(order.options.maximumTokens == 9)
            let frames = try await server.speak(#"{"model":"designer","input":"Rain.","cfg_scale":2.5}"#)
            #expect(frames.status == 200, "\(frames.text)")
            let second = try #require(server.engine.orders.withLock { $0.last })
            #expect(second.options.guidance == 2.5)
            #expect(second.options.diffusionSteps == 7)
        }
    }

    @Test(arguments: [
        ("speaker", #""cfg_scale":2"#), ("speaker", #""steps":3"#),
        ("speaker", #""x_vector_only_mode":true"#),
        ("designer", #""temperature":0.5"#), ("designer", #""top_k":5"#), ("designer", #""top_p":0.5"#),
        ("designer", #""repetition_penalty":1.1"#),
    ])
    func `a choice that the model does not have is refused by name`(model: String, field: String) async throws
    {
        try await TestServer.run { server in
            let answer = try await server.speak(#"{"input":"Rain.","model":"\#(model)",\#(field)}"#)
            #expect(answer.status == 400)
            #expect(answer.error["param"] as? String == field.split(separator: "\"").first.map(String.init))
        }
    }

    @Test
    func `a recording in the request is the voice, and a designing model takes the instructions for one`()
        async throws
    {
        let tone = Data(try recordedTone(seconds: 3.2)).base64EncodedString()
        try await TestServer.run { server in
            let cloned = try await server.speak(
                #"{"input":"Rain.","ref_audio":"data:audio/wav;base64,\#(tone)","ref_text":"Hello there."}"#)
            #expect(cloned.status == 200, "\(cloned.text)")
            guard case .cloned(let recording) = server.engine.orders.withLock({ $0.last })?.utterance.voice
            else {
                throw WireFailure("the voice")
            }
            #expect(recording.transcript == "Hello there." && abs(recording.audio.duration - 3.2) < 0.01)
            let designed = try await server.speak(
                #"{"input":"Rain.","model":"designer","voice":"alloy","instructions":"an old sailor"}"#)
            #expect(designed.status == 200)
            guard
                case .described("an old sailor") = server.engine.orders.withLock({ $0.last })?.utterance.voice
            else { throw WireFailure("the voice") }
        }
    }

    @Test func `a script is a dialogue, each of its turns in its speaker's voice`() async throws {
        let tone = Data(try recordedTone(seconds: 3.2)).base64EncodedString()
        try await TestServer.run { server in
            let speakers =
                #"{"ann":"vivian","2":{"ref_audio":"data:audio/wav;base64,\#(tone)","ref_text":"Hello."}}"#
            let answer = try await server.speak(
                #"{"input":"Ann: Rain?\nSpeaker 2: No.\nCy: Oh.\nANN: Yes.","voice":"ryan","speakers":\#(speakers)}"#
            )
            #expect(answer.status == 200, "\(answer.text)")
            let order = try #require(server.engine.orders.withLock { $0.last })
            #expect(order.utterances.map(\.text) == ["Rain?", "No.", "Oh.", "Yes."])
            #expect(order.utterances.map(\.speaker) == ["Ann", "Speaker 2", "Cy", "Ann"])
            let voices = order.utterances.map { utterance -> String? in
                switch utterance.voice {
                case .preset(let name): name
                case .cloned(let recording): recording.transcript
                default: nil
                }
            }
            #expect(voices == ["vivian", "Hello.", "ryan", "vivian"])
        }
    }

    @Test(
        arguments: [
            ("Ann: Rain?", #"{"ann":"nobody"}"#, "speakers", "voice_not_found"),
            ("Ann: Rain?", #"{"ann":7}"#, "speakers", "invalid_type"),
            ("Ann: Rain?", #"{"ann":{}}"#, "speakers", "invalid_value"),
            ("Ann: Rain?", #"{"ann":{"ref_text":"x"}}"#, "speakers", "invalid_value"),
            ("Ann: Rain?", #"{"ann":{"ref_audio":"/etc/passwd"}}"#, "speakers", "invalid_value"),
            ("Ann: Rain?", #"["vivian"]"#, "speakers", "invalid_type"),
            ("Ann: Rain?", #"{"bob":"vivian"}"#, "speakers", "unknown_voice"),
            ("Ann: Rain?\\nBob: No.", #"{"ann":"vivian"}"#, "speakers", "unknown_voice"),
            ("A: a\\nB: b\\nC: c\\nD: d", "{}", "speakers", "unsupported_value"),
            ("It rains.", #"{"ann":"vivian"}"#, "input", "invalid_input"),
        ])
    func `a dialogue that cannot be spoken is refused by the field at fault`(
        input: String, speakers: String, param: String, code: String
    ) async throws {
        try await TestServer.run { server in
            let answer = try await server.speak(#"{"input":"\#(input)","speakers":\#(speakers)}"#)
            #expect(answer.status == 400, "\(answer.text)")
            #expect(answer.text.contains("\"param\":\"\(param)\""), "\(answer.text)")
            #expect(answer.text.contains("\"code\":\"\(code)\""), "\(answer.text)")
            let other = try await server.speak(#"{"input":"Ann: Rain?","model":"designer","speakers":{}}"#)
            #expect(other.status == 400 && other.text.contains("speaks no dialogues"), "\(other.text)")
        }
    }

    @Test func `OpenAI's voices stand for what there is, unless the configuration says otherwise`()
        async throws
    {
        try await TestServer.run({ $0.voices.aliases["ash"] = "ryan" }) { server in
            for (voice, speaker) in [
                ("alloy", "ryan"), ("ballad", "ryan"), ("ash", "ryan"), ("cedar", "vivian"),
            ] {
                _ = try await server.speak(#"{"input":"Rain.","voice":"\#(voice)"}"#)
                guard case .preset(speaker) = server.engine.orders.withLock({ $0.last })?.utterance.voice
                else {
                    throw WireFailure("\(voice) is not \(speaker)")
                }
            }
        }
    }
}

/// Something a test found otherwise than it should be.
struct WireFailure: Error {
    let what: String
    init(_ what: String) { self.what = what }
}
