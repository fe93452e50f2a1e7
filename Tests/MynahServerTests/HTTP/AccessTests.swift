import Foundation
import MynahServer
import Testing

@Suite(.serialized) struct AccessTests {
    private static let keys = ["first-key-0123456789", "second-key-0123456789"]

    @Test func `keys are asked for, any of them serves, and health is for everybody`() async throws {
        try await TestServer.run({ $0.server.keys = Self.keys }) { server in
            #expect(try await server.get("/health").status == 200)
            #expect(try await server.get("/ready").status == 200)
            for path in ["/v1/models", "/v1/audio/voices", "/metrics", "/v1/audio/voice_consents"] {
                let none = try await server.get(path)
                #expect(none.status == 401)
                #expect(none.error["code"] as? String == "missing_api_key")
                #expect(none.headers["www-authenticate"] == "Bearer")
                let wrong = try await server.get(path, headers: ["Authorization: Bearer wrong"])
                #expect(wrong.error["code"] as? String == "invalid_api_key")
                #expect(
                    try await server.get(path, headers: ["Authorization: Basic \(Self.keys[0])"]).status
                        == 401)
                for key in Self.keys {
                    #expect(
                        try await server.get(path, headers: ["authorization: bearer \(key)"]).status == 200)
                }
            }
            #expect(try await server.speak(#"{"input":"Rain."}"#).status == 401)
        }
    }

    @Test func `a key has so many requests at once, and another key is not held up by it`() async throws {
        try await TestServer.run({
            $0.server.keys = Self.keys
            $0.limits.requestsPerKey = 1
        }) { server in
            let wire = try Wire(port: server.port)
            let body = #"{"input":"gated","response_format":"pcm"}"#
            let first = ["Authorization: Bearer \(Self.keys[0])"]
            await wire.send(
                TestServer.head(
                    "POST", "/v1/audio/speech", "application/json", first, Array(body.utf8), false) + body)
            _ = try await wire.head()
            let refused = try await server.speak(#"{"input":"Rain."}"#, headers: first)
            #expect(refused.status == 429)
            #expect(refused.headers["retry-after"] == "1")
            let other = try await server.speak(
                #"{"input":"Rain."}"#, headers: ["Authorization: Bearer \(Self.keys[1])"])
            #expect(other.status == 200)
            server.engine.release()
            _ = await wire.chunks(atLeast: .max)
            #expect(try await server.speak(#"{"input":"Rain."}"#, headers: first).status == 200)
        }
    }

    @Test(arguments: [
        ("localhost", true), ("127.0.0.1", true), ("[::1]:80", true), ("LOCALHOST.:9", true),
        ("192.168.1.7", true),
        ("speech.example", true), ("evil.example", false), ("localhost.evil.example", false),
        ("127.0.0.1.evil", false),
    ])
    func `the server goes by its own names and by addresses`(host: String, isKnown: Bool) async throws {
        try await TestServer.run({ $0.server.hosts = ["speech.example"] }) { server in
            let answer = try await server.get("/v1/models", headers: ["Host: \(host)"])
            #expect(answer.status == (isKnown ? 200 : 421))
        }
    }

    @Test func `pages of other origins are let in by name alone`() async throws {
        try await TestServer.run({ $0.server.origins = ["https://page.example"] }) { server in
            let known = try await server.speak(
                #"{"input":"Rain."}"#, headers: ["Origin: https://page.example"])
            #expect(known.status == 200)
            #expect(known.headers["access-control-allow-origin"] == "https://page.example")
            #expect(known.headers["access-control-allow-credentials"] == nil)
            #expect(known.headers["vary"] == "Origin")
            let other = try await server.speak(
                #"{"input":"Rain."}"#, headers: ["Origin: https://evil.example"])
            #expect(other.status == 403)
            #expect(other.headers["access-control-allow-origin"] == nil)
            let own = try await server.speak(#"{"input":"Rain."}"#, headers: ["Origin: http://localhost"])
            #expect(own.status == 200)
            let asked = try await server.send(
                "OPTIONS", "/v1/audio/speech",
                headers: ["Origin: https://page.example", "Access-Control-Request-Method: POST"])
            #expect(asked.status == 204)
            #expect(asked.headers["access-control-allow-methods"]?.contains("POST") == true)
        }
    }

    @Test func `a request's id comes back when it may stand in a log`() async throws {
        try await TestServer.run { server in
            #expect(
                try await server.get("/health", headers: ["X-Request-Id: abc-1.2_3"]).headers["x-request-id"]
                    == "abc-1.2_3")
            let made = try await server.get("/health", headers: ["X-Request-Id: a b"]).headers["x-request-id"]
            #expect(made?.hasPrefix("req_") == true)
        }
    }

    @Test func `metrics are written as Prometheus reads them`() async throws {
        try await TestServer.run { server in
            _ = try await server.speak(#"{"input":"Rain."}"#)
            _ = try await server.get("/nothing")
            let answer = try await server.get("/metrics")
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            let lines = answer.text.split(separator: "\n")
            #expect(lines.contains("# TYPE mynah_http_requests_total counter"))
            #expect(
                lines.contains(
                    #"mynah_http_requests_total{method="POST",route="/v1/audio/speech",status="200"} 1"#))
            #expect(lines.contains(#"mynah_http_requests_total{method="GET",route="none",status="404"} 1"#))
            #expect(lines.contains(#"mynah_http_request_seconds_count{route="/v1/audio/speech"} 1"#))
            #expect(lines.contains(#"mynah_models{state="ready"} 1"#))
            #expect(lines.contains("mynah_requests_active 0"))
            for line in lines where !line.hasPrefix("#") {
                #expect(line.wholeMatch(of: /[a-z_]+(\{[^}]*\})? [0-9.e+-]+/) != nil, "\(line)")
            }
        }
    }
}
