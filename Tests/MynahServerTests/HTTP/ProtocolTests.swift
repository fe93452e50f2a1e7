import Foundation
import Mynah
import MynahServer
import Synchronization
import Testing

/// What is wrong below the routes: framing, sizes, and hours.
@Suite(.serialized) struct ProtocolTests {
    struct Raw: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let request: String
        let status: Int
    }

    static let raw: [Raw] = [
        Raw(
            testDescription: "a length and chunks",
            request:
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            status: 400),
        Raw(
            testDescription: "chunks and a length",
            request:
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
            status: 400),
        Raw(
            testDescription: "two lengths",
            request:
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            status: 400),
        Raw(
            testDescription: "a negative length",
            request: "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            status: 400),
        Raw(
            testDescription: "a length in hexadecimal",
            request: "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x10\r\n\r\n",
            status: 400),
        Raw(
            testDescription: "a coding that is not the last",
            request:
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            status: 400),
        Raw(
            testDescription: "an unknown coding",
            request:
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            status: 400),
        Raw(
            testDescription: "a hidden coding",
            request:
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            status: 400),
        Raw(
            testDescription: "a folded line",
            request: "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\r\n b\r\n\r\n", status: 400),
        Raw(
            testDescription: "bare line feeds", request: "GET /health HTTP/1.1\nHost: localhost\n\n",
            status: 400),
        Raw(testDescription: "no host", request: "GET /health HTTP/1.1\r\n\r\n", status: 400),
        Raw(
            testDescription: "two hosts",
            request: "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", status: 400),
        Raw(testDescription: "no HTTP at all", request: "HELO mail.example\r\n\r\n", status: 400),
        Raw(
            testDescription: "a TLS greeting", request: "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\r\n\r\n",
            status: 400),
        Raw(
            testDescription: "a bad chunk",
            request:
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
            status: 400),
        Raw(
            testDescription: "a huge chunk",
            request:
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
            status: 400),
        Raw(
            testDescription: "a head that is too large",
            request:
                "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: \(String(repeating: "a", count: 20_000))\r\n\r\n",
            status: 431),
        Raw(
            testDescription: "too many fields",
            request:
                "GET /health HTTP/1.1\r\nHost: localhost\r\n\((0..<300).map { "X-\($0): a\r\n" }.joined())\r\n",
            status: 431),
        Raw(
            testDescription: "an old version with a body",
            request: "POST /v1/audio/speech HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", status: 505),
        Raw(
            testDescription: "a gigabyte, said beforehand",
            request:
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n",
            status: 413),
        Raw(
            testDescription: "a gigabyte, asked for first",
            request:
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 1073741824\r\n\r\n",
            status: 413),
    ]

    @Test(arguments: raw) func `what could be understood in two ways is not understood`(wrong: Raw)
        async throws
    {
        try await TestServer.run { server in
            let answer = try await server.raw(wrong.request)
            #expect(answer.status == wrong.status, "\(answer.text)")
            #expect(answer.headers["connection"] == "close")
            #expect(answer.error["message"] as? String != nil, "\(answer.text)")
            #expect(answer.error["code"] as? String != nil)
            #expect(try await server.get("/health").status == 200)
        }
    }

    @Test func `a gigabyte in chunks is refused early`() async throws {
        try await TestServer.run { server in
            let wire = try Wire(port: server.port)
            await wire.send(TestServer.head("POST", "/v1/audio/speech", "application/json", [], [], true))
            let piece = Array("10000\r\n".utf8) + [UInt8](repeating: 32, count: 65_536) + Array("\r\n".utf8)
            var sent = 0
            // The answer comes long before the whole is sent, and what is sent then is not taken.
            while sent < 1 << 30, await wire.send(piece) { sent += 65_536 }
            #expect(sent < 1 << 28, "\(sent)")
            #expect(try await server.get("/health").status == 200)
        }
    }

    @Test func `a body that is too large is answered, and the answer arrives`() async throws {
        try await TestServer.run({
            $0.limits.jsonBytes = 2_000; $0.limits.voiceBytes = 3_000
        }) { server in
            for isChunked in [false, true] {
                let answer = try await server.speak(
                    #"{"input":"\#(String(repeating: "x", count: 8_000))"}"#, isChunked: isChunked)
                #expect(answer.status == 413)
                #expect(answer.error["code"] as? String == "request_too_large")
            }
        }
    }

    @Test func `what is no recording is held to the bound of JSON`() async throws {
        try await TestServer.run({ $0.limits.jsonBytes = 2_000 }) { server in
            let answer = try await server.speak(
                #"{"input":"x"}"# + String(repeating: " ", count: 3_000))
            #expect(answer.status == 413)
            let tone = Data(try recordedTone(seconds: 3.2)).base64EncodedString()
            let recorded = try await server.speak(
                #"{"input":"Rain.","ref_audio":"data:audio/wav;base64,\#(tone)"}"#)
            #expect(recorded.status == 200, "\(recorded.text)")
        }
    }

    @Test func `a target that is a whole address is taken, and its host is held to`() async throws {
        try await TestServer.run { server in
            let own = try await server.raw("GET http://localhost/health HTTP/1.1\r\nHost: other\r\n\r\n")
            #expect(own.status == 200, "\(own.text)")
            let foreign = try await server.raw(
                "GET http://evil.example/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(foreign.status == 421, "\(foreign.text)")
        }
    }

    @Test(arguments: ["/nope", "/health", "/v1/models/nobody"])
    func `an answer to HEAD has nothing behind its head`(path: String) async throws {
        try await TestServer.run { server in
            let wire = try Wire(port: server.port)
            await wire.send("HEAD \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let head = try await wire.answer(toHead: true)
            #expect(head.headers["content-length"] != nil && head.headers["transfer-encoding"] == nil)
            await wire.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let next = try await wire.answer()
            #expect(next.status == 200 && next.text == #"{"status":"ok"}"#, "\(next.text)")
        }
    }

    @Test func `an answer to a HEAD that is no proper HTTP has nothing behind its head either`() async throws
    {
        try await TestServer.run { server in
            let wire = try Wire(port: server.port)
            await wire.send("HEAD /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            #expect(try await wire.answer(toHead: true).status == 400)
            #expect(await wire.rest().isEmpty)
        }
    }

    @Test func `a request that was sent before its turn has its time to arrive too`() async throws {
        try await TestServer.run({ $0.limits.receiveSeconds = 1 }) { server in
            let wire = try Wire(port: server.port)
            let body = #"{"input":"Rain.","response_format":"pcm"}"#
            await wire.send(
                TestServer.head("POST", "/v1/audio/speech", "application/json", [], Array(body.utf8), false)
                    + body
                    + "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            )
            #expect(try await wire.answer().status == 200)
            #expect(try await wire.answer().status == 408)
        }
    }

    @Test func `what is wrong behind a request is answered after it`() async throws {
        try await TestServer.run { server in
            let wire = try Wire(port: server.port)
            await wire.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nHELO mail.example\r\n\r\n")
            #expect(try await wire.answer().status == 200)
            #expect(try await wire.answer().status == 400)
        }
    }

    @Test func `what is answered before any route has the client's id, and is counted`() async throws {
        try await TestServer.run({ $0.limits.receiveSeconds = 1 }) { server in
            let wrong = try await server.raw(
                "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\nX-Request-Id: mine-1\r\n\r\n")
            #expect(wrong.status == 400 && wrong.headers["x-request-id"] == "mine-1")
            #expect(wrong.headers["x-content-type-options"] == "nosniff")
            #expect(
                wrong.headers["date"]?.wholeMatch(of: /\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/) != nil)
            let late = try await server.raw(
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine-2\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            )
            #expect(late.status == 408 && late.headers["x-request-id"] == "mine-2")
            let metrics = try await server.get("/metrics").text
            #expect(metrics.contains(#"{method="GET",route="none",status="400"} 1"#), "\(metrics)")
            #expect(metrics.contains(#"{method="POST",route="/v1/audio/speech",status="408"} 1"#))
            #expect(!metrics.contains(#"status="500""#))
        }
    }

    @Test func `a flac that unpacks to hours is refused, and nothing of it stays`() async throws {
        let encoder = try SoundEncoder(.flac, sampleRate: 8_000, isStreamed: false)
        // Silence packs to next to nothing.
        let hour = [Float](repeating: 0, count: 8_000 * 60)
        var bytes: [UInt8] = []
        for _ in 0..<60 { bytes += try encoder.encode(hour) }
        bytes += try encoder.finish()
        try await TestServer.run { server in
            let (type, body) = TestServer.form([], files: [("file", "bomb.flac", bytes)])
            #expect(body.count < 1 << 20)
            for isChunked in [false, true] {
                let answer = try await server.send(
                    "POST", "/v1/audio/transcriptions", type: type, body: body, isChunked: isChunked)
                #expect(answer.status == 400)
                #expect(answer.error["param"] as? String == "file")
            }
            let data = Data(bytes).base64EncodedString()
            let answer = try await server.speak(
                #"{"input":"x","ref_audio":"data:audio/flac;base64,\#(data)"}"#)
            #expect(answer.status == 400)
            #expect(answer.error["param"] as? String == "ref_audio")
            #expect(server.engine.heard.withLock { $0.isEmpty })
        }
    }

    @Test func `a request that does not arrive in time is ended in words`() async throws {
        try await TestServer.run({ $0.limits.receiveSeconds = 1 }) { server in
            let wire = try Wire(port: server.port)
            await wire.send(
                "POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            )
            let answer = try await wire.answer()
            #expect(answer.status == 408)
        }
    }

    @Test func `a client that takes nothing is let go`() async throws {
        try await TestServer.run({ $0.limits.writeSeconds = 1 }) { server in
            let wire = try Wire(port: server.port)
            let body = #"{"input":"endless","response_format":"pcm"}"#
            await wire.send(
                TestServer.head("POST", "/v1/audio/speech", "application/json", [], Array(body.utf8), false)
                    + body)
            var left = server.engine.left.makeAsyncIterator()
            #expect(await left.next() == ScriptedEngine.endless)
        }
    }

    @Test func `a connection serves one request after another`() async throws {
        try await TestServer.run { server in
            let wire = try Wire(port: server.port)
            for _ in 0..<3 {
                await wire.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(try await wire.answer().status == 200)
                let body = #"{"input":"Rain.","response_format":"pcm"}"#
                await wire.send(
                    TestServer.head(
                        "POST", "/v1/audio/speech", "application/json", [], Array(body.utf8), false) + body)
                let answer = try await wire.answer()
                #expect(answer.status == 200 && answer.isWhole)
            }
        }
    }

    @Test func `requests sent together are answered in order`() async throws {
        try await TestServer.run { server in
            let wire = try Wire(port: server.port)
            let body = #"{"input":"Rain.","response_format":"pcm"}"#
            await wire.send(
                TestServer.head("POST", "/v1/audio/speech", "application/json", [], Array(body.utf8), false)
                    + body
                    + "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try await wire.answer().headers["content-type"] == "audio/pcm")
            #expect(try await wire.answer().headers["content-type"] == "application/json")
        }
    }
}
