import Foundation
import MynahServer
import Testing

@Suite struct JSONReaderTests {
    /// What is told of a text.
    private func problem(_ bytes: some Collection<UInt8>) -> JSONProblem? {
        do throws(JSONProblem) {
            _ = try JSONValue(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test func `every kind of value is read as it was written`() throws {
        let text =
            #" {"a":[1,-2,18446744073709551615,1.5e1,-0.25,true,false,null],"b\n":"\u00e9\ud83d\ude00/\/","c":{}} "#
        #expect(
            try JSONValue(text.utf8) == [
                "a": [
                    1, -2, .large(.max), 15.0, -0.25, true, false, .null,
                ], "b\n": "é😀//", "c": [:],
            ])
    }

    @Test func `what cannot be read is told with its place`() {
        let cases: [(text: String, line: Int, column: Int, says: String)] = [
            ("", 1, 1, "not all there"),
            ("{\n  \"a\": 1,\n}", 2, 9, "a comma has nothing after it"),
            ("[1,]", 1, 3, "a comma has nothing after it"),
            ("{\"é\": \"\\ud800\"}", 1, 8, "half a surrogate pair"),
            ("[\"\\udc00\"]", 1, 3, "half a surrogate pair"),
            ("[\"\\ud800\\u0041\"]", 1, 3, "half a surrogate pair"),
            ("[1e999]", 1, 2, "1e999 is out of range"), ("[-1e999]", 1, 2, "out of range"),
            ("[01]", 1, 2, "a JSON value should be here"), ("[1.]", 1, 4, "no digits"),
            ("[nul]", 1, 2, "a JSON value should be here"), ("[NaN]", 1, 2, "a JSON value should be here"),
            ("{} {}", 1, 4, "after the JSON value"), ("[\"\t\"]", 1, 3, "control character"),
            ("{\"a\":1,\"a\":2}", 1, 8, "'a' is given more than once"),
            (String(repeating: "[", count: 40), 1, 33, "nested deeper than 32"),
        ]
        for (text, line, column, says) in cases {
            let found = problem(text.utf8)
            #expect(found?.line == line && found?.column == column, "\(text): \(found?.sentence ?? "read")")
            #expect(found?.what.contains(says) == true, "\(text): \(found?.sentence ?? "read")")
        }
        #expect(problem([0x22, 0xFF, 0x22])?.what.contains("UTF-8") == true)
    }

    @Test func `32 levels are read`() throws {
        _ = try JSONValue((String(repeating: "[", count: 32) + String(repeating: "]", count: 32)).utf8)
    }

    @Test func `a megabyte of small values takes no time`() throws {
        let text = "[" + String(repeating: "{},", count: 300_000) + "0]"
        let start = ContinuousClock.now
        _ = try JSONValue(text.utf8)
        // Where each value were tried as every kind, it would take minutes.
        #expect(ContinuousClock.now - start < .seconds(5))
    }
}
