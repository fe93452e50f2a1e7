import Checkpoints
import Foundation
import Mynah
import Qwen3TTS
import SpeechCore
import SpeechTesting
import TensorGraph
import Testing

@Suite struct ConversionTests {
    private let scratch: ScratchFolder
    private var output: String { scratch.path + "/model.gguf" }

    init() throws { scratch = try ScratchFolder() }

    @discardableResult private func convert(_ fixture: Fixture, _ type: ElementType) throws -> ModelConversion
    {
        let conversion = try ModelConversion(fixture.files(), to: type)
        try conversion.write(to: output)
        return conversion
    }

    private func error(_ body: () throws -> Void) -> SpeechError? {
        do { try body() } catch { return error as? SpeechError }
        return nil
    }

    @Test(arguments: Fixture.allCases)
    func `a model in float32 speaks from one file as from its folder, bit for bit`(fixture: Fixture) throws {
        try convert(fixture, .f32)
        var options = SynthesisOptions.greedy
        (options.maximumTokens, options.minimumTokens) = (14, 14)
        let utterance = Utterance("Hello world, this is one file.", language: .english)
        let folder = try fixture.load().speak(utterance, options)
        let file = try fixture.load(ModelFiles(path: output), .f32).speak(utterance, options)
        #expect(folder.frames == 13)
        #expect(file == folder)
    }

    @Test func `every tensor of a float32 file has its values, name and shape`() throws {
        try convert(.base, .f32)
        let (source, file) = (try Fixture.base.files(), try ModelFiles(path: output))
        #expect(file.tensors.map(\.name) == source.tensors.map(\.name))
        #expect(file.tensors.map(\.shape) == source.tensors.map(\.shape))
        for (one, other) in zip(source.tensors, file.tensors) {
            #expect(Conversion.floats(one) == Conversion.floats(other), "\(one.name)")
            #expect(other.type == .f32, "\(one.name)")
        }
        for name in ModelFiles.known {
            #expect(file.has(name) == source.has(name), "\(name)")
            if source.has(name) { #expect(try file.data(name) == source.data(name)) }
        }
    }

    @Test(arguments: [ElementType.q8_0, .bf16, .q4_k])
    func `a rounded file stays within its bounds along the authors' path`(type: ElementType) throws {
        try convert(.base, type)
        let report = try Qwen3TTSFamily.parity(
            ModelFiles(path: output), golden: Fixture.base.golden(), precision: Precision(type),
            on: Device(.cpu, threads: 1))
        for stage in report.stages where !stage.passed {
            Issue.record("\(stage.name) differs by \(stage.difference), more than \(stage.bound)")
        }
        #expect(report.stages.contains { $0.name == "xvec/talker/logits/7" && $0.difference > 1e-5 })
        #expect(report.stages.contains { $0.name == "codec_encode/codes" && $0.difference == 0 })
    }

    @Test func `each role is rounded as far as it bears`() throws {
        let conversion = try convert(.base, .q8_0)
        func type(_ name: String) -> ElementType? { conversion.tensors.first { $0.name == name }?.to }
        #expect(type("talker.model.layers.0.self_attn.q_proj.weight") == .q8_0)
        #expect(type("talker.codec_head.weight") == .q8_0)
        #expect(type("talker.model.norm.weight") == .f32)
        #expect(type("talker.model.text_embedding.weight") == .bf16)
        let kept = conversion.tensors.filter { !$0.name.hasPrefix("talker.") }
        #expect(kept.count > 100 && kept.allSatisfy { $0.to == .f32 })
        // Only what the other direction of a quantizer, or a longer code, would use has no layer.
        let unused = conversion.groups.filter { $0.role == "unused" }.map(\.pattern)
        #expect(!unused.isEmpty && unused.allSatisfy { $0.contains("quantizer") }, "\(unused)")
        #expect(conversion.groups.reduce(0) { $0 + $1.count } == conversion.tensors.count)
        #expect(conversion.groups.reduce(0) { $0 + $1.bytes } == conversion.bytes)
        #expect(
            conversion.groups.contains {
                $0.pattern == "talker.model.layers.*.mlp.up_proj.weight" && $0.count == 3
            })
    }

    @Test func `progress counts every tensor and ends below the total`() throws {
        let conversion = try ModelConversion(Fixture.voiceDesign.files(), to: .q8_0)
        var seen: [ModelConversion.Progress] = []
        let size = try conversion.write(to: output) { seen.append($0) }
        #expect(seen.map(\.tensor) == Array(1...conversion.tensors.count))
        #expect(seen.map(\.bytes) == seen.map(\.bytes).sorted())
        #expect(seen.allSatisfy { $0.total == conversion.bytes && $0.bytes < $0.total })
        #expect(size > conversion.bytes)
    }

    @Test func `a file that exists is replaced only when asked`() throws {
        try Data("mine".utf8).write(to: URL(fileURLWithPath: output))
        let conversion = try ModelConversion(Fixture.base.files(), to: .q8_0)
        let refused = error { try conversion.write(to: output) }
        #expect(refused?.code == .invalidInput)
        #expect(refused?.message.contains(output) == true)
        #expect(FileManager.default.contents(atPath: output) == Data("mine".utf8))
        try conversion.write(to: output, replacing: true)
        #expect(try ModelFiles(path: output).tensors.count == conversion.tensors.count)
    }

    @Test func `a quantised source is refused`() throws {
        try convert(.base, .q8_0)
        let refused = error { _ = try ModelConversion(ModelFiles(path: output), to: .q4_k) }
        #expect(refused?.code == .unsupported)
        #expect(refused?.message.contains("q8_0") == true)
    }

    @Test func `a full disk is told in numbers, and nothing is left behind`() throws {
        let conversion = try ModelConversion(Fixture.base.files(), to: .f32)
        let refused = error { try conversion.write(to: output, available: conversion.bytes) }
        #expect(refused?.code == .inputOutput)
        #expect(refused?.message.contains("\(conversion.bytes) are free") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
    }

    @Test func `a folder that is not there, or in place of the file, is an error`() throws {
        let conversion = try ModelConversion(Fixture.base.files(), to: .f32)
        #expect(error { try conversion.write(to: scratch.path + "/none/x.gguf") }?.code == .missingFile)
        #expect(error { try conversion.write(to: scratch.path, replacing: true) }?.code == .invalidInput)
    }

    @Test func `a converted file takes the type it was made with, and no other block type`() throws {
        try convert(.base, .q4_k)  // these widths are no whole blocks of it, and fall back to q8_0
        _ = try Fixture.base.load(ModelFiles(path: output), .q4_k)
        _ = try Fixture.base.load(ModelFiles(path: output), nil)
        #expect(throws: LoadError.self) { try Fixture.base.load(ModelFiles(path: output), .q4_0) }
    }

    private func spoken(_ path: String, _ type: Quantization?) async throws -> [Float] {
        let model = try await ModelLibrary().synthesizer(
            path, options: LoadOptions(quantization: type, device: .cpu))
        var options = SynthesisOptions.greedy
        (options.maximumTokens, options.minimumTokens) = (10, 10)
        return try await model.speak("One file, one sound.", options: options).samples
    }

    @Test(arguments: Quantization.allCases)
    func `a converted file sounds as its model does when it is rounded while loading`(type: Quantization)
        async throws
    {
        try convert(.customVoice, try #require(ElementType(rawValue: type.rawValue)))
        let file = try await spoken(output, nil)
        #expect(file == (try await spoken(Fixture.customVoice.path, type)))
        #expect(!file.isEmpty)
    }

    @Test func `a file that says it was converted to what nothing is converted to is refused`() async throws {
        try convert(.customVoice, .q8_0)
        var file = try Data(contentsOf: URL(fileURLWithPath: output))
        let key = try #require(file.range(of: Data("mynah.type".utf8)))
        let value = try #require(file.range(of: Data("q8_0".utf8), in: key.upperBound..<file.endIndex))
        file.replaceSubrange(value, with: Data("q9_9".utf8))
        try file.write(to: URL(fileURLWithPath: output))
        await #expect { try await spoken(output, nil) } throws: { error in
            (error as? SpeechError)?.code == .unsupported
                && (error as? SpeechError)?.message.contains("q9_9") == true
        }
        _ = try await spoken(output, .q8Zero)
    }

    // MARK: listing

    @Test func `a listing of the folder and of the file name the same tensors`() throws {
        let conversion = try convert(.base, .q8_0)
        let (folder, file) = (try ModelListing(path: Fixture.base.path), try ModelListing(path: output))
        #expect(folder.files.map(\.format) == ["safetensors", "safetensors"])
        #expect(file.files.map(\.format) == ["gguf"])
        #expect(folder.tensors.map(\.name) == file.tensors.map(\.name))
        #expect(file.totals.reduce(0) { $0 + $1.bytes } == conversion.bytes)
        #expect(Set(file.totals.map(\.type)) == ["q8_0", "bf16", "f32"])
        #expect(file.metadata.contains { $0.key == "general.architecture" && $0.value == "qwen3_tts" })
        #expect(file.metadata.allSatisfy { $0.value.count < 200 && !$0.value.contains("\n") })
    }

    @Test func `a listing can be narrowed by a pattern`() throws {
        let names = try ModelListing(path: Fixture.base.path, matching: "talker*q_proj").tensors.map(\.name)
        #expect(names.count == 5)
        #expect(names.allSatisfy { $0.hasPrefix("talker.") && $0.hasSuffix("q_proj.weight") })
        #expect(try ModelListing(path: Fixture.base.path, matching: "q_proj*talker").tensors.isEmpty)
    }

    @Test func `a hostile file gives the reader's error`() throws {
        try Data("GGUF\u{3}\0\0\0\u{1}".utf8).write(to: URL(fileURLWithPath: output))
        #expect(throws: CheckpointError.self) { try ModelListing(path: output) }
        #expect(throws: CheckpointError.missingFile(path: scratch.path + "/none")) {
            try ModelListing(path: scratch.path + "/none")
        }
    }
}
