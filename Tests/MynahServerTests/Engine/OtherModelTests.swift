import Foundation
import Mynah
import MynahServer
import SpeechCore
import Testing

/// Models of other kinds in their processes: the tiny checkpoints that the authors' code computed values with.
struct OtherModelTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures").path

    private func pool() throws -> TestPool {
        try TestPool {
            $0.models = [("listener", "vibevoice/asr-tiny"), ("cloner", "qwen3-tts/tiny-base")].map {
                name, path in
                PoolSettings.Model(
                    name: name, source: "\(Self.fixtures)/\(path)",
                    options: LoadOptions(device: .cpu, threads: 1))
            }
        }
    }

    /// A voice-like sound: a low tone with overtones that comes and goes.
    private static let recording = AudioBuffer(
        samples: (0..<96_000).map { index in
            let time = Double(index) / 24_000
            let voice = (1...8).reduce(0.0) { $0 + sin(2 * .pi * 140 * Double($1) * time) / Double($1) }
            return Float(0.15 * voice * (0.6 + 0.4 * sin(2 * .pi * 3 * time)))
        }, sampleRate: 24_000)

    @Test func `a recording is written down through a process as it is alone`() async throws {
        let test = try pool()
        let options = TranscriptionOptions(maximumTokens: 12)
        var events: [TranscriptionEvent] = []
        let order = TranscriptionOrder(model: "listener", audio: Self.recording, options: options)
        for try await event in try await test.pool.transcribe(order) { events.append(event) }
        let model = try await test.library.transcriber(
            "\(Self.fixtures)/vibevoice/asr-tiny", options: LoadOptions(device: .cpu, threads: 1))
        var alone: [TranscriptionEvent] = []
        for try await event in model.stream(Self.recording, options: options) { alone.append(event) }
        #expect(events == alone && events.count > 1)
        await test.pool.close(grace: .zero)
    }

    @Test func `a voice is cloned through a process as it is alone, and speaks`() async throws {
        let test = try pool()
        let recording = Recording(Self.recording, transcript: "Some words.")
        let profile = try await test.pool.clone(recording, name: "ann", model: "cloner")
        let model = try await test.library.synthesizer(
            "\(Self.fixtures)/qwen3-tts/tiny-base", options: LoadOptions(device: .cpu, threads: 1))
        #expect(try await profile == model.clone(recording, name: "ann"))
        for voice in [Voice.prepared(profile), .cloned(recording)] {
            var order = TestPool.order("Hello.", model: "cloner")
            order.utterance.voice = voice
            let heard = try await TestPool.all(test.pool.speak(order))
            let alone = try await model.speak(order.utterance, options: order.options)
            #expect(heard == alone.samples && !heard.isEmpty)
        }
        await test.pool.close(grace: .zero)
    }

    @Test func `the list says who listens`() async throws {
        let models = try await pool().pool.models()
        #expect(models.map(\.name) == ["listener", "cloner", "bundled"])
        #expect(models.map(\.listens) == [true, false, false])
    }
}
