import Checkpoints
import Foundation
import Testing

/// The path of a file in `Fixtures`.
func fixturePath(_ name: String) throws -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)")
        .path
}

/// The bytes of a file in `Fixtures`.
func fixtureBytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: fixturePath(name))))
}

/// The tensors that `make_fixtures.py` says a fixture holds, by their flattened names.
func expectedTensors(of fixture: String) throws -> [String: StoredTensor] {
    let prefix = "\(fixture)|"
    let all = try CheckpointFile(path: fixturePath("expected.safetensors")).tensors
    let own = all.filter { $0.name.hasPrefix(prefix) }
    return Dictionary(uniqueKeysWithValues: own.map { (String($0.name.dropFirst(prefix.count)), $0) })
}

/// A folder that is removed when the test ends.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("mynah-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], _ name: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }
}

/// Opens bytes as a model file that is followed by memory without access.
func open(_ bytes: [UInt8]) throws(CheckpointError) -> CheckpointFile {
    try CheckpointFile(MappedFile(copying: bytes, named: "test"))
}

/// The name of the error that opening `bytes` throws, such as `truncated` or `invalidTensor.overlaps`; nil if it
/// throws none.
func refusal(_ bytes: [UInt8]) -> String? {
    do throws(CheckpointError) {
        _ = try open(bytes)
        return nil
    } catch {
        return kind(of: error)
    }
}

/// The name of the case of an error.
func kind(of error: CheckpointError) -> String {
    if case .invalidTensor(_, _, let fault) = error {
        return "invalidTensor.\(Mirror(reflecting: fault).children.first?.label ?? "\(fault)")"
    }
    return Mirror(reflecting: error).children.first?.label ?? "\(error)"
}

extension CheckpointError.TensorFault {
    /// The names of cases without values, which a mirror does not show.
    static var badNameKind: String { "invalidTensor.\(CheckpointError.TensorFault.badName)" }
}

/// A hostile file and the error it should meet.
struct Hostile: CustomTestStringConvertible, Sendable {
    let what: String
    let bytes: [UInt8]
    let refusal: String

    init(_ what: String, _ bytes: [UInt8], _ refusal: String) {
        (self.what, self.bytes, self.refusal) = (what, bytes, refusal)
    }

    var testDescription: String { what }
}

/// Bytes put together from numbers and text, little-endian.
struct ByteBuilder {
    private(set) var bytes: [UInt8] = []

    static func += (builder: inout ByteBuilder, number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { builder.bytes.append(contentsOf: $0) }
    }

    static func += (builder: inout ByteBuilder, bytes: [UInt8]) { builder.bytes.append(contentsOf: bytes) }

    static func += (builder: inout ByteBuilder, text: String) { builder.bytes.append(contentsOf: text.utf8) }
}

extension StoredTensor {
    /// The bytes, copied.
    var contents: [UInt8] { withBytes { Array($0) } }
}

/// Checks that a file holds exactly the tensors that were expected of it.
func expectSame(_ file: CheckpointFile, _ expected: [String: StoredTensor]) throws {
    #expect(!expected.isEmpty)
    #expect(Set(file.tensors.map(\.name)) == Set(expected.keys))
    for tensor in file.tensors {
        let other = try #require(expected[tensor.name])
        #expect(tensor.type == other.type, "\(tensor.name)")
        #expect(tensor.shape == other.shape, "\(tensor.name)")
        #expect(tensor.contents == other.contents, "\(tensor.name)")
    }
}
