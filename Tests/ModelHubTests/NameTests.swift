import Foundation
import ModelHub
import SpeechCore
import Testing

/// Names of models, settings and hashes: what needs no server.
struct NameTests {
    @Test func `short names lead to repositories, in any case`() throws {
        #expect(try HubModel("qwen3-tts-0.6b").repository == "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice")
        #expect(
            try HubModel("Qwen3-TTS-1.7B-VoiceDesign").repository == "Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign")
        #expect(try HubModel("Qwen/Qwen3-TTS-12Hz-1.7B-Base").name == "qwen3-tts-1.7b-base")
        #expect(try HubModel("some-one/any.thing_2").repository == "some-one/any.thing_2")
        #expect(Set(HubModel.catalogue.map(\.name)).count == 10)
    }

    @Test(arguments: [
        "", "qwen3", "a/b/c", "../b", "a/..", "a/b--c", "a b/c", "a/b?c", "/b", "a/", "é/b", "-a/b",
    ])
    func `other names are refused`(name: String) {
        #expect(throws: HubError.invalidName(name)) { try HubModel(name) }
    }

    @Test func `revisions are refused that lead elsewhere`() throws {
        #expect(try HubModel("a/b", revision: "refs/pr/1").revision == "refs/pr/1")
        #expect(throws: HubError.invalidName("a/b@../../x")) { try HubModel("a/b", revision: "../../x") }
    }

    @Test func `the cache is where the hub's variables say`() {
        func cache(_ environment: [String: String]) -> String {
            HubSettings(environment: environment.merging(["HOME": "/home/u"]) { $1 }).cache.path
        }
        #expect(cache([:]) == "/home/u/.cache/huggingface/hub")
        #expect(cache(["XDG_CACHE_HOME": "/x"]) == "/x/huggingface/hub")
        #expect(cache(["HF_HOME": "~/hf", "XDG_CACHE_HOME": "/x"]) == "/home/u/hf/hub")
        #expect(cache(["HF_HOME": "/hf", "HF_HUB_CACHE": "/c"]) == "/c")
        #expect(cache(["HF_HOME": ""]) == "/home/u/.cache/huggingface/hub")
    }

    @Test func `the token is the variable's, else the file's, and never more than one line`() throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent("token-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: home) }
        try Data("hf_file\n".utf8).write(to: home.appendingPathComponent("token"))
        func token(_ environment: [String: String]) -> String? {
            HubSettings(environment: environment.merging(["HF_HOME": home.path]) { $1 }).token
        }
        #expect(token([:]) == "hf_file")
        #expect(token(["HF_TOKEN": " hf_variable "]) == "hf_variable")
        #expect(token(["HF_TOKEN": "a\r\nHost: b"]) == nil)
    }

    @Test func `an entity tag is a hash or nothing`() {
        let hash = String(repeating: "a1", count: 20)
        #expect(ListingAnswer.hash(ofEntityTag: "W/\"\(hash)\"") == hash)
        #expect(ListingAnswer.hash(ofEntityTag: "\"../../etc\"") == nil)
        #expect(ListingAnswer.hash(ofEntityTag: String(hash.dropLast())) == nil)
    }

    @Test func `hashes are those of the standard's examples`() {
        func sha256(_ text: String) -> String {
            var digest = MessageDigest<SHA256>()
            digest.update(Array(text.utf8))
            return digest.hexadecimal()
        }
        #expect(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            sha256(String(repeating: "a", count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
        var digest = MessageDigest<SHA1>()
        digest.update(Array("blob 6\0hello\n".utf8))
        #expect(digest.hexadecimal() == "ce013625030ba8dba906f756967f9e9ca394464a")
    }

    @Test func `a message in pieces has the hash of the whole`() {
        let message = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 31) }
        var whole = MessageDigest<SHA256>()
        whole.update(message)
        let expected = whole.hexadecimal()
        for piece in [1, 55, 63, 64, 65, 300] {
            var digest = MessageDigest<SHA256>()
            for start in stride(from: 0, to: message.count, by: piece) {
                digest.update(message[start..<min(start + piece, message.count)])
            }
            #expect(digest.hexadecimal() == expected, "pieces of \(piece)")
        }
    }

    @Test func `every error has a sentence and a remedy`() {
        let error = SpeechError.hub(.diskFull(needed: 5_000_000, available: 1_000_000, folder: "/models"))
        #expect(error.code == .inputOutput)
        #expect(error.message == "5 MB are still to be written to /models, and 1 MB are free.")
        #expect(SpeechError.hub(.gated(repository: "a/b")).remedy.contains("HF_TOKEN"))
        #expect(SpeechError.hub(.invalidName("x")).code == .unknownModel)
        #expect(SpeechError.hub(.hostileFileName("../x")).underlying?.contains("../x") == true)
    }
}
