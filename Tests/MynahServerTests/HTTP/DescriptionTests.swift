import Foundation
import MynahServer
import Testing

@Suite(.serialized) struct DescriptionTests {
    @Test func `the description tells every route, its fields and its errors`() async throws {
        try await TestServer.run { server in
            let described = try await server.get("/openapi.json").object
            #expect((described["openapi"] as? String)?.hasPrefix("3.") == true)
            let paths = try #require(described["paths"] as? [String: [String: Any]])
            #expect(
                Set(paths.keys) == [
                    "/health", "/ready", "/metrics", "/openapi.json", "/v1/models", "/v1/models/{model}",
                    "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/translations",
                    "/v1/audio/voices",
                    "/v1/audio/voices/{voice}", "/v1/audio/voice_consents",
                    "/v1/audio/voice_consents/{consent}",
                ])
            let speech = try #require(paths["/v1/audio/speech"]?["post"] as? [String: Any])
            let responses = try #require(speech["responses"] as? [String: Any])
            #expect(Set(responses.keys).isSuperset(of: ["200", "400", "404", "413", "415", "429", "503"]))
            #expect(responses["401"] == nil)
        }
    }

    @Test func `every path answers the methods it tells, and no others`() async throws {
        try await TestServer.run { server in
            let described = try await server.get("/openapi.json").object
            let paths = described["paths"] as? [String: [String: Any]] ?? [:]
            for (path, operations) in paths {
                let place = path.replacing(/\{\w+\}/, with: "nobody")
                for method in ["GET", "POST", "DELETE", "PUT", "PATCH"] {
                    let answer = try await server.send(method, place)
                    let isKnown = operations[method.lowercased()] != nil
                    #expect((answer.status == 405) == !isKnown, "\(method) \(path): \(answer.status)")
                    if isKnown, let operation = operations[method.lowercased()] as? [String: Any] {
                        let known = operation["responses"] as? [String: Any] ?? [:]
                        #expect(known["\(answer.status)"] != nil, "\(method) \(path): \(answer.status)")
                    } else {
                        #expect(answer.headers["allow"]?.isEmpty == false)
                    }
                }
            }
        }
    }

    @Test func `a head is asked for as a body is`() async throws {
        try await TestServer.run { server in
            let answer = try await server.send("HEAD", "/v1/models")
            #expect(answer.status == 200 && answer.body.isEmpty)
        }
    }
}
