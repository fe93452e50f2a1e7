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
            #expect(responses["401"] == nil && responses["505"] != nil)
            let translations = paths["/v1/audio/translations"]?["post"] as? [String: Any]
            #expect((translations?["responses"] as? [String: Any])?["200"] == nil)
        }
    }

    @Test func `the names that a field goes by are described with it`() async throws {
        try await TestServer.run { server in
            let described = try await server.get("/openapi.json").text
            for field in SpeechFields.aliases { #expect(described.contains("\"\(field)\":{"), "\(field)") }
        }
    }

    private enum SpeechFields {
        static let aliases = ["lang_code", "voice_ref", "guidance_scale", "diffusion_steps", "transcript"]
    }

    @Test func `what is answered has no field that is not described`() async throws {
        try await TestServer.run { server in
            let described = try await server.get("/openapi.json").object
            let paths = described["paths"] as? [String: [String: [String: Any]]] ?? [:]
            func properties(_ path: String, _ method: String) -> [String: Any] {
                let responses = paths[path]?[method]?["responses"] as? [String: [String: Any]]
                let content = responses?["200"]?["content"] as? [String: [String: Any]]
                let schema = content?["application/json"]?["schema"] as? [String: Any]
                return schema?["properties"] as? [String: Any] ?? [:]
            }
            for model in ["speaker", "listener"] {
                let answer = try await server.get("/v1/models/\(model)").object
                #expect(
                    Set(answer.keys).isSubset(of: properties("/v1/models/{model}", "get").keys), "\(answer)")
            }
            let voice = try await server.form(
                "/v1/audio/voices", [("name", "ann"), ("consent", "yes")],
                files: [("audio_sample", "a.wav", try recordedTone(seconds: 2))])
            #expect(
                Set(voice.object.keys).isSubset(of: properties("/v1/audio/voices", "post").keys),
                "\(voice.text)")
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
