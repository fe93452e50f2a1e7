import Checkpoints
import Foundation
import Mynah
import SpeechCore
import TensorGraph
import Testing

struct ModelLibraryTests {
    private let folder = Folder()

    private func library(_ more: [String: String] = [:]) -> ModelLibrary {
        var environment = [
            "MYNAH_HOME": folder.url.path, "HF_HOME": folder.url.appendingPathComponent("hf").path,
        ]
        environment.merge(more) { $1 }
        return ModelLibrary(device: .cpu, environment: environment)
    }

    private func keep(_ name: String, config: String) throws {
        let model = folder.url.appendingPathComponent("models/\(name)")
        try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
        try config.write(to: model.appendingPathComponent("config.json"), atomically: true, encoding: .utf8)
    }

    private func failure(_ body: () async throws -> Void) async -> SpeechError? {
        do {
            try await body()
            return nil
        } catch { return error as? SpeechError }
    }

    @Test func `where models and voices are follows the environment`() {
        #expect(MynahHome(environment: ["MYNAH_HOME": "/a"]).voices.path == "/a/voices")
        #expect(MynahHome(environment: ["XDG_DATA_HOME": "/b"]).models.path == "/b/mynah/models")
        let home = MynahHome(environment: ["HOME": "/c", "MYNAH_HOME": "", "XDG_DATA_HOME": ""])
        #expect(home.directory.path == "/c/.local/share/mynah")
    }

    @Test func `with nothing installed the program's own model is used and says so`() throws {
        let place = try library().locate(nil)
        #expect(place.origin == .bundled)
        #expect(ModelLibrary.notice(for: place)?.contains("mynah models pull qwen3-tts-0.6b") == true)
    }

    @Test func `an installed model goes before the program's own, and a named one before both`() throws {
        try keep("mine", config: "{}")
        try keep("other", config: "{}")
        #expect(try library().locate(nil).name == "mine")
        #expect(try library().locate("other").origin == .library)
        #expect(try library(["MYNAH_MODEL": "other"]).locate(nil).name == "other")
        #expect(try library().locate("bundled").origin == .bundled)
        let path = folder.url.appendingPathComponent("models/mine").path
        #expect(try library().locate(path).origin == .path)
        #expect(library().installed().map(\.name) == ["mine", "other", "bundled"])
    }

    @Test func `a model of the catalogue that is not here says how to fetch it`() {
        #expect {
            try library().locate("qwen3-tts-0.6b")
        } throws: { error in
            (error as? SpeechError)?.code == .unknownModel
                && (error as? SpeechError)?.remedy.contains("mynah models pull qwen3-tts-0.6b") == true
        }
    }

    @Test(arguments: [
        ("nonsense", SpeechError.Code.unknownModel), ("./nowhere", .missingFile), ("", .unknownModel),
    ])
    func `a name that is none is refused`(name: String, code: SpeechError.Code) {
        #expect { try library().locate(name) } throws: { ($0 as? SpeechError)?.code == code }
    }

    @Test(arguments: [
        ("{\"model_type\": \"whisper\"}", "whisper"), ("{}", "qwen3_tts"),
        ("{\"model_type\": \"\"}", "qwen3_tts"),
    ])
    func `a model of an unknown kind names it and what is known`(config: String, named: String) async throws {
        try keep("strange", config: config)
        let source = folder.url.appendingPathComponent("models/strange/model.safetensors")
        try FileManager.default.copyItem(
            at: URL(fileURLWithPath: try library().locate("bundled").path + "/model.safetensors"), to: source)
        let error = await failure { _ = try await library().synthesizer("strange") }
        #expect(error?.code == .unsupported)
        #expect(error.map { $0.message + $0.remedy }?.contains(named) == true)
        #expect(error?.remedy.contains("qwen3_tts") == true)
    }

    @Test func `a configuration that is no JSON is of the wrong format`() async throws {
        try keep("strange", config: "<html>")
        let source = folder.url.appendingPathComponent("models/strange/model.safetensors")
        try FileManager.default.copyItem(
            at: URL(fileURLWithPath: try library().locate("bundled").path + "/model.safetensors"), to: source)
        #expect(await failure { _ = try await library().synthesizer("strange") }?.code == .wrongFormat)
    }

    @Test func `the bundled model speaks, and the same for the same seed`() async throws {
        let model = try await library().synthesizer()
        let options = SynthesisOptions(seed: 3, maximumTokens: 12)
        let first = try await model.speak("Good morning.", options: options)
        #expect(first.sampleRate == model.card.sampleRate)
        #expect(!first.samples.isEmpty)
        #expect(try await model.speak("Good morning.", options: options) == first)
        #expect(try await model.speak("Good morning.", options: .init(seed: 4, maximumTokens: 12)) != first)
    }

    @Test func `an unknown preset, language or device is an error that lists what there is`() async throws {
        let model = try await library().synthesizer()
        let voice = await failure { _ = try await model.speak(Utterance("Hello.", voice: .preset("nobody"))) }
        #expect(voice?.code == .unknownVoice)
        #expect(model.card.speakers.allSatisfy { voice?.remedy.contains($0) == true })
        let language = await failure { _ = try await model.speak(Utterance("Hello.", language: "klingon")) }
        #expect(language?.code == .unknownLanguage)
        #expect(await failure { _ = try await model.speak(" \n") }?.code == .invalidInput)
        let device = await failure {
            _ = try await library().synthesizer("bundled", options: LoadOptions(device: .named("TPU9")))
        }
        #expect(device?.code == .unsupported)
        #expect(device?.message.contains("TPU9") == true)
    }

    @Test func `every quantisation that is offered names a type that is`() {
        for quantization in Quantization.allCases {
            #expect(quantization.precision.type?.rawValue == quantization.rawValue)
        }
    }

    @Test func `a model that is removed is gone, and one that is not ours is left`() throws {
        try keep("mine", config: "{}")
        #expect(try library().remove("mine") == 2)
        #expect(library().installed().map(\.name) == ["bundled"])
        #expect { try library().remove("bundled") } throws: { ($0 as? SpeechError)?.code == .unsupported }
        #expect { try library().remove("mine") } throws: { ($0 as? SpeechError)?.code == .unknownModel }
    }
}

/// Models that the hub's cache holds in two repositories.
struct PulledModelTests {
    private let folder = Folder()
    private static let tiny = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/vibevoice/realtime-tiny").path

    /// A repository of the cache with some of the tiny model's files in it.
    private func cache(_ repository: String, _ names: [String]) throws {
        let root = folder.url.appendingPathComponent(
            "hf/hub/models--" + repository.replacingOccurrences(of: "/", with: "--"))
        let commit = String(repeating: "a", count: 40)
        let snapshot = root.appendingPathComponent("snapshots/\(commit)")
        for place in [snapshot, root.appendingPathComponent("refs")] {
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        }
        try commit.write(to: root.appendingPathComponent("refs/main"), atomically: true, encoding: .utf8)
        for name in names {
            try FileManager.default.copyItem(
                atPath: "\(Self.tiny)/\(name)", toPath: snapshot.path + "/" + name)
        }
    }

    @Test func `a pulled model loads by its short name with a tokenizer from another repository`()
        async throws
    {
        let library = ModelLibrary(
            device: .cpu,
            environment: [
                "MYNAH_HOME": folder.url.path, "HF_HOME": folder.url.appendingPathComponent("hf").path,
            ])
        try cache("microsoft/VibeVoice-Realtime-0.5B", ["config.json", "model.safetensors"])
        #expect { try library.locate("vibevoice-realtime-0.5b") } throws: {
            ($0 as? SpeechError)?.remedy.contains("mynah models pull vibevoice-realtime-0.5b") == true
        }
        try cache("Qwen/Qwen2.5-0.5B", ["vocab.json", "merges.txt"])
        #expect(library.installed().map(\.name) == ["vibevoice-realtime-0.5b", "bundled"])
        let model = try await library.synthesizer("vibevoice-realtime-0.5b")
        #expect(model.card.family == "vibevoice_streaming" && model.card.speakers.isEmpty)
        await #expect {
            _ = try await model.speak("Hello.")
        } throws: { ($0 as? SpeechError)?.remedy.contains("mynah voices import") == true }
        let voice = Voice.preset(Self.tiny + "/voices/tiny-Voice_x.pt")
        let options = SynthesisOptions(seed: 1, maximumTokens: 20)
        #expect(try await !model.speak(Utterance("Hello.", voice: voice), options: options).samples.isEmpty)
    }
}
