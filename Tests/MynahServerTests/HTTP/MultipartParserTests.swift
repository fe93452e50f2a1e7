import MynahServer
import Testing

@Suite struct MultipartParserTests {
    private static let form = Array(
        """
        --B\r
        Content-Disposition: form-data; name="model"\r
        \r
        tiny\r
        --B\r
        content-disposition: form-data; name="file"; filename="a \\"b\\".wav"\r
        Content-Type: audio/wav\r
        \r
        \r
        --not\r
        --\r
        --B--\r
        epilogue
        """.utf8)

    /// Parts as name and content.
    private func parts(_ pieces: some Sequence<ArraySlice<UInt8>>) throws -> [String] {
        var parser = try MultipartParser(contentType: "multipart/form-data; boundary=\"B\"", mostParts: 8)
        var (parts, name, content) = ([String](), "", [UInt8]())
        for piece in pieces {
            for event in try parser.parse(piece) {
                switch event {
                case .head(let head):
                    name = MultipartParser.parameter("name", of: head["content-disposition"] ?? "") ?? ""
                    content = []
                case .bytes(let bytes): content += bytes
                case .endOfPart: parts.append("\(name)=\(String(decoding: content, as: UTF8.self))")
                }
            }
        }
        try parser.finish()
        return parts
    }

    @Test func `a form reads the same however it arrives`() throws {
        let expected = ["model=tiny", "file=\r\n--not\r\n--"]
        for size in 1...Self.form.count {
            let pieces = stride(from: 0, to: Self.form.count, by: size).map {
                Self.form[$0..<min($0 + size, Self.form.count)]
            }
            #expect(try parts(pieces) == expected, "in pieces of \(size)")
        }
    }

    @Test func `parameters are read with quotes and without`() {
        let field = #"form-data; name="a;b=c"; filename="x \"y\".wav"; size=7"#
        #expect(MultipartParser.parameter("name", of: field) == "a;b=c")
        #expect(MultipartParser.parameter("filename", of: field) == #"x "y".wav"#)
        #expect(MultipartParser.parameter("size", of: field) == "7")
        #expect(MultipartParser.parameter("file", of: field) == nil)
    }

    @Test func `what is changed at random is read or refused, and holds no more than its bounds`() throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<3_000 {
            var bytes = Self.form
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: Array("\r\n--B".utf8), at: place)
                }
            }
            let size = Int.random(in: 1...64, using: &random)
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                bytes[$0..<min($0 + size, bytes.count)]
            }
            let whole = Result { try parts([bytes[...]]) }, split = Result { try parts(pieces) }
            switch (whole, split) {
            case (.success(let a), .success(let b)): #expect(a == b)
            case (.failure, .failure): break
            default: Issue.record("whole and in pieces of \(size) differ")
            }
        }
    }
}

/// A generator whose numbers are the same on every run.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
