import Foundation
import Mynah
import MynahServer
import SpeechCore
import Synchronization
import Testing

@Suite(.serialized) struct VoiceTests {
    private func consent(_ server: TestServer) async throws -> String {
        let answer = try await server.form(
            "/v1/audio/voice_consents", [("name", "Ann says yes"), ("language", "en-GB")],
            files: [("recording", "yes.wav", try recordedTone(seconds: 1))])
        #expect(answer.status == 200, "\(answer.text)")
        return try #require(answer.object["id"] as? String)
    }

    private func listed(_ server: TestServer) async throws -> [[String: Any]] {
        try await server.get("/v1/audio/voices").object["voices"] as? [[String: Any]] ?? []
    }

    @Test func `a voice is cloned, listed, shown, spoken with and forgotten`() async throws {
        try await TestServer.run { server in
            let consent = try await consent(server)
            let made = try await server.form(
                "/v1/audio/voices",
                [("name", "Ann of the Hill"), ("consent", consent), ("ref_text", "Hello there.")],
                files: [("audio_sample", "../../ann.wav", try recordedTone(seconds: 2))])
            #expect(made.status == 200, "\(made.text)")
            let id = try #require(made.object["id"] as? String)
            #expect(id == "voice_Ann-of-the-Hill")
            #expect(made.object["object"] as? String == "audio.voice")
            #expect(made.object["name"] as? String == "Ann of the Hill")
            #expect((made.object["advice"] as? [String])?.isEmpty == false)

            let library = VoiceLibrary(at: server.home.appendingPathComponent("voices"))
            let stored = try library.voice(named: "Ann-of-the-Hill")
            #expect(stored.consent?.contains(consent) == true)
            #expect(stored.source.fileName == "ann.wav")
            #expect(
                try await listed(server).contains {
                    $0["id"] as? String == id && $0["consent"] as? String == consent
                })
            #expect(try await server.get("/v1/audio/voices/\(id)").object["has_transcript"] as? Bool == true)

            for voice in [#"{"id":"\#(id)"}"#, #""Ann of the Hill""#, #""Ann-of-the-Hill""#] {
                #expect(try await server.speak(#"{"input":"Rain.","voice":\#(voice)}"#).status == 200)
                guard
                    case .prepared(let profile) = server.engine.orders.withLock({ $0.last })?.utterance.voice
                else {
                    throw WireFailure("the voice \(voice)")
                }
                #expect(profile.transcript == "Hello there.")
            }
            #expect(
                try await server.send("DELETE", "/v1/audio/voices/\(id)").object["deleted"] as? Bool == true)
            #expect(try await server.send("DELETE", "/v1/audio/voices/\(id)").status == 404)
            #expect(try await server.speak(#"{"input":"Rain.","voice":{"id":"\#(id)"}}"#).status == 400)
            #expect(try library.names().isEmpty)
        }
    }

    @Test func `a voice that another model made is cloned again from its recording`() async throws {
        try await TestServer.run { server in
            let library = VoiceLibrary(at: server.home.appendingPathComponent("voices"))
            let sound = AudioBuffer(samples: ScriptedEngine.chunk, sampleRate: 24_000)
            try library.add(
                StoredVoice(
                    VoiceProfile(name: "bea", family: "other", speakerVector: [1]), model: "elsewhere",
                    recording: sound,
                    fileName: "bea.wav"))
            #expect(try await server.speak(#"{"input":"Rain.","voice":"bea"}"#).status == 200)
            guard case .cloned(let recording) = server.engine.orders.withLock({ $0.last })?.utterance.voice
            else {
                throw WireFailure("the voice")
            }
            #expect(recording.audio.samples.count == sound.samples.count)
        }
    }

    @Test func `a voice in words is kept, and spoken with by a model that designs`() async throws {
        try await TestServer.run { server in
            let made = try await server.form(
                "/v1/audio/voices", [("name", "sailor"), ("type", "prompt"), ("prompt", "an old sailor")])
            #expect(made.object["type"] as? String == "prompt", "\(made.text)")
            let id = try #require(made.object["id"] as? String)
            #expect(try await server.speak(#"{"input":"Rain.","voice":{"id":"\#(id)"}}"#).status == 200)
            let order = server.engine.orders.withLock { $0.last }
            #expect(order?.model == "designer")
            guard case .described("an old sailor") = order?.utterance.voice else {
                throw WireFailure("the voice")
            }
            let again = try await server.send(
                "POST", "/v1/audio/voices", type: "application/json",
                body: Array(#"{"name":"other","type":"prompt","prompt":"a young sailor"}"#.utf8))
            #expect(again.object["name"] as? String == "other", "\(again.text)")
            #expect(try await server.send("DELETE", "/v1/audio/voices/\(id)").status == 200)
            #expect(try await !listed(server).contains { $0["id"] as? String == id })
        }
    }

    @Test func `consents are kept, paged, renamed and forgotten, and outlive the server`() async throws {
        try await TestServer.run { server in
            var ids: [String] = []
            for _ in 0..<3 { ids.append(try await consent(server)) }
            var (found, after) = ([String](), "")
            while true {
                let page = try await server.get(
                    "/v1/audio/voice_consents?limit=1" + (after.isEmpty ? "" : "&after=\(after)"))
                let data = page.object["data"] as? [[String: Any]] ?? []
                found += data.compactMap { $0["id"] as? String }
                after = page.object["last_id"] as? String ?? ""
                guard page.object["has_more"] as? Bool == true else { break }
            }
            #expect(found == ids)
            let renamed = try await server.send(
                "POST", "/v1/audio/voice_consents/\(ids[0])", type: "application/json",
                body: Array(#"{"name":"second"}"#.utf8))
            #expect(renamed.object["name"] as? String == "second")
            #expect(
                try await server.get("/v1/audio/voice_consents/\(ids[0])").object["name"] as? String
                    == "second")
            let gone = try await server.send("DELETE", "/v1/audio/voice_consents/\(ids[0])")
            #expect(gone.object["object"] as? String == "audio.voice_consent.deleted")
            #expect(try await server.get("/v1/audio/voice_consents/\(ids[0])").status == 404)
            let folder = server.home.appendingPathComponent("voices/consents")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
            let kept = try String(
                contentsOf: server.home.appendingPathComponent("voices/register.json"), encoding: .utf8)
            #expect(kept.contains(ids[1]) && !kept.contains(ids[0]))
        }
    }

    @Test func `the list has the presets too, of one model when it is named, and ids alone for old clients`()
        async throws
    {
        try await TestServer.run { server in
            #expect(try await listed(server).compactMap { $0["id"] as? String } == ["ryan", "vivian"])
            let none = try await server.get("/v1/audio/voices?model=designer")
            #expect((none.object["voices"] as? [Any])?.isEmpty == true)
            #expect(try await server.get("/v1/audio/voices?model=nobody").status == 404)
            let old = try await server.get("/v1/audio/voices?legacy=true")
            #expect(old.object["voices"] as? [String] == ["ryan", "vivian"])
        }
    }

    @Test func `the same voice asked for three times at once is made once`() async throws {
        try await TestServer.run { server in
            let tone = try recordedTone(seconds: 2)
            let answers = try await together(3) { _ in
                try await server.form(
                    "/v1/audio/voices", [("name", "slow retry"), ("consent", "yes")],
                    files: [("audio_sample", "a.wav", tone)])
            }
            #expect(answers.map(\.status) == [200, 200, 200], "\(answers.map(\.text))")
            #expect(Set(answers.compactMap { $0.object["id"] as? String }).count == 1)
            #expect(try await listed(server).count { $0["name"] as? String == "slow retry" } == 1)
        }
    }

    @Test func `two voices of one name at once are both kept`() async throws {
        try await TestServer.run { server in
            let answers = try await together(2) { number in
                try await server.form(
                    "/v1/audio/voices", [("name", "slow"), ("consent", "yes")],
                    files: [("audio_sample", "a.wav", try recordedTone(seconds: Double(2 + number)))])
            }
            #expect(answers.map(\.status) == [200, 200], "\(answers.map(\.text))")
            #expect(Set(answers.compactMap { $0.object["id"] as? String }).count == 2)
        }
    }

    private func together(
        _ count: Int, _ ask: @escaping @Sendable (Int) async throws -> WireAnswer
    ) async throws -> [WireAnswer] {
        try await withThrowingTaskGroup(of: WireAnswer.self) { group in
            for number in 0..<count { group.addTask { try await ask(number) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test func `a consent is not forgotten while a voice rests on it`() async throws {
        try await TestServer.run { server in
            let consent = try await consent(server)
            let made = try await server.form(
                "/v1/audio/voices", [("name", "ann"), ("consent", consent)],
                files: [("audio_sample", "a.wav", try recordedTone(seconds: 2))])
            let refused = try await server.send("DELETE", "/v1/audio/voice_consents/\(consent)")
            #expect(refused.status == 409 && refused.error["code"] as? String == "consent_in_use")
            #expect((refused.error["message"] as? String)?.contains("'ann'") == true, "\(refused.text)")
            let id = try #require(made.object["id"] as? String)
            #expect(try await server.send("DELETE", "/v1/audio/voices/\(id)").status == 200)
            #expect(try await server.send("DELETE", "/v1/audio/voice_consents/\(consent)").status == 200)
        }
    }

    @Test func `a consent too many leaves nothing behind`() async throws {
        let consents = (0..<10_000).map {
            #"{"id":"cons_\#($0)","name":"a","language":"en","created":1,"file":"cons_\#($0)"}"#
        }
        try await TestServer.run({ settings in
            let folder = URL(fileURLWithPath: settings.voices.directory ?? "")
            let register =
                #"{"consents":[\#(consents.joined(separator: ","))],"designs":[],"names":{},"grounds":{}}"#
            try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try? Data(register.utf8).write(to: folder.appendingPathComponent("register.json"))
        }) { server in
            let answer = try await server.form(
                "/v1/audio/voice_consents", [("name", "Ann"), ("language", "en-GB")],
                files: [("recording", "yes.wav", try recordedTone(seconds: 1))])
            #expect(answer.status == 409 && answer.error["code"] as? String == "register_full")
            let folder = server.home.appendingPathComponent("voices/consents").path
            #expect((try? FileManager.default.contentsOfDirectory(atPath: folder))?.isEmpty ?? true)
        }
    }
}
