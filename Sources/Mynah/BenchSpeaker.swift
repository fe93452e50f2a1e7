import SpeechCore
import VibeVoice

/// Speaks requests of a fixed number of frames, each with words of its own so that no prompt is found again.
final class BenchSpeaker {
    private let model: any Synthesizer
    private let frames: Int
    private var spoken = 0
    /// Steps of the diffusion; nil for a model that has none.
    let steps: Int?
    /// Seconds of sound in a frame.
    let frameSeconds: Double
    private let isDiffusion: Bool

    /// - Parameter steps: nil is the model's own number.
    init(model: any Synthesizer, frames: Int, steps: Int? = nil) {
        (self.model, self.frames) = (model, frames)
        isDiffusion = model.card.generation == .diffusion
        self.steps = VibeVoiceFamily.defaultSteps[model.card.family].map { steps ?? $0 }
        frameSeconds = isDiffusion ? VibeVoiceFamily.frameSeconds : 0.08
    }

    /// - Parameter chunk: frames decoded together; nil is the engine's own choice.
    func speak(_ count: Int, frames: Int? = nil, chunk: Int? = nil) throws -> Lap {
        let frames = frames ?? self.frames
        var lap = Lap()
        let before = model.timings
        let start = ContinuousClock.now
        var numbers: [Int] = []
        for _ in 0..<count { numbers.append(try model.begin(utterance(), options(frames, chunk))) }
        var left = count
        while left > 0 {
            for (number, chunk) in try model.step() where numbers.contains(number) {
                if lap.samples == 0, !chunk.audio.samples.isEmpty {
                    lap.firstSound = (ContinuousClock.now - start).seconds
                }
                lap.take(chunk.audio)
                guard chunk.ending != nil || chunk.frames >= frames else { continue }
                // Where rows of text count too, frames alone do not end a request.
                if chunk.ending == nil { model.cancel(number) }
                numbers.removeAll { $0 == number }
                left -= 1
            }
        }
        lap.seconds = (ContinuousClock.now - start).seconds
        lap.timings = model.timings - before
        return lap
    }

    private func utterance() -> Utterance {
        spoken += 1
        let text =
            "\(Self.openings[spoken % Self.openings.count]) number \(spoken): the harbour lights went out."
        if isDiffusion { return Utterance(text) }
        return model.card.designs
            ? Utterance(text, voice: .described("A calm, low voice."), language: .english)
            : Utterance(text, language: .english)
    }

    private func options(_ frames: Int, _ chunk: Int?) -> SynthesisOptions {
        if isDiffusion {
            // Of the realtime model, whose frames and rows of text have one limit, none is given.
            let isBounded = model.card.family != VibeVoiceRealtimeFamily.modelType
            var options = SynthesisOptions(
                seed: 1, maximumTokens: isBounded ? frames : nil, minimumTokens: frames, diffusionSteps: steps
            )
            // A window's frames go through the decoder together.
            options.framesPerChunk = chunk ?? 6
            return options
        }
        // The last token drawn is never expanded; until then the end token is forbidden.
        var options = SynthesisOptions(
            seed: 1, maximumTokens: frames + 1, minimumTokens: frames + 1, wholeText: true)
        if let chunk { options.framesPerChunk = chunk }
        return options
    }

    private static let openings = ["Message", "Chapter", "Letter", "Sentence", "Answer", "Lesson", "Verse"]
}

extension StageTimings {
    static func - (now: StageTimings, before: StageTimings) -> StageTimings {
        var spent = now
        spent.prefillSeconds -= before.prefillSeconds
        spent.prefillRows -= before.prefillRows
        spent.talkerSeconds -= before.talkerSeconds
        spent.predictorSeconds -= before.predictorSeconds
        spent.frames -= before.frames
        spent.codecSeconds -= before.codecSeconds
        spent.codecFrames -= before.codecFrames
        spent.listenerSeconds -= before.listenerSeconds
        spent.reusedRows -= before.reusedRows
        return spent
    }
}
