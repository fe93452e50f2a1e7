import Foundation
import Mynah
import MynahServer
import Testing

@Suite struct SettingsTests {
    private func read(
        _ json: String? = nil, _ environment: [String: String] = [:], _ flags: [String: String] = [:]
    ) throws -> Settings {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        if let json { try Data(json.utf8).write(to: file) }
        var reader = SettingsReader(
            file: json == nil ? nil : file.path, environment: environment, flags: flags)
        return try reader.read()
    }

    /// Place and message of everything that is wrong.
    private func problems(
        _ json: String? = nil, _ environment: [String: String] = [:], _ flags: [String: String] = [:]
    ) throws -> [SettingProblem] {
        do {
            _ = try read(json, environment, flags)
            return []
        } catch let problems as SettingProblems {
            return problems.all
        }
    }

    @Test func `the file, the environment and flags, the later ones stronger`() throws {
        let json = #"{"server":{"port":1,"grace_seconds":1},"limits":{"queue":1}}"#
        let settings = try read(
            json, ["MYNAH_PORT": "2", "MYNAH_LIMITS_QUEUE": "2", "MYNAH_LIMITS_PARTS": "2"],
            ["server.port": "3"])
        #expect(settings.server.port == 3)
        #expect(settings.limits.queue == 2)
        #expect(settings.limits.parts == 2)
        #expect(settings.server.graceSeconds == 1)
        #expect(settings.limits.connections == Settings().limits.connections)
    }

    @Test func `what belongs to a model is read by its name, dots in it or not`() throws {
        let settings = try read(
            """
            {"models": {"qwen3-tts-0.6b": {"quantization": "q8_0", "sessions": 2, "cfg_scale": 2, "top_p": 0.5},
                        "tiny": {"path": "/"}}, "voices": {"aliases": {"alloy": "ryan", "b.c": "d"}}}
            """)
        #expect(settings.models["qwen3-tts-0.6b"]?.quantization == .q8Zero)
        #expect(settings.models["qwen3-tts-0.6b"]?.sessions == 2)
        #expect(settings.models["qwen3-tts-0.6b"]?.guidance == 2)
        #expect(settings.models["qwen3-tts-0.6b"]?.topP == 0.5)
        #expect(settings.models["tiny"]?.path == "/")
        #expect(settings.voices.aliases == ["alloy": "ryan", "b.c": "d"])
    }

    @Test func `everything that is wrong is told at once, with its place`() throws {
        let found = try problems(
            """
            {"server": {"prt": 1, "port": "x"}, "limits": {"queue": -1, "parts": 1.5}, "modles": {},
             "models": {"a": {"quantisation": "q8_0", "quantization": "q9", "path": 7}}, "log": "loud",
             "voices": {"aliases": {"alloy": 1}}}
            """, ["MYNAH_LIMITS_PART": "1", "MYNAH_LOG_LEVEL": "loud", "MYNAH_HOME": "/x"],
            ["wyoming.port": "x"])
        #expect(
            found.map(\.place) == [
                "limits.parts", "limits.queue", "log", "models.a.path", "models.a.quantisation",
                "models.a.quantization",
                "modles", "server.port", "server.prt", "voices.aliases.alloy", "MYNAH_LOG_LEVEL",
                "--wyoming-port",
                "MYNAH_LIMITS_PART",
            ])
        let messages = Dictionary(uniqueKeysWithValues: found.map { ($0.place, $0.message) })
        #expect(messages["server.prt"]?.contains("'server.port'") == true)
        #expect(messages["modles"]?.contains("'models'") == true)
        #expect(messages["models.a.quantisation"]?.contains("'models.a.quantization'") == true)
        #expect(messages["limits.queue"]?.contains("-1") == true)
        #expect(messages["MYNAH_LIMITS_PART"]?.contains("MYNAH_LIMITS_PARTS") == true)
    }

    @Test(arguments: ["", "{", "[]", "7", "{\"server\": 1}"])
    func `a file that is no object of sections is told so`(json: String) throws {
        #expect(try problems(json).count == 1)
    }

    @Test func `what stands in the way of reading the file is told by line and column`() throws {
        let comma = try problems("{\n  \"server\": {\"port\": 1,}\n}")
        #expect(comma.map(\.message) == ["line 2, column 23: a comma has nothing after it."])
        let twice = try problems("{\"server\": {\"port\": 1, \"port\": 2}}")
        #expect(twice.map(\.message) == ["line 1, column 24: 'port' is given more than once."])
    }

    @Test(arguments: ["0.0.0.0", "::", "192.168.1.7", "speech.example"])
    func `another address than this machine's own needs keys or a word`(host: String) throws {
        let open = try problems(nil, [:], ["server.host": host])
        #expect(open.map(\.place) == ["server.host"])
        #expect(open.first?.message.contains("--insecure-no-auth") == true)
        #expect(try read(nil, [:], ["server.host": host, "server.insecure_no_auth": "true"]).server.isOpen)
        #expect(
            try read(nil, ["MYNAH_API_KEYS": "a-long-key-0123456789"], ["server.host": host]).server.keys
                .count == 1)
    }

    @Test(arguments: ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
    func `this machine's own addresses need none`(host: String) throws {
        #expect(try read(nil, [:], ["server.host": host]).server.host == host)
    }

    @Test func `keys come from the environment and from a file with comments, and short ones are refused`()
        throws
    {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("# ours\nkey-of-the-kitchen-1  # radio\n\nkey-of-the-kitchen-2\n".utf8).write(to: file)
        let settings = try read(
            nil,
            ["MYNAH_API_KEYS": "key-of-the-hall-0001, key-of-the-hall-0002", "MYNAH_API_KEY_FILE": file.path])
        #expect(
            settings.server.keys == [
                "key-of-the-hall-0001", "key-of-the-hall-0002", "key-of-the-kitchen-1",
                "key-of-the-kitchen-2",
            ])
        #expect(try problems(nil, ["MYNAH_API_KEYS": "short"]).count == 1)
        #expect(try problems(nil, ["MYNAH_API_KEY_FILE": "/nowhere"]).map(\.place) == ["server.api_key_file"])
    }

    @Test func `a path to nothing and an origin that is none are told`() throws {
        let found = try problems(
            #"{"models":{"a":{"path":"/nowhere"}},"server":{"origins":["example.org","https://a.example/"]}}"#
        )
        #expect(found.map(\.place) == ["server.origins", "server.origins", "models.a.path"])
    }

    @Test func `Wyoming on another address needs the same word, and a port of its own`() throws {
        let open = try problems(nil, [:], ["wyoming.host": "0.0.0.0", "wyoming.port": "10200"])
        #expect(open.map(\.place) == ["wyoming.host"])
        _ = try read(
            nil, [:],
            ["wyoming.host": "0.0.0.0", "wyoming.port": "10200", "server.insecure_no_auth": "true"])
        #expect(try problems(nil, [:], ["wyoming.port": "8080"]).map(\.place) == ["wyoming.port"])
    }

    @Test func `a variable whose section is misspelt is told`() throws {
        let found = try problems(
            nil, ["MYNAH_WYOMIG_PORT": "1", "MYNAH_TEST_OUTPUT": "/x", "MYNAH_HOME": "/x"])
        #expect(found.map(\.place) == ["MYNAH_WYOMIG_PORT"])
        #expect(found.first?.message.contains("MYNAH_WYOMING_PORT") == true)
    }

    @Test func `what this machine does not have is told with its place`() throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        let tiny = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Fixtures/qwen3-tts/tiny-custom_voice").standardizedFileURL.path
        let environment = ["MYNAH_HOME": home, "HF_HOME": home]
        func places(_ json: String) throws -> [String] {
            do {
                try read(json).check(environment: environment)
                return []
            } catch let problems as SettingProblems {
                return problems.all.map(\.place)
            }
        }
        #expect(
            try places(
                """
                {"defaults": {"model": "tiny", "voice": "VIVIAN"}, "voices": {"directory": "\(home)"},
                 "models": {"tiny": {"path": "\(tiny)", "language": "en"}}, "engine": {"device": "cpu"}}
                """) == [])
        #expect(
            try places(
                """
                {"defaults": {"model": "nobody", "transcriber": "no-one", "voice": "bob"},
                 "voices": {"directory": "\(home)/none/voices"}, "engine": {"device": "abacus"},
                 "models": {"gone": {}, "tiny": {"path": "\(tiny)", "language": "klingon"}, "tmp": {"path": "/tmp"}}}
                """) == [
                    "models.gone", "models.tiny.language", "models.tmp.path", "defaults.model",
                    "defaults.transcriber", "voices.directory", "defaults.voice", "engine.device",
                ])
    }

    @Test func `the documentation lists every key as it is`() throws {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../docs/operations.md").standardizedFileURL
        let lines = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").map(String.init)
        let start = try #require(lines.firstIndex { $0.hasPrefix("| key |") })
        let rows = lines[(start + 2)...].prefix { $0.hasPrefix("|") }
        #expect(Array(rows) == SettingKey.all.map(\.row))
    }
}

extension SettingKey {
    /// As the documentation's table has it.
    var row: String {
        func code(_ text: String?) -> String { text.map { "`\($0)`" } ?? "" }
        let names = [variable, flag].compactMap { $0 }.map { "`\($0)`" }.joined(separator: " ")
        return "| `\(path)` | \(names) | \(code(standard)) | \(meaning) |"
    }
}
