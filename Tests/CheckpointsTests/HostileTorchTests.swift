import Checkpoints
import Testing

/// A zip archive of stored members, with any lie a record can hold.
struct ZipBuilder {
    struct Member {
        var name: String
        var bytes: [UInt8]
        var method: UInt16 = 0
        var flags: UInt16 = 0
        var localName: String?
        var size: UInt32?
        var offset: UInt32?
    }

    var members: [Member] = []
    var count: UInt16?
    var directorySize: UInt32?
    var comment = ""

    /// An archive as torch writes it, around that pickle and one storage of eight floats.
    init(pickle: [UInt8]) {
        members = [
            Member(name: "x/data.pkl", bytes: pickle),
            Member(name: "x/data/0", bytes: (0..<8).flatMap { [UInt8](Float($0).bitPattern) }),
        ]
    }

    var bytes: [UInt8] {
        var file = ByteBuilder()
        var directory = ByteBuilder()
        for member in members {
            let offset = UInt32(file.bytes.count)
            let size = member.size ?? UInt32(member.bytes.count)
            let name = member.localName ?? member.name
            file += [UInt8](
                0x0403_4b50 as UInt32, 20 as UInt16, member.flags, member.method, 0 as UInt64, size, size)
            file += [UInt8](UInt16(name.utf8.count), 0 as UInt16)
            file += name
            file += member.bytes
            directory += [UInt8](
                0x0201_4b50 as UInt32, 20 as UInt32, member.flags, member.method, 0 as UInt64)
            directory += [UInt8](size, size, UInt16(member.name.utf8.count), 0 as UInt32, 0 as UInt64)
            directory += member.offset ?? offset
            directory += member.name
        }
        let start = UInt32(file.bytes.count)
        file += directory.bytes
        let count = count ?? UInt16(members.count)
        file += [UInt8](0x0605_4b50 as UInt32, 0 as UInt32, count, count)
        file += [UInt8](directorySize ?? UInt32(directory.bytes.count), start, UInt16(comment.utf8.count))
        file += comment
        return file.bytes
    }

    static func archive(_ pickle: [UInt8] = [0x80, 2, 0x4e, 0x2e], _ change: (inout ZipBuilder) -> Void)
        -> [UInt8]
    {
        var builder = ZipBuilder(pickle: pickle)
        change(&builder)
        return builder.bytes
    }
}

/// Pickles, by their operations.
enum Pickle {
    static let start: [UInt8] = [0x80, 2]
    static let stop: [UInt8] = [0x2e]

    static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

    static func text(_ text: String) -> [UInt8] {
        [0x58] + [UInt8](UInt32(text.utf8.count)) + Array(text.utf8)
    }

    static func integer(_ number: Int64) -> [UInt8] { [0x8a, 8] + [UInt8](number) }

    static func tuple(_ elements: [UInt8]...) -> [UInt8] { [0x28] + elements.flatMap { $0 } + [0x74] }

    static func integers(_ numbers: [Int64]) -> [UInt8] {
        [0x28] + Array(numbers.map { integer($0) }.joined()) + [0x74]
    }

    static func storage(_ type: String = "FloatStorage", key: String = "0", count: Int64 = 8) -> [UInt8] {
        tuple(text("storage"), global("torch", type), text(key), text("cpu"), integer(count)) + [0x51]
    }

    static func tensor(
        in storage: [UInt8] = storage(), offset: Int64 = 0, _ shape: [Int64], _ strides: [Int64]
    ) -> [UInt8] {
        let arguments = tuple(storage, integer(offset), integers(shape), integers(strides), [0x89], [0x7d])
        return global("torch._utils", "_rebuild_tensor_v2") + arguments + [0x52]
    }

    /// An archive of a pickle with those operations.
    static func archive(_ operations: [UInt8]...) -> [UInt8] {
        ZipBuilder(pickle: start + operations.flatMap { $0 } + stop).bytes
    }
}

@Suite struct HostileTorchTests {
    @Test func `tensors over crafted storages read`() throws {
        let file = try open(Pickle.archive(Pickle.tensor(offset: 1, [2, 3], [1, 2])))
        let numbers = file.tensors[0].withBytes { bytes in
            (0..<6).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
        #expect(numbers == [1, 3, 5, 2, 4, 6])
    }

    @Test(arguments: [
        ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "exec"),
        ("__builtin__", "set"),
        ("torch._utils", "_rebuild_tensor"), ("torch.storage", "_load_from_bytes"),
        ("collections", "OrderedDict.__init__"),
        ("transformers.cache_utils", "StaticCache"), ("torch", "storage.FloatStorage"),
    ])
    func `a foreign name is refused before anything is done with it`(module: String, name: String) {
        let wanted = CheckpointError.forbiddenGlobal(path: "test", name: "\(module).\(name)")
        let call = Pickle.tuple(Pickle.text("echo")) + [0x52]
        #expect(throws: wanted) { try open(Pickle.archive(Pickle.global(module, name), call)) }
        let onStack = Pickle.text(module) + Pickle.text(name) + [0x93]
        #expect(throws: wanted) { try open(Pickle.archive(onStack, call)) }
    }

    static let pickles: [Hostile] = [
        Hostile("REDUCE of text", Pickle.archive(Pickle.text("a"), [0x29, 0x52]), "malformed"),
        Hostile(
            "REDUCE of a storage class",
            Pickle.archive(Pickle.global("torch", "FloatStorage"), [0x29, 0x52]), "malformed"),
        Hostile(
            "REDUCE of an OrderedDict with arguments",
            Pickle.archive(Pickle.global("collections", "OrderedDict"), Pickle.tuple([0x5d]), [0x52]),
            "malformed"),
        Hostile(
            "NEWOBJ of an OrderedDict",
            Pickle.archive(Pickle.global("collections", "OrderedDict"), [0x29, 0x81]), "malformed"),
        Hostile("name as data", Pickle.archive(Pickle.global("torch", "Size")), "malformed"),
        Hostile("storage as data", Pickle.archive(Pickle.storage()), "malformed"),
        Hostile("name without an end", Pickle.archive(Array("cos".utf8)), "malformed"),
        Hostile("empty stack at the end", Pickle.archive(), "malformed"),
        Hostile("two values at the end", Pickle.archive([0x4e, 0x4e]), "malformed"),
        Hostile("open mark at the end", Pickle.archive([0x4e, 0x28]), "malformed"),
        Hostile("tuple of too few", Pickle.archive([0x4e, 0x87]), "malformed"),
        Hostile("tuple across a mark", Pickle.archive([0x4e, 0x28, 0x85]), "malformed"),
        Hostile("tuple without a mark", Pickle.archive([0x74]), "malformed"),
        Hostile("append to nothing", Pickle.archive([0x4e, 0x61]), "malformed"),
        Hostile("append to a dictionary", Pickle.archive([0x7d, 0x4e, 0x61]), "malformed"),
        Hostile("items of a list", Pickle.archive([0x5d, 0x28, 0x4e, 0x4e, 0x75]), "malformed"),
        Hostile("key without a value", Pickle.archive([0x7d, 0x28, 0x4e, 0x75]), "malformed"),
        Hostile("key that is a list", Pickle.archive([0x7d, 0x5d, 0x4e, 0x73]), "malformed"),
        Hostile(
            "key twice",
            Pickle.archive([0x7d], Pickle.text("a"), [0x4e, 0x73], Pickle.text("a"), [0x4e, 0x73]),
            "duplicate"),
        Hostile("memory of an empty stack", Pickle.archive([0x71, 0]), "malformed"),
        Hostile("memory never filled", Pickle.archive([0x6a, 255, 255, 255, 255]), "malformed"),
        Hostile("unknown operation", Pickle.archive([0x69]), "malformed"),
        Hostile("protocol 6", Pickle.archive([0x80, 6, 0x4e]), "unsupported"),
        Hostile(
            "number of 255 bytes", Pickle.archive([0x8a, 255], [UInt8](repeating: 1, count: 255)),
            "unsupported"),
        Hostile("number of 2^31 bytes", Pickle.archive([0x8b, 255, 255, 255, 127]), "malformed"),
        Hostile("text longer than the pickle", Pickle.archive([0x58, 255, 255, 255, 255]), "truncated"),
        Hostile(
            "text of 2^64 - 1 bytes", Pickle.archive([0x8d], [UInt8](repeating: 255, count: 8)), "truncated"),
        Hostile("text that is not UTF-8", Pickle.archive([0x8c, 1, 0xff]), "malformed"),
        Hostile("frame longer than the pickle", Pickle.archive([0x95], [UInt8](UInt64.max)), "truncated"),
        Hostile("bytes after the end", Pickle.archive([0x4e, 0x2e, 0x4e]), "malformed"),
        Hostile(
            "attributes of a tensor", Pickle.archive(Pickle.tensor([8], [1]), [0x7d, 0x62]), "malformed"),
        Hostile("attributes that are a list", Pickle.archive([0x7d, 0x5d, 0x62]), "malformed"),
        Hostile("list that holds itself", Pickle.archive([0x5d, 0x71, 0, 0x68, 0, 0x61]), "tooLarge"),
        Hostile(
            "200,000 lists in each other",
            Pickle.archive(
                [UInt8](repeating: 0x5d, count: 200_000), [UInt8](repeating: 0x61, count: 199_999)),
            "tooLarge"),
    ]

    @Test(arguments: pickles)
    func `a hostile pickle is refused`(_ hostile: Hostile) {
        #expect(refusal(hostile.bytes) == hostile.refusal)
    }

    @Test func `a pickle that doubles itself thirty times is refused`() {
        // Each tuple holds the one before it twice; what is left on the stack becomes one tuple.
        var operations: [UInt8] = [0x5d, 0x71, 0]
        for index in UInt8(1)...30 {
            operations += [0x28, 0x68, index - 1, 0x68, index - 1, 0x74, 0x71, index]
        }
        #expect(refusal(Pickle.archive([0x28], operations, [0x74])) == "tooLarge")
    }

    @Test(.timeLimit(.minutes(1)))
    func `a million values wrapped one by one take no time that grows with their square`() {
        let values = [UInt8](repeating: 0x4e, count: 1_000_000)
        let wraps = [UInt8](repeating: 0x85, count: 1_000_000)
        #expect(refusal(Pickle.archive(values, wraps)) == "malformed")
        let call = Pickle.global("collections", "OrderedDict") + [0x71, 0]
        let calls = Array(repeatElement([0x68, 0, 0x29, 0x52] as [UInt8], count: 300_000).joined())
        #expect(refusal(Pickle.archive(values, call + calls)) == "malformed")
        let items = [0x7d] + Array(repeatElement([0x4b, 1, 0x4e, 0x73] as [UInt8], count: 500_000).joined())
        #expect(refusal(Pickle.archive(items)) == "duplicate")
        let appends = [0x5d] + Array(repeatElement([0x4e, 0x61] as [UInt8], count: 400_000).joined())
        #expect(refusal(Pickle.archive(appends)) == nil)
    }

    @Test func `five million operations are refused`() {
        #expect(refusal(Pickle.archive([UInt8](repeating: 0x28, count: 5_000_000))) == "tooLarge")
    }

    static let tensors: [Hostile] = [
        Hostile(
            "strides past the end", Pickle.archive(Pickle.tensor([2, 4], [5, 1])), "invalidTensor.badStrides"),
        Hostile(
            "offset past the end", Pickle.archive(Pickle.tensor(offset: 1, [8], [1])),
            "invalidTensor.badStrides"),
        Hostile(
            "offset far past the end", Pickle.archive(Pickle.tensor(offset: .max, [1], [1])),
            "invalidTensor.badStrides"),
        Hostile(
            "negative offset", Pickle.archive(Pickle.tensor(offset: -1, [1], [1])), "invalidTensor.badStrides"
        ),
        Hostile(
            "negative stride", Pickle.archive(Pickle.tensor(offset: 7, [8], [-1])), "invalidTensor.badStrides"
        ),
        Hostile(
            "strides that wrap", Pickle.archive(Pickle.tensor([3, 2], [1 << 62, 1])),
            "invalidTensor.badStrides"),
        Hostile(
            "strides that sum to a wrap", Pickle.archive(Pickle.tensor([2, 2, 2], [1 << 62, 1 << 62, 1])),
            "invalidTensor.badStrides"),
        Hostile(
            "fewer strides than dimensions", Pickle.archive(Pickle.tensor([2, 4], [1])),
            "invalidTensor.badStrides"),
        Hostile("negative dimension", Pickle.archive(Pickle.tensor([-8], [1])), "invalidTensor.badShape"),
        Hostile(
            "shape that wraps", Pickle.archive(Pickle.tensor([1 << 62, 4], [0, 0])), "invalidTensor.badShape"),
        Hostile("stride of 0", Pickle.archive(Pickle.tensor([1 << 40], [0])), "invalidTensor.expandedView"),
        Hostile(
            "33 dimensions",
            Pickle.archive(Pickle.tensor([Int64](repeating: 1, count: 33), [Int64](repeating: 1, count: 33))),
            "malformed"),
        Hostile(
            "more elements than stored",
            Pickle.archive(Pickle.tensor(in: Pickle.storage(count: 9), [9], [1])),
            "invalidTensor.sizeMismatch"),
        Hostile(
            "fewer elements than stored",
            Pickle.archive(Pickle.tensor(in: Pickle.storage(count: 7), [7], [1])),
            "invalidTensor.sizeMismatch"),
        Hostile(
            "negative count", Pickle.archive(Pickle.tensor(in: Pickle.storage(count: -8), [8], [1])),
            "invalidTensor.badShape"),
        Hostile(
            "count that wraps",
            Pickle.archive(Pickle.tensor(in: Pickle.storage(count: 1 << 62 + 8), [8], [1])),
            "invalidTensor.badShape"),
        Hostile(
            "wider type", Pickle.archive(Pickle.tensor(in: Pickle.storage("DoubleStorage"), [8], [1])),
            "invalidTensor.sizeMismatch"),
        Hostile(
            "storage that is not there",
            Pickle.archive(Pickle.tensor(in: Pickle.storage(key: "1"), [8], [1])),
            "malformed"),
        Hostile(
            "storage outside the archive",
            Pickle.archive(Pickle.tensor(in: Pickle.storage(key: "../data.pkl"), [8], [1])), "malformed"),
        Hostile(
            "unknown storage class",
            Pickle.archive(Pickle.tensor(in: Pickle.storage("QUInt8Storage"), [8], [1])),
            "forbiddenGlobal"),
    ]

    @Test(arguments: tensors)
    func `a hostile tensor is refused`(_ hostile: Hostile) {
        #expect(refusal(hostile.bytes) == hostile.refusal)
    }

    @Test func `copies of one storage may not exceed the file`() {
        // The arguments of one strided tensor are kept, and the tensor is made of them again and again.
        let arguments = Pickle.tuple(
            Pickle.storage(), Pickle.integer(0), Pickle.tuple(Pickle.integer(2), Pickle.integer(4)),
            Pickle.tuple(Pickle.integer(1), Pickle.integer(2)), [0x89], [0x7d])
        let call =
            Pickle.global("torch._utils", "_rebuild_tensor_v2") + [0x71, 1] + arguments + [0x71, 0, 0x52]
        let again = (0..<200).flatMap { _ in [0x68, 1, 0x68, 0, 0x52] as [UInt8] }
        #expect(refusal(Pickle.archive([0x28], call, [0x74])) == nil)
        #expect(refusal(Pickle.archive([0x28], call, again, [0x74])) == "tooLarge")
    }

    static let archives: [Hostile] = [
        Hostile("compressed member", ZipBuilder.archive { $0.members[1].method = 8 }, "unsupported"),
        Hostile("encrypted member", ZipBuilder.archive { $0.members[1].flags = 1 }, "unsupported"),
        Hostile(
            "name that climbs", ZipBuilder.archive { $0.members[1].name = "x/../../etc/passwd" }, "malformed"),
        Hostile("absolute name", ZipBuilder.archive { $0.members[1].name = "/x/data/0" }, "malformed"),
        Hostile(
            "name with backslashes", ZipBuilder.archive { $0.members[1].name = "x\\data\\0" }, "malformed"),
        Hostile("name with a drive", ZipBuilder.archive { $0.members[1].name = "C:/x" }, "malformed"),
        Hostile("name with a nul", ZipBuilder.archive { $0.members[1].name = "x/data\0" }, "malformed"),
        Hostile("empty name", ZipBuilder.archive { $0.members[1].name = "" }, "malformed"),
        Hostile("name twice", ZipBuilder.archive { $0.members.append($0.members[1]) }, "duplicate"),
        Hostile(
            "other name in the local header", ZipBuilder.archive { $0.members[1].localName = "x/data/1" },
            "malformed"),
        Hostile("size past the end", ZipBuilder.archive { $0.members[1].size = 1 << 30 }, "truncated"),
        Hostile(
            "size of all ones without a zip64 field", ZipBuilder.archive { $0.members[1].size = .max },
            "malformed"),
        Hostile("offset past the end", ZipBuilder.archive { $0.members[1].offset = 1 << 30 }, "truncated"),
        Hostile("offset of another member", ZipBuilder.archive { $0.members[1].offset = 0 }, "malformed"),
        Hostile("size over the next member", ZipBuilder.archive { $0.members[0].size = 60 }, "malformed"),
        Hostile("more members than listed", ZipBuilder.archive { $0.count = 1 }, "malformed"),
        Hostile("fewer members than listed", ZipBuilder.archive { $0.count = 3 }, "truncated"),
        Hostile("directory size too large", ZipBuilder.archive { $0.directorySize = 1 << 30 }, "malformed"),
        Hostile("directory size too small", ZipBuilder.archive { $0.directorySize = 0 }, "malformed"),
        Hostile("comment", ZipBuilder.archive { $0.comment = "hello" }, "truncated"),
        Hostile("two folders", ZipBuilder.archive { $0.members[1].name = "y/data/0" }, "malformed"),
        Hostile("no pickle", ZipBuilder.archive { $0.members[0].name = "x/other" }, "malformed"),
        Hostile(
            "big-endian",
            ZipBuilder.archive { $0.members.append(.init(name: "x/byteorder", bytes: Array("big".utf8))) },
            "unsupported"),
    ]

    @Test(arguments: archives)
    func `a hostile archive is refused`(_ hostile: Hostile) {
        #expect(refusal(ZipBuilder(pickle: [0x80, 2, 0x4e, 0x2e]).bytes) == nil)
        #expect(refusal(hostile.bytes) == hostile.refusal)
    }
}
