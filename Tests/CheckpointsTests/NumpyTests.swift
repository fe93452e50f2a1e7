import Checkpoints
import Testing

/// A `.npy` file, version 1, with that header and that many bytes of data.
private func array(_ header: String, data: Int = 0, length: UInt16? = nil, version: UInt16 = 1) -> [UInt8] {
    var file = ByteBuilder()
    file += [0x93] + Array("NUMPY".utf8)
    file += version
    file += length ?? UInt16(header.utf8.count)
    file += header
    file += [UInt8](repeating: 1, count: data)
    return file.bytes
}

private func header(_ type: String, _ order: String, _ shape: String) -> String {
    "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }\n"
}

@Suite struct NumpyTests {
    @Test(arguments: ["row.npy", "column.npy", "half.npy", "flag.npy", "scalar.npy"])
    func `an array of NumPy reads row-major`(_ name: String) throws {
        let file = try CheckpointFile(path: fixturePath(name))
        #expect(file.format == .numpy)
        try expectSame(file, expectedTensors(of: name))
    }

    @Test func `types that are not plain little-endian numbers are refused by name`() throws {
        #expect(try refusal(fixtureBytes("big.npy")) == "invalidTensor.unknownType")
        #expect(try refusal(fixtureBytes("object.npy")) == "invalidTensor.unknownType")
        #expect(try refusal(fixtureBytes("record.npy")) == "unsupported")
    }

    static let hostile: [Hostile] = [
        Hostile("version 4", array(header("<f4", "False", "(1,)"), data: 4, version: 4), "unsupported"),
        Hostile("header past the end", array("{}", length: 3), "truncated"),
        Hostile("empty dictionary", array("{}"), "malformed"),
        Hostile(
            "too little data", array(header("<f4", "False", "(2,)"), data: 7), "invalidTensor.sizeMismatch"),
        Hostile(
            "too much data", array(header("<f4", "False", "(2,)"), data: 9), "invalidTensor.sizeMismatch"),
        Hostile("negative dimension", array(header("<f4", "False", "(-1,)"), data: 4), "malformed"),
        Hostile(
            "dimension over 64 bits", array(header("<f4", "True", "(36893488147419103233,)"), data: 4),
            "malformed"),
        Hostile(
            "product that wraps", array(header("<f4", "True", "(4611686018427387904, 4)")),
            "invalidTensor.badShape"),
        Hostile(
            "wrap behind a zero", array(header("<f4", "True", "(9223372036854775807, 2, 0)")),
            "invalidTensor.badShape"),
        Hostile("number for the order", array(header("<f4", "1", "(1,)"), data: 4), "malformed"),
        Hostile("expression for the shape", array(header("<f4", "False", "(1+1,)"), data: 8), "malformed"),
        Hostile("key twice", array("{'shape': (1,), 'shape': (1,), }"), "malformed"),
        Hostile("key unknown", array("{'code': (1,), }"), "malformed"),
        Hostile(
            "text after the dictionary", array(header("<f4", "False", "(1,)") + "x", data: 4), "malformed"),
        Hostile(
            "33 dimensions",
            array(header("|u1", "False", "(" + String(repeating: "1,", count: 33) + ")"), data: 1),
            "malformed"),
        Hostile("quotes that never close", array("{'descr"), "malformed"),
    ]

    @Test(arguments: hostile)
    func `a hostile array is refused`(_ hostile: Hostile) {
        #expect(refusal(hostile.bytes) == hostile.refusal)
    }

    @Test func `an array without elements may have any other dimension`() throws {
        let file = try open(array(header("<f8", "True", "(0, 4611686018427387904)")))
        #expect(file.tensors.first?.shape == [0, 1 << 62])
        #expect(file.tensors.first?.bytes.count == 0)
    }

    @Test(arguments: ["row.npy", "column.npy"])
    func `an array cut anywhere is refused`(_ name: String) throws {
        let whole = try fixtureBytes(name)
        for length in 1..<whole.count {
            #expect(refusal(Array(whole.prefix(length))) != nil, "cut at \(length)")
        }
    }
}
