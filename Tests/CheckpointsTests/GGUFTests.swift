import Checkpoints
import Testing

/// A GGUF file put together field by field, with any lie a field can hold.
struct GGUFBuilder {
    var version: UInt32 = 3
    var tensorCount: UInt64?
    var valueCount: UInt64?
    var values: [[UInt8]] = []
    var tensors: [[UInt8]] = []
    var alignment = 32
    var data = 0

    mutating func value(_ key: String, _ type: UInt32, _ bytes: [UInt8], keyLength: UInt64? = nil) {
        var field = ByteBuilder()
        field += keyLength ?? UInt64(key.utf8.count)
        field += key
        field += type
        field += bytes
        values.append(field.bytes)
    }

    mutating func tensor(
        _ name: [UInt8], _ dimensions: [UInt64], type: UInt32 = 0, offset: UInt64 = 0, length: UInt64? = nil
    ) {
        var field = ByteBuilder()
        field += length ?? UInt64(name.count)
        field += name
        field += UInt32(dimensions.count)
        for dimension in dimensions { field += dimension }
        field += type
        field += offset
        tensors.append(field.bytes)
    }

    var bytes: [UInt8] {
        var file = ByteBuilder()
        file += "GGUF"
        file += version
        file += tensorCount ?? UInt64(tensors.count)
        file += valueCount ?? UInt64(values.count)
        file += values.flatMap { $0 } + tensors.flatMap { $0 }
        file += [UInt8](repeating: 0, count: (alignment - file.bytes.count % alignment) % alignment)
        file += (0..<data).map { UInt8(truncatingIfNeeded: $0) }
        return file.bytes
    }

    static func file(data: Int = 0, _ change: (inout GGUFBuilder) -> Void) -> [UInt8] {
        var builder = GGUFBuilder()
        builder.data = data
        change(&builder)
        return builder.bytes
    }
}

extension [UInt8] {
    /// The bytes of numbers, little-endian, one after another.
    init(_ numbers: any FixedWidthInteger...) {
        var builder = ByteBuilder()
        for number in numbers { builder += number }
        self = builder.bytes
    }
}

private let a = Array("a".utf8), b = Array("b".utf8)

@Suite struct GGUFTests {
    @Test func `a file reads with its shape turned to row-major`() throws {
        let bytes = GGUFBuilder.file(data: 64) {
            $0.value("general.architecture", 8, [UInt8](UInt64(4)) + Array("test".utf8))
            $0.value("signed", 5, [UInt8](Int32(-3)))
            $0.value("list", 9, [UInt8](UInt32(4), UInt64(2), UInt32(7), UInt32(8)))
            $0.tensor(a, [3, 2])
            $0.tensor(b, [32], type: 8, offset: 32)
        }
        #expect(refusal(bytes) == "invalidTensor.outsideFile")
        let file = try open(bytes + [0, 0])
        #expect(file.format == .gguf)
        #expect(
            file.metadata == [
                "general.architecture": .string("test"), "signed": .int(-3),
                "list": .array([.uint(7), .uint(8)]),
            ])
        #expect(file["a"]?.shape == [2, 3])
        #expect(file["a"]?.contents == (0..<24).map { UInt8($0) })
        #expect(file["b"]?.type == .q8_0)
        #expect(file["b"]?.bytes.count == 34)
    }

    @Test func `the alignment that a file names is kept to`() throws {
        func file(_ offset: UInt64) -> [UInt8] {
            var builder = GGUFBuilder()
            builder.alignment = 128
            builder.value("general.alignment", 4, [UInt8](UInt32(128)))
            builder.tensor(a, [2], offset: offset)
            builder.data = 256
            return builder.bytes
        }
        #expect(try open(file(128))["a"]?.contents == (128..<136).map { UInt8($0) })
        #expect(refusal(file(32)) == "invalidTensor.misaligned")
    }

    @Test func `names are up to 256 bytes`() throws {
        func file(_ length: Int) -> [UInt8] {
            GGUFBuilder.file(data: 4) { $0.tensor([UInt8](repeating: 0x61, count: length), [1]) }
        }
        #expect(try open(file(256)).tensors.count == 1)
        #expect(refusal(file(257)) == CheckpointError.TensorFault.badNameKind)
    }

    static let hostile: [Hostile] = [
        // ggml takes this for a tensor of no padded size, and lets the next one share its place.
        Hostile(
            "padded size that wraps to zero",
            GGUFBuilder.file(data: 32) {
                $0.tensor(a, [UInt64.max / 4])
                $0.tensor(b, [8])
            }, "invalidTensor.badShape"),
        Hostile(
            "4 GiB in a short file", GGUFBuilder.file(data: 32) { $0.tensor(a, [1 << 30]) },
            "invalidTensor.outsideFile"),
        Hostile(
            "product that wraps", GGUFBuilder.file(data: 32) { $0.tensor(a, [1 << 32, 1 << 32]) },
            "invalidTensor.badShape"),
        Hostile(
            "dimension over 63 bits", GGUFBuilder.file(data: 32) { $0.tensor(a, [1 << 63]) },
            "invalidTensor.badShape"),
        Hostile(
            "five dimensions", GGUFBuilder.file(data: 32) { $0.tensor(a, [1, 1, 1, 1, 1]) },
            "invalidTensor.tooManyDimensions"),
        Hostile(
            "half a block", GGUFBuilder.file(data: 64) { $0.tensor(a, [48], type: 8) },
            "invalidTensor.badShape"),
        Hostile(
            "unknown type", GGUFBuilder.file(data: 32) { $0.tensor(a, [1], type: 3) },
            "invalidTensor.unknownType"),
        Hostile(
            "type of all ones", GGUFBuilder.file(data: 32) { $0.tensor(a, [1], type: .max) },
            "invalidTensor.unknownType"),
        Hostile(
            "name twice",
            GGUFBuilder.file(data: 64) {
                $0.tensor(a, [1]); $0.tensor(a, [1], offset: 32)
            }, "duplicate"),
        Hostile(
            "overlap",
            GGUFBuilder.file(data: 64) {
                $0.tensor(a, [9]); $0.tensor(b, [1], offset: 32)
            }, "invalidTensor.overlaps"),
        Hostile(
            "same place",
            GGUFBuilder.file(data: 64) {
                $0.tensor(a, [1]); $0.tensor(b, [1])
            }, "invalidTensor.overlaps"),
        Hostile(
            "offset of all ones", GGUFBuilder.file(data: 64) { $0.tensor(a, [1], offset: .max) },
            "invalidTensor.misaligned"),
        Hostile(
            "offset far outside", GGUFBuilder.file(data: 64) { $0.tensor(a, [1], offset: .max - 31) },
            "invalidTensor.outsideFile"),
        Hostile(
            "offset near 2^63", GGUFBuilder.file(data: 64) { $0.tensor(a, [1], offset: 1 << 63 - 32) },
            "invalidTensor.outsideFile"),
        Hostile(
            "empty name", GGUFBuilder.file(data: 4) { $0.tensor([], [1]) },
            CheckpointError.TensorFault.badNameKind),
        Hostile("name that is not UTF-8", GGUFBuilder.file(data: 4) { $0.tensor([0xc3], [1]) }, "malformed"),
        Hostile(
            "name length of all ones", GGUFBuilder.file(data: 4) { $0.tensor(a, [1], length: .max) },
            CheckpointError.TensorFault.badNameKind),
        Hostile("2^40 tensors", GGUFBuilder.file { $0.tensorCount = 1 << 40 }, "tooLarge"),
        Hostile(
            "more tensors than there are", GGUFBuilder.file { ($0.alignment, $0.tensorCount) = (1, 99_999) },
            "truncated"),
        Hostile("2^64 - 1 values", GGUFBuilder.file { $0.valueCount = .max }, "tooLarge"),
        Hostile("more values than there are", GGUFBuilder.file { $0.valueCount = 3_999_999 }, "truncated"),
        Hostile("version 1", GGUFBuilder.file { $0.version = 1 }, "unsupported"),
        Hostile("version 4", GGUFBuilder.file { $0.version = 4 }, "unsupported"),
        Hostile("big-endian", GGUFBuilder.file { $0.version = 3 << 24 }, "unsupported"),
        Hostile(
            "key twice",
            GGUFBuilder.file {
                $0.value("k", 7, [1]); $0.value("k", 7, [1])
            }, "duplicate"),
        Hostile(
            "key that is not UTF-8",
            GGUFBuilder.file {
                $0.value("k", 7, [1]); $0.values[0][8] = 0xff
            }, "malformed"),
        Hostile(
            "key length of all ones", GGUFBuilder.file { $0.value("k", 7, [1], keyLength: .max) }, "tooLarge"),
        Hostile(
            "key longer than the file", GGUFBuilder.file { $0.value("k", 7, [1], keyLength: 65535) },
            "truncated"),
        Hostile("unknown value type", GGUFBuilder.file { $0.value("k", 13, [1]) }, "malformed"),
        Hostile("boolean of 2", GGUFBuilder.file { $0.value("k", 7, [2]) }, "malformed"),
        Hostile(
            "string length of all ones", GGUFBuilder.file { $0.value("k", 8, [UInt8](UInt64.max)) },
            "truncated"),
        Hostile(
            "array length of all ones", GGUFBuilder.file { $0.value("k", 9, [UInt8](UInt32(0), UInt64.max)) },
            "truncated"),
        Hostile(
            "arrays over the limit of values",
            GGUFBuilder.file {
                $0.value(
                    "k", 9, [UInt8](UInt32(0), UInt64(4_000_001)) + [UInt8](repeating: 0, count: 4_000_001))
            },
            "tooLarge"),
        Hostile(
            "arrays in arrays",
            GGUFBuilder.file {
                $0.value(
                    "k", 9,
                    (0..<10_000).flatMap { _ in [UInt8](UInt32(9), UInt64(1)) }
                        + [UInt8](UInt32(0), UInt64(0)))
            }, "malformed"),
        Hostile(
            "alignment of 0", GGUFBuilder.file { $0.value("general.alignment", 4, [UInt8](UInt32(0))) },
            "malformed"),
        Hostile(
            "alignment of 3", GGUFBuilder.file { $0.value("general.alignment", 4, [UInt8](UInt32(3))) },
            "malformed"),
        Hostile(
            "alignment of 2 GiB",
            GGUFBuilder.file { $0.value("general.alignment", 4, [UInt8](UInt32(1 << 31))) }, "tooLarge"),
        Hostile(
            "alignment of text", GGUFBuilder.file { $0.value("general.alignment", 8, [UInt8](UInt64(0))) },
            "malformed"),
    ]

    @Test(arguments: hostile)
    func `a hostile file is refused`(_ hostile: Hostile) {
        #expect(refusal(hostile.bytes) == hostile.refusal)
    }

    @Test func `a file cut anywhere is refused`() {
        let whole = GGUFBuilder.file(data: 36) {
            $0.value("text", 8, [UInt8](UInt64(2)) + [0x61, 0x62])
            $0.value("list", 9, [UInt8](UInt32(0), UInt64(2), UInt16(7)))
            $0.tensor(a, [2, 2])
            $0.tensor(b, [1], offset: 32)
        }
        #expect(refusal(whole) == nil)
        for length in 1..<whole.count {
            #expect(refusal(Array(whole.prefix(length))) != nil, "cut at \(length)")
        }
    }
}
