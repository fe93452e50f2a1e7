import Checkpoints
import Qwen3TTS
import SpeechCore
import SpeechTesting
import TensorGraph
import Testing
import VibeVoice

/// Models on whatever accelerators ggml offers. One after the other: a device's memory and driver are shared, and
/// how it multiplies is settled when the process opens it, so float32 comes first.
@Suite(.serialized, .needsAccelerator) enum AcceleratorTests {
    static func expectParity(_ report: ParityReport, _ fixture: Fixture) {
        for stage in report.stages where !stage.passed {
            Issue.record("\(stage.name) differs by \(stage.difference), more than \(stage.bound)")
        }
        #expect(report.passed)
        #expect(report.stages.contains { $0.name == fixture.last })
    }

    static func load(_ type: ElementType, _ device: Device.Choice, sessions: Int = 1) throws
        -> any SpeechCore.Synthesizer
    {
        try Qwen3TTSFamily.load(
            Fixture.customVoice.files(),
            LoadSettings(precision: Precision(type), device: device, sessions: sessions))
    }

    static func requests(_ count: Int) -> [TestRequest] {
        let voices = ["ryan", "Eric", "vivian", "sohee"]
        return (0..<count).map { index in
            let options = SynthesisOptions(
                seed: UInt64(index), maximumTokens: 7 + index, minimumTokens: 7 + index,
                framesPerChunk: 1 + index % 4)
            return TestRequest(
                Utterance("Hello world, \(index).", voice: .preset(voices[index % 4])), options,
                start: index * 2)
        }
    }

    /// Products of float32 as float32.
    @Suite struct Exact {
        @Test(arguments: Device.accelerators, Fixture.all)
        func `every stage in float32 is the authors'`(device: Device.Listing, fixture: Fixture) throws {
            let device = try Device(.named(device.name), exact: true)
            expectParity(try fixture.report(.exact, on: device), fixture)
            try device.check()
        }

        @Test(arguments: Device.accelerators)
        func `what is heard is what the processor makes, again, and in any company`(device: Device.Listing)
            throws
        {
            let requests = requests(4)
            let here = try load(.f32, .cpu)
            let alone = try load(.f32, .named(device.name))
            let first = try requests.map { try alone.speak($0.utterance, $0.options) }
            #expect(try requests.map { try alone.speak($0.utterance, $0.options) } == first)
            // So many slots that no shader serves a row of all of them in one go.
            let company = try load(.f32, .named(device.name), sessions: 4).speak(requests)
            for (index, request) in requests.enumerated() {
                let expected = try here.speak(request.utterance, request.options)
                expectNear(first[index], expected)
                expectNear(company[index], expected)
            }
        }

        private func expectNear(_ speech: TestSpeech, _ expected: TestSpeech) {
            #expect(speech.frames == expected.frames && speech.samples.count == expected.samples.count)
            let peak = expected.samples.map(abs).max() ?? 0
            let largest = zip(speech.samples, expected.samples).map { abs($0 - $1) }.max() ?? .infinity
            #expect(peak > 0 && largest <= 1e-3 * peak)
        }
    }

    /// Products as the device likes to make them.
    @Suite struct Rounded {
        @Test(arguments: Device.accelerators, Fixture.all)
        func `weights of 8 bits stay within their bounds`(device: Device.Listing, fixture: Fixture) throws {
            expectParity(try fixture.report(Precision(.q8_0), on: Device(.named(device.name))), fixture)
        }

        /// What 4 bits do to random weights is more than any bound: up to 0.84. What the device adds is seen beside
        /// what the processor makes of the same weights: 0.037 at most, of the largest value.
        @Test(arguments: Device.accelerators, Fixture.all)
        func `weights of 4 bits lead no farther from the authors than on the processor`(
            device: Device.Listing, fixture: Fixture
        ) throws {
            let here = try fixture.report(Precision(.q4_0), on: Device(.cpu)).stages
            let there = try fixture.report(Precision(.q4_0), on: Device(.named(device.name))).stages
            #expect(there.map(\.name) == here.map(\.name) && there.contains { $0.name == fixture.last })
            for (there, here) in zip(there, here) {
                let allowed = here.difference + (here.bound == 0 ? 0 : 0.06)
                #expect(there.difference <= allowed, "\(there.name): \(here.difference) on the processor")
            }
        }

        @Test(arguments: Device.accelerators)
        func `a seed gives the same sound again`(device: Device.Listing) throws {
            let model = try load(.q8_0, .named(device.name))
            let request = requests(1)[0]
            let first = try model.speak(request.utterance, request.options)
            #expect(first.frames >= 6 && first.samples.contains { $0 != 0 })
            #expect(try model.speak(request.utterance, request.options) == first)
        }
    }

    /// Memory that is not there.
    @Suite struct Want {
        @Test(arguments: Device.accelerators)
        func `weights that do not fit are refused with the numbers`(device: Device.Listing) throws {
            let folder = try ScratchFolder()
            let file = folder.path + "/a.safetensors"
            let bytes = [UInt8](repeating: 0, count: 64 * 64 * 4)
            try SafetensorsWriter.write([TensorSource("a.weight", .f32, [64, 64], bytes: bytes)], to: file)
            let loader = try WeightLoader(
                CheckpointFile(path: file).tensors, on: Device(.named(device.name)), precision: .exact)
            _ = try loader.weights["a"].matrix("weight", [64, 64])
            #expect(throws: LoadError.deviceMemory(need: bytes.count + 1000, available: bytes.count)) {
                try loader.finish(reserve: 1000, onDevice: bytes.count)
            }
        }

        @Test(arguments: Device.accelerators)
        func `a cache that does not fit is refused`(device: Device.Listing) throws {
            let device = try Device(.named(device.name))
            let layout = KVCache.Layout(layers: 1, heads: 1 << 10, headWidth: 1 << 10)
            #expect(throws: DeviceError.outOfMemory(bytes: layout.bytes(rows: 1 << 22, half: false))) {
                try KVCache(on: device, layout, slots: 1, capacity: 1 << 22, half: false)
            }
        }

        @Test(arguments: Device.accelerators)
        func `a graph without room is an error of its step, not the end of the program`(
            device: Device.Listing
        ) throws {
            let device = try Device(.named(device.name))
            let (graph, ends) = Graph.layOut(on: device) { graph in
                let x = graph.input("x", [1, 1 << 20])
                let y = x.repeated(to: [1 << 22, 1 << 20]).scaled(by: 2).sum
                graph.output(y)
                return (x: x, y: y)
            }
            #expect(throws: DeviceError.outOfMemory(bytes: nil)) { try device.check() }
            ends.x.write([Float](repeating: 1, count: 1 << 20))
            graph.compute()
            #expect(ends.y.read().allSatisfy { $0 == 0 })
            #expect(throws: DeviceError.outOfMemory(bytes: nil)) { try device.check() }
            try device.check()
        }
    }
}

/// What is chosen when nobody chooses.
@Suite struct ChoiceTests {
    @Test func `a driver that computes on the processor is used only when it is named`() throws {
        #expect(Device.Listing.isSoftware("llvmpipe (LLVM 15.0.6, 256 bits)"))
        #expect(Device.Listing.isSoftware("SwiftShader Device (Subzero)"))
        #expect(!Device.Listing.isSoftware("NVIDIA H100 80GB HBM3"))
        let chosen = try Device(.automatic)
        #expect(!Device.accelerators.contains { $0.name == chosen.name && $0.isSoftware })
    }

    @Test func `the processor is offered always, and what is not there is refused with what is`() throws {
        #expect(Device.offered.contains { $0.name == "CPU" && !$0.isAccelerator })
        #expect(try Device(.named("cpu")).name == "CPU")
        #expect(throws: DeviceError.unavailable(asked: "CUDA9", offered: Device.accelerators.map(\.name))) {
            try Device(.named("CUDA9"))
        }
        #expect((Device.absence == nil) == !Device.accelerators.isEmpty)
    }
}
