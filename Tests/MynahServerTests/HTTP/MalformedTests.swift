import Foundation
import MynahServer
import Testing

/// Requests that nobody should send, each answered as it should be, and the server well after each.
@Suite(.serialized) struct MalformedTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        var method = "POST", path = "/v1/audio/speech"
        var type: String? = "application/json"
        var headers: [String] = []
        var body = ""
        let status: Int
        var param: String?
        var code: String?

        var testDescription: String { name }
    }

    private static func body(
        _ name: String, _ body: String, _ param: String?, code: String? = nil, status: Int = 400
    ) -> Case {
        Case(name: name, body: body, status: status, param: param, code: code)
    }

    static let bodies: [Case] = [
        body("no JSON", "{", nil, code: "invalid_json"),
        body("nothing", "", nil, code: "invalid_json"),
        body("an array", "[]", nil, code: "invalid_type"),
        body("a number", "7", nil, code: "invalid_type"),
        body("deep nesting", String(repeating: "[", count: 100_000), nil, code: "invalid_json"),
        body("a broken string", "{\"input\":\"\\ud800\"}", nil),
        body(
            "nesting with errors at every node",
            #"{"input":\#(String(repeating: "[", count: 400))\#(String(repeating: "{},", count: 1_200))"#,
            nil,
            code: "invalid_json"),
        body("a comma too many", #"{"input":"x",}"#, nil, code: "invalid_json"),
        body("a number like none", #"{"input":"x","speed":01}"#, nil, code: "invalid_json"),
        body("not a number", #"{"input":"x","speed":NaN}"#, nil, code: "invalid_json"),
        body("a field twice", #"{"input":"x","input":"y"}"#, "input", code: "invalid_value"),
        body("a field twice, within", #"{"input":"x","voice":{"id":"a","id":"b"}}"#, "id"),
        body("no input", "{}", "input", code: "missing_required_parameter"),
        body("null for input", #"{"input":null}"#, "input"),
        body("a number for input", #"{"input":7}"#, "input", code: "invalid_type"),
        body("an empty input", #"{"input":""}"#, "input"),
        body("blank input", #"{"input":" \n\t "}"#, "input"),
        body("too much input", #"{"input":"\#(String(repeating: "x", count: 4_097))"}"#, "input"),
        body("an unknown field", #"{"input":"x","sped":1}"#, "sped", code: "unknown_parameter"),
        body("a field and its alias", #"{"input":"x","language":"en","lang_code":"en"}"#, "lang_code"),
        body("an unknown format", #"{"input":"x","response_format":"midi"}"#, "response_format"),
        body("a number for format", #"{"input":"x","response_format":1}"#, "response_format"),
        body("too fast", #"{"input":"x","speed":4.01}"#, "speed"),
        body("too slow", #"{"input":"x","speed":0.2}"#, "speed"),
        body("a word for speed", #"{"input":"x","speed":"fast"}"#, "speed"),
        body("infinite speed", #"{"input":"x","speed":1e999}"#, nil),
        body("a truth for speed", #"{"input":"x","speed":true}"#, "speed"),
        body("an unknown stream format", #"{"input":"x","stream_format":"smoke"}"#, "stream_format"),
        body("a word for stream", #"{"input":"x","stream":"yes"}"#, "stream"),
        body("a negative seed", #"{"input":"x","seed":-1}"#, "seed"),
        body("a broken seed", #"{"input":"x","seed":1.5}"#, "seed"),
        body("a huge seed", #"{"input":"x","seed":99999999999999999999999}"#, "seed"),
        body("temperature 0", #"{"input":"x","temperature":0}"#, "temperature"),
        body("top_p of 2", #"{"input":"x","top_p":2}"#, "top_p"),
        body("steps of 0", #"{"input":"x","steps":0}"#, "steps"),
        body(
            "an unknown model", #"{"input":"x","model":"nobody"}"#, "model", code: "model_not_found",
            status: 404),
        body("a model that listens", #"{"input":"x","model":"listener"}"#, "model"),
        body("a path for model", #"{"input":"x","model":"../../etc/passwd"}"#, "model", status: 404),
        body("an unknown voice", #"{"input":"x","voice":"bob"}"#, "voice"),
        body("a path for voice", #"{"input":"x","voice":"../../etc/passwd"}"#, "voice"),
        body("a null byte in voice", #"{"input":"x","voice":"a\u0000b"}"#, "voice"),
        body("a path for id", #"{"input":"x","voice":{"id":"../x"}}"#, "voice"),
        body("an object without id", #"{"input":"x","voice":{"name":"bob"}}"#, "voice"),
        body("a list of voices", #"{"input":"x","voice":["bob"]}"#, "voice"),
        body(
            "a reference by address", #"{"input":"x","ref_audio":"https://example.org/a.wav"}"#, "ref_audio"),
        body("a reference to this machine", #"{"input":"x","ref_audio":"http://127.0.0.1/a"}"#, "ref_audio"),
        body("a reference by path", #"{"input":"x","ref_audio":"file:///etc/passwd"}"#, "ref_audio"),
        body("no reference at all", #"{"input":"x","ref_audio":""}"#, "ref_audio", code: "invalid_value"),
        body("a bare path", #"{"input":"x","ref_audio":"/etc/passwd"}"#, "ref_audio"),
        body("a data URL that is none", #"{"input":"x","ref_audio":"data:audio/wav;base64"}"#, "ref_audio"),
        body("bad base64", #"{"input":"x","ref_audio":"data:audio/wav;base64,!!!!"}"#, "ref_audio"),
        body("an empty reference", #"{"input":"x","ref_audio":"data:audio/wav;base64,"}"#, "ref_audio"),
        body(
            "a reference that is no sound", #"{"input":"x","ref_audio":"data:audio/wav;base64,aGVsbG8="}"#,
            "ref_audio"),
        body("words without a reference", #"{"input":"x","ref_text":"hello"}"#, "ref_text"),
        Case(
            name: "a form for JSON", type: "application/x-www-form-urlencoded", body: "input=x", status: 415),
        Case(
            name: "plain text, as a page could send it", type: "text/plain", body: #"{"input":"x"}"#,
            status: 415),
        Case(name: "no type", type: nil, body: #"{"input":"x"}"#, status: 415),
    ]

    static let addresses: [Case] = [
        Case(name: "no such route", method: "GET", path: "/v2", status: 404),
        Case(name: "a wrong method", method: "GET", path: "/v1/audio/speech", status: 405),
        Case(name: "a method of another", method: "PUT", path: "/v1/models", status: 405),
        Case(name: "trace", method: "TRACE", path: "/health", status: 405),
        Case(
            name: "traversal to a model", method: "GET", path: "/v1/models/..%2f..%2fetc%2fpasswd",
            status: 404),
        Case(
            name: "traversal to a model, plain", method: "GET", path: "/v1/models/../../../etc/passwd",
            status: 404),
        Case(
            name: "traversal to a voice", method: "GET", path: "/v1/audio/voices/..%2fregister.json",
            status: 404),
        Case(
            name: "traversal to a voice's end", method: "DELETE", path: "/v1/audio/voices/..%2f..%2fx",
            status: 404),
        Case(name: "twice encoded", method: "DELETE", path: "/v1/audio/voices/%252e%252e%252fx", status: 404),
        Case(name: "a null byte", method: "GET", path: "/v1/audio/voices/a%00b", status: 404),
        Case(
            name: "a long id", method: "GET", path: "/v1/audio/voices/" + String(repeating: "a", count: 500),
            status: 404),
        Case(
            name: "traversal to a consent", method: "DELETE", path: "/v1/audio/voice_consents/..%2fx",
            status: 404),
        Case(
            name: "a consent's limit", method: "GET", path: "/v1/audio/voice_consents?limit=1000",
            status: 400, param: "limit"),
        Case(
            name: "a consent's page", method: "GET", path: "/v1/audio/voice_consents?after=nobody",
            status: 400, param: "after"),
        Case(
            name: "an unknown key of the query", method: "GET", path: "/v1/models?modle=x", status: 400,
            param: "modle", code: "unknown_parameter"),
        Case(name: "an id that is not UTF-8", method: "GET", path: "/v1/audio/voices/%ff%fe", status: 404),
        Case(
            name: "another host", method: "GET", path: "/v1/models", headers: ["Host: evil.example"],
            status: 421),
        Case(
            name: "a page of another origin", headers: ["Origin: https://evil.example"],
            body: #"{"input":"x"}"#, status: 403),
        Case(name: "a page of no origin", headers: ["Origin: null"], body: #"{"input":"x"}"#, status: 403),
    ]

    @Test(arguments: bodies + addresses, [false, true])
    func `a request that is wrong is answered in words`(wrong: Case, isChunked: Bool) async throws {
        try await TestServer.run { server in
            let answer = try await server.send(
                wrong.method, wrong.path, type: wrong.type, headers: wrong.headers,
                body: Array(wrong.body.utf8),
                isChunked: isChunked && wrong.method == "POST")
            #expect(answer.status == wrong.status, "\(answer.text)")
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.headers["x-request-id"]?.isEmpty == false)
            #expect(answer.error["message"] as? String != nil, "\(answer.text)")
            #expect(answer.error["type"] as? String != nil && answer.error["code"] as? String != nil)
            if let param = wrong.param {
                #expect(answer.error["param"] as? String == param, "\(answer.text)")
            }
            if let code = wrong.code { #expect(answer.error["code"] as? String == code, "\(answer.text)") }
            #expect(try await server.get("/health").status == 200)
        }
    }

    // MARK: forms

    struct Form: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var path = "/v1/audio/transcriptions"
        let body: String
        var type = "multipart/form-data; boundary=B"
        var status = 400
        var param: String?
    }

    private static func part(_ name: String, _ value: String, file: String? = nil) -> String {
        let named = file.map { "; filename=\"\($0)\"" } ?? ""
        return "--B\r\nContent-Disposition: form-data; name=\"\(name)\"\(named)\r\n\r\n\(value)\r\n"
    }

    static let forms: [Form] = [
        Form(testDescription: "no boundary", body: "", type: "multipart/form-data"),
        Form(testDescription: "JSON", body: "{}", type: "application/json", status: 415),
        Form(testDescription: "nothing", body: ""),
        Form(testDescription: "no form", body: "hello"),
        Form(testDescription: "an empty form", body: "--B--\r\n", param: "file"),
        Form(testDescription: "a form that breaks off", body: part("model", "x")),
        Form(
            testDescription: "a part without a name",
            body: "--B\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--\r\n"),
        Form(
            testDescription: "a head that does not end",
            body: "--B\r\nA: " + String(repeating: "x", count: 20_000)),
        Form(testDescription: "an unknown field", body: part("modell", "x") + "--B--\r\n", param: "modell"),
        Form(
            testDescription: "a file elsewhere", body: part("model", "x", file: "a.wav") + "--B--\r\n",
            param: "model"),
        Form(testDescription: "a text for the file", body: part("file", "x") + "--B--\r\n", param: "file"),
        Form(
            testDescription: "an empty file", body: part("file", "", file: "a.wav") + "--B--\r\n",
            param: "file"),
        Form(
            testDescription: "no sound", body: part("file", "hello", file: "../../a.wav") + "--B--\r\n",
            param: "file"),
        Form(
            testDescription: "a playlist",
            body: part("file", "#EXTM3U\nhttp://127.0.0.1/a.ts\n", file: "a.m3u8") + "--B--\r\n",
            param: "file"),
        Form(
            testDescription: "two files",
            body: part("file", "a", file: "a") + part("file", "b", file: "b") + "--B--\r\n", param: "file"),
        Form(
            testDescription: "two models",
            body: part("model", "a") + part("model", "b") + part("file", "x", file: "a") + "--B--\r\n",
            param: "model"),
        Form(
            testDescription: "no file at all",
            body: "--B\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n\u{FFFD}\r\n--B--\r\n",
            param: "file"),
        Form(
            testDescription: "too many parts",
            body: String(repeating: part("keywords[]", "x"), count: 65) + "--B--\r\n"),
        Form(
            testDescription: "an unknown form",
            body: part("response_format", "pdf") + part("file", "x", file: "a") + "--B--\r\n",
            param: "response_format"),
        Form(
            testDescription: "word times",
            body: part("response_format", "verbose_json") + part("timestamp_granularities[]", "word")
                + part("file", "x", file: "a") + "--B--\r\n", param: "timestamp_granularities"),
        Form(
            testDescription: "temperature",
            body: part("temperature", "0.7") + part("file", "x", file: "a") + "--B--\r\n",
            param: "temperature"),
        Form(
            testDescription: "a language that there is not",
            body: part("language", "klingon") + part("file", "x", file: "a") + "--B--\r\n",
            param: "language"),
        Form(
            testDescription: "one of several languages that there is not",
            body: part("languages[]", "en") + part("languages[]", "klingon") + part("file", "x", file: "a")
                + "--B--\r\n", param: "languages"),
        Form(
            testDescription: "a part of a strategy without its type",
            body: part("chunking_strategy[threshold]", "0.5") + part("file", "x", file: "a") + "--B--\r\n",
            param: "chunking_strategy[threshold]"),
        Form(
            testDescription: "a voice without a name", path: "/v1/audio/voices",
            body: part("type", "prompt") + "--B--\r\n", param: "name"),
        Form(
            testDescription: "a voice of no kind", path: "/v1/audio/voices",
            body: part("name", "a") + part("type", "song") + "--B--\r\n", param: "type"),
        Form(
            testDescription: "a voice without consent", path: "/v1/audio/voices",
            body: part("name", "a") + part("audio_sample", "x", file: "a") + "--B--\r\n", param: "consent"),
        Form(
            testDescription: "a consent that is not there", path: "/v1/audio/voices",
            body: part("name", "a") + part("consent", "cons_x") + part("audio_sample", "x", file: "a")
                + "--B--\r\n", param: "consent"),
        Form(
            testDescription: "a voice of no sound", path: "/v1/audio/voices",
            body: part("name", "../../a") + part("consent", "yes") + part("audio_sample", "x", file: "a")
                + "--B--\r\n", param: "audio_sample"),
        Form(
            testDescription: "a consent in no language", path: "/v1/audio/voice_consents",
            body: part("name", "a") + part("language", "../x") + part("recording", "x", file: "a")
                + "--B--\r\n", param: "language"),
    ]

    @Test(arguments: forms, [false, true])
    func `a form that is wrong is answered in words`(wrong: Form, isChunked: Bool) async throws {
        try await TestServer.run { server in
            let answer = try await server.send(
                "POST", wrong.path, type: wrong.type, body: Array(wrong.body.utf8), isChunked: isChunked)
            #expect(answer.status == wrong.status, "\(answer.text)")
            #expect(answer.error["message"] as? String != nil, "\(answer.text)")
            if let param = wrong.param {
                #expect(answer.error["param"] as? String == param, "\(answer.text)")
            }
            #expect(try await server.get("/health").status == 200)
        }
    }
}
