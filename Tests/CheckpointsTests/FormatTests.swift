import Checkpoints
import Testing

@Suite struct FormatTests {
    static let strangers: [(String, [UInt8], CheckpointError.Content)] = [
        ("PNG", [0x89] + Array("PNG\r\n\u{1a}\n".utf8) + [0, 0, 0, 13], .png),
        ("web page", Array("\n<!DOCTYPE HTML><html><body>Not found</body></html>".utf8), .html),
        ("web page without a doctype", Array("<html lang=en>".utf8), .html),
        (
            "git-lfs pointer", Array("version https://git-lfs.github.com/spec/v1\noid sha256:00".utf8),
            .gitLFSPointer
        ),
        ("JSON", Array("{\"error\": \"no\"}".utf8), .json), ("WAV", Array("RIFF....WAVEfmt ".utf8), .wave),
        ("gzip", [0x1f, 0x8b, 8, 0, 0], .gzip), ("noise", [1, 2, 3], .unknown),
        ("bare pickle", [0x80, 2, 0x7d, 0x2e], .barePickle),
    ]

    @Test(arguments: strangers)
    func `what is no model file is refused by what it is`(
        name: String, bytes: [UInt8], content: CheckpointError.Content
    ) {
        #expect(throws: CheckpointError.unknownFormat(path: "test", content: content)) { try open(bytes) }
    }

    @Test func `a file of torch before 1_6 is refused as a bare pickle`() throws {
        let path = try fixturePath("legacy.pt")
        #expect(throws: CheckpointError.unknownFormat(path: path, content: .barePickle)) {
            try CheckpointFile(path: path)
        }
    }

    @Test func `a missing file, an empty file and a folder each have their error`() throws {
        let folder = try TemporaryFolder()
        let empty = try folder.write([], "empty")
        #expect(throws: CheckpointError.emptyFile(path: empty)) { try CheckpointFile(path: empty) }
        #expect(throws: CheckpointError.notAFile(path: folder.path)) { try CheckpointFile(path: folder.path) }
        let missing = folder.path + "/missing"
        #expect(throws: CheckpointError.missingFile(path: missing)) { try CheckpointFile(path: missing) }
        #expect(throws: CheckpointError.notAFile(path: "/dev/null")) { try CheckpointFile(path: "/dev/null") }
    }

    @Test func `an error reads as a sentence`() {
        let error = CheckpointError.invalidTensor(
            path: "m.gguf", name: "a.weight", fault: .sizeMismatch(expected: 8, found: 4))
        #expect("\(error)" == "Tensor 'a.weight' in 'm.gguf' needs 8 bytes and is given 4.")
    }

    @Test func `sizes of blocks are whole, checked, and refused when they overflow`() {
        #expect(ElementType.f32.byteCount([2, 3]) == 24)
        #expect(ElementType.f16.byteCount([]) == 2)
        #expect(ElementType.bf16.byteCount([5, 0]) == 0)
        #expect(ElementType.q8_0.byteCount([3, 64]) == 204)
        #expect(ElementType.q4_0.byteCount([32]) == 18)
        #expect(ElementType.q4_k.byteCount([2, 256]) == 288)
        #expect(ElementType.q5_k.byteCount([256]) == 176)
        #expect(ElementType.q6_k.byteCount([512]) == 420)
        #expect(ElementType.q8_0.byteCount([64, 3]) == nil)
        #expect(ElementType.q4_k.byteCount([128]) == nil)
        #expect(ElementType.q8_0.byteCount([]) == nil)
        #expect(ElementType.f32.byteCount([-1]) == nil)
        #expect(ElementType.f32.byteCount([Int.max / 2]) == nil)
        #expect(ElementType.i8.byteCount([Int.max, 2]) == nil)
    }
}
