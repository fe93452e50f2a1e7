import Checkpoints
import Foundation
import SpeechCore
import SpeechTesting
import TensorGraph
import Testing
import VibeVoice

/// Random weights in the shape of the released models.
@Suite struct SyntheticVibeVoiceTests {
    @Test(arguments: [
        (SyntheticVibeVoice.Kind.realtime, 605, 1_017_626_724), (.long, 1204, 2_704_021_987),
        (.asr, 1177, 8_674_021_857),
    ])
    func `every kind has as many tensors and values as released`(
        _ kind: SyntheticVibeVoice.Kind, _ tensors: Int, _ values: Int
    ) {
        let entries = SyntheticVibeVoice(kind).entries
        #expect(entries.count == tensors)
        #expect(Set(entries.map(\.name)).count == tensors)
        #expect(entries.reduce(0) { $0 + $1.shape.reduce(1, *) } == values)
    }

    @Test(arguments: [
        (SyntheticVibeVoice.Kind.realtime, Fixture.model), (.long, Fixture.folder + "/1.5b-tiny"),
        (.asr, ASRFixture.authors.path),
    ])
    func `names are those that the authors' files have`(
        _ kind: SyntheticVibeVoice.Kind, _ published: String
    ) throws {
        func patterns(_ names: [String]) -> Set<String> {
            Set(names.map { $0.replacing(/\d+/, with: "*") })
        }
        let names = SyntheticVibeVoice(kind, tiny: true).entries.map(\.name)
        #expect(try patterns(names) == patterns(ModelFiles(path: published).tensors.map(\.name)))
    }

    @Test func `a tiny realtime one speaks in its random voice, and does not stop by itself`() throws {
        let folder = try SyntheticScratch(.realtime)
        let model = try VibeVoiceRealtimeFamily.load(
            ModelFiles(path: folder.path), LoadSettings(device: .cpu, threads: 1))
        #expect(model.card.speakers == ["random"])
        let speech = try model.speak(Utterance("Hello."), .rows(24))
        #expect(speech.ending == .limit && speech.frames > 12)
        folder.check(speech.samples)
    }

    @Test func `a tiny long-form one speaks the frames that it is asked for`() throws {
        let folder = try SyntheticScratch(.long)
        #expect(folder.files.contains("model.safetensors.index.json"))
        let model = try VibeVoiceLongFamily.load(
            ModelFiles(path: folder.path), LoadSettings(device: .cpu, threads: 1))
        let options = SynthesisOptions(seed: 1, maximumTokens: 9, minimumTokens: 9, diffusionSteps: 3)
        let speech = try model.speak(Utterance("Speaker 1: Hello."), options)
        #expect(speech.frames == 9)
        folder.check(speech.samples)
    }

    @Test func `a tiny one that listens writes something down`() throws {
        let folder = try SyntheticScratch(.asr)
        let model = try ASRFamily.load(ModelFiles(path: folder.path), LoadSettings(device: .cpu, threads: 1))
        let noise = (0..<24_000).map { Float(($0 * 7919) % 2001 - 1000) / 4000 }
        let work = try model.begin(
            AudioBuffer(samples: noise, sampleRate: 24_000), TranscriptionOptions(maximumTokens: 6))
        var transcript: Transcript?
        while transcript == nil {
            for case .finished(let text) in try work.step() { transcript = text }
        }
        #expect(transcript?.duration == 1)
    }
}

/// A tiny checkpoint in a folder of its own, gone with the value.
private final class SyntheticScratch {
    let path = NSTemporaryDirectory() + "mynah-synthetic-\(UUID().uuidString)"

    init(_ kind: SyntheticVibeVoice.Kind) throws {
        try SyntheticVibeVoice(kind, tiny: true).write(to: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var files: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }

    /// Whether this is sound: finite, to be heard, and hardly ever at full scale.
    func check(_ samples: [Float]) {
        let level = (samples.reduce(0) { $0 + $1 * $1 } / Float(max(1, samples.count))).squareRoot()
        #expect(level > 0.02 && level < 0.5, "level \(level)")
        #expect(samples.filter { abs($0) >= 1 }.count < samples.count / 50)
    }
}
