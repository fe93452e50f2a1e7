import Checkpoints
import Testing

/// A safetensors file with that header and that many bytes of data.
func safetensors(_ header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
    safetensors(Array(header.utf8), data: data, length: length)
}

func safetensors(_ header: [UInt8], data: Int = 0, length: UInt64? = nil) -> [UInt8] {
    var file = ByteBuilder()
    file += length ?? UInt64(header.count)
    file += header
    file += (0..<data).map { UInt8(truncatingIfNeeded: $0) }
    return file.bytes
}

/// One field of a header.
private func field(_ name: String, _ type: String, _ shape: String, _ begin: String, _ end: String) -> String
{
    "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
}

private let one = field("a", "F32", "[2]", "0", "8")

@Suite struct SafetensorsTests {
    @Test func `a file of the Python package reads, with its metadata`() throws {
        let file = try CheckpointFile(path: fixturePath("expected.safetensors"))
        #expect(file.format == .safetensors)
        #expect(file.metadata == ["made by": .string("make_fixtures.py"), "quote": .string("\"\\\n")])
        let scalar = try #require(file["scalar.npy|"])
        #expect(scalar.type == .f64 && scalar.shape == [])
        #expect(scalar.withBytes { $0.loadUnaligned(as: Double.self) } == 2.5)
    }

    @Test func `tensors come in the order of their bytes`() throws {
        let second = field("z", "U8", "[3]", "8", "11")
        let file = try open(safetensors("{\(second),\(one)}", data: 11))
        #expect(file.tensors.map(\.name) == ["a", "z"])
        #expect(file["z"]?.contents == [8, 9, 10])
        #expect(file["missing"] == nil)
    }

    @Test func `escapes in names are undone`() throws {
        let file = try open(safetensors("{\(field("\\u00fc\\ud83d\\ude00\\n\\/", "U8", "[0]", "0", "0"))}"))
        #expect(file.tensors.map(\.name) == ["ü😀\n/"])
    }

    static let hostile: [Hostile] = [
        Hostile("header over the limit", safetensors("{}", length: 100_000_001), "tooLarge"),
        Hostile("header longer than the file", safetensors("{}", length: 3), "truncated"),
        Hostile("length of all ones", safetensors("{}", length: .max), "unknownFormat"),
        Hostile("no object", safetensors("{", length: 1), "malformed"),
        Hostile("text after the object", safetensors("{}x"), "malformed"),
        Hostile("trailing comma", safetensors("{\(one),}", data: 8), "malformed"),
        Hostile("missing comma", safetensors("{\(one)\(one)}", data: 8), "malformed"),
        Hostile("name twice", safetensors("{\(one),\(one)}", data: 8), "invalidTensor.overlaps"),
        Hostile(
            "empty name twice",
            safetensors("{\(field("e", "U8", "[0]", "0", "0")),\(field("e", "U8", "[0]", "0", "0"))}"),
            "duplicate"),
        Hostile("metadata twice", safetensors("{\"__metadata__\":{},\"__metadata__\":{}}"), "duplicate"),
        Hostile("metadata key twice", safetensors("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}"), "duplicate"),
        Hostile("metadata of numbers", safetensors("{\"__metadata__\":{\"a\":1}}"), "malformed"),
        Hostile("field twice", safetensors("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}"), "duplicate"),
        Hostile("unknown field", safetensors("{\"a\":{\"dtypo\":\"U8\"}}"), "malformed"),
        Hostile("missing fields", safetensors("{\"a\":{}}"), "malformed"),
        Hostile(
            "unknown type", safetensors("{\(field("a", "F4", "[2]", "0", "8"))}", data: 8),
            "invalidTensor.unknownType"),
        Hostile(
            "size too small", safetensors("{\(field("a", "F32", "[3]", "0", "8"))}", data: 8),
            "invalidTensor.sizeMismatch"),
        Hostile(
            "size too large", safetensors("{\(field("a", "F32", "[1]", "0", "8"))}", data: 8),
            "invalidTensor.sizeMismatch"),
        Hostile(
            "size that wraps to the one given",
            safetensors("{\(field("a", "F32", "[4611686018427387904,4]", "0", "0"))}"),
            "invalidTensor.badShape"),
        Hostile(
            "negative dimension", safetensors("{\(field("a", "F32", "[-2]", "0", "8"))}", data: 8),
            "malformed"),
        Hostile(
            "fractional dimension", safetensors("{\(field("a", "F32", "[2.0]", "0", "8"))}", data: 8),
            "malformed"),
        Hostile(
            "dimension with a leading zero", safetensors("{\(field("a", "F32", "[02]", "0", "8"))}", data: 8),
            "malformed"),
        Hostile(
            "dimension over 64 bits",
            safetensors("{\(field("a", "F32", "[36893488147419103234]", "0", "8"))}", data: 8), "malformed"),
        Hostile(
            "33 dimensions",
            safetensors("{\(field("a", "U8", "\([Int](repeating: 1, count: 33))", "0", "1"))}", data: 1),
            "malformed"),
        Hostile(
            "offsets backwards", safetensors("{\(field("a", "F32", "[2]", "8", "0"))}", data: 8), "malformed"),
        Hostile("outside the file", safetensors("{\(one)}", data: 7), "invalidTensor.outsideFile"),
        Hostile(
            "far outside the file",
            safetensors(
                "{\(field("a", "U8", "[1]", "9223372036854775806", "9223372036854775807"))}", data: 1),
            "invalidTensor.outsideFile"),
        Hostile(
            "overlap", safetensors("{\(one),\(field("b", "F32", "[2]", "4", "12"))}", data: 12),
            "invalidTensor.overlaps"),
        Hostile(
            "gap", safetensors("{\(one),\(field("b", "F32", "[1]", "12", "16"))}", data: 16),
            "invalidTensor.gap"),
        Hostile("bytes of nobody at the end", safetensors("{\(one)}", data: 9), "malformed"),
        Hostile(
            "name that is not UTF-8",
            safetensors(Array("{\"".utf8) + [0xff] + Array(one.dropFirst(2).utf8) + [0x7d], data: 8),
            "malformed"),
        Hostile("lone surrogate", safetensors("{\(field("\\ud800", "U8", "[0]", "0", "0"))}"), "malformed"),
        Hostile(
            "surrogates backwards", safetensors("{\(field("\\udc00\\ud800", "U8", "[0]", "0", "0"))}"),
            "malformed"),
        Hostile("control character", safetensors("{\(field("\n", "U8", "[0]", "0", "0"))}"), "malformed"),
        Hostile("unknown escape", safetensors("{\(field("\\x", "U8", "[0]", "0", "0"))}"), "malformed"),
        Hostile("deep nesting", safetensors("{\"a\":" + String(repeating: "[", count: 100_000)), "malformed"),
        Hostile("nul after the object", safetensors(Array("{}".utf8) + [0]), "malformed"),
    ]

    @Test(arguments: hostile)
    func `a hostile header is refused`(_ hostile: Hostile) {
        #expect(refusal(hostile.bytes) == hostile.refusal)
    }

    @Test func `a file cut anywhere is refused`() throws {
        let whole = try fixtureBytes("expected.safetensors")
        #expect(refusal(whole) == nil)
        for length in 1..<whole.count {
            #expect(refusal(Array(whole.prefix(length))) != nil, "cut at \(length)")
        }
    }
}
