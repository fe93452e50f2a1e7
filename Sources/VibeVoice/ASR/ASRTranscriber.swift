import AudioDSP
import NeuralLayers
import SpeechCore
import TensorGraph

/// A loaded VibeVoice-ASR.
final class ASRTranscriber: Transcriber {
    private let model: ASRModel
    private let device: Device
    private let isExact: Bool
    let card: TranscriberCard

    init(_ model: ASRModel, on device: Device, exact: Bool) {
        (self.model, self.device, isExact) = (model, device, exact)
        card = model.card
    }

    func begin(_ audio: AudioBuffer, _ options: TranscriptionOptions) throws -> any Transcription {
        try check(audio, options)
        let peak = audio.samples.reduce(Float(0)) { max($0, abs($1)) }
        let prompts = model.prompts
        // A context that cannot be used is refused for silence too.
        _ = try prompts.prompt(samples: 1, frames: 1, context: options.context)
        guard peak >= ASRLevel.silence else { return ASRSilence(duration: audio.duration) }
        let samples = ASRLevel.normalised(try audio.resampled(to: ASRConfiguration.sampleRate).samples)
        let frames = (samples.count + model.config.hop - 1) / model.config.hop
        let prompt = try prompts.prompt(samples: samples.count, frames: frames, context: options.context)
        let plan = ASRTranscription.Plan(
            prompt: prompt, duration: audio.duration, maximumTokens: try budget(prompt, audio, options),
            seed: options.seed)
        return try ASRTranscription(model, samples, plan, on: device, half: !isExact)
    }

    private func check(_ audio: AudioBuffer, _ options: TranscriptionOptions) throws {
        guard !options.translates else { throw SpeechError.cannotTranslate }
        guard !audio.samples.isEmpty else {
            throw SpeechError(.invalidInput, "The recording is empty.", remedy: "Give a recording of speech.")
        }
        guard audio.duration <= card.longestRecording else {
            throw SpeechError(
                .invalidInput,
                "The recording is \(Int(audio.duration)) seconds long; the model hears \(Int(card.longestRecording)).",
                remedy: "Cut it into parts, best where nobody speaks.")
        }
        if let bad = audio.samples.firstIndex(where: { !$0.isFinite }) {
            throw SpeechError(
                .corruptData, "Sample \(bad) of the recording is not a number.",
                remedy: "Record or export it again.")
        }
        if let limit = options.maximumTokens, limit < 1 {
            throw SpeechError(
                .invalidInput, "A limit of \(limit) tokens lets nothing through.", remedy: "Leave it out.")
        }
    }

    /// Most tokens of an answer: speech takes about eight a second, names and times of many short segments some
    /// more; at most what the authors allow, and what positions are left.
    private func budget(_ prompt: ASRPrompt, _ audio: AudioBuffer, _ options: TranscriptionOptions) throws
        -> Int
    {
        let usual = min(32768, 512 + Int(audio.duration * 24))
        let left = model.config.languageModel.maxPositionEmbeddings - prompt.count - ASRAnswer.spareTokens
        guard left > 0 else {
            throw SpeechError(
                .invalidInput, "The recording and its context leave the model no room for an answer.",
                remedy: "Shorten the context, or cut the recording into parts.")
        }
        let tokens = min(options.maximumTokens ?? usual, left)
        let rows = prompt.count + tokens + ASRAnswer.spareTokens
        let need = model.language.stack.config.cache.bytes(rows: rows, half: !isExact)
        guard need <= MemoryBudget.available else {
            throw SpeechError(
                .notEnoughMemory, "The recording needs \(need / 1_000_000) MB of memory beside the model.",
                remedy: "Cut the recording into parts, or close other programs.")
        }
        return tokens
    }
}

/// A recording in which there is nothing to hear.
private final class ASRSilence: Transcription {
    private let duration: Double
    private var isOver = false
    let timings = TranscriptionTimings()

    init(duration: Double) { self.duration = duration }

    func step() throws -> [TranscriptionEvent] {
        guard !isOver else { return [] }
        isOver = true
        return [.finished(Transcript(segments: [], duration: duration, warnings: [.silence]))]
    }
}

extension ASRModel {
    /// The longest recording its authors let it hear, in seconds.
    private static let longest = 3600.0

    /// What the checkpoint can do.
    var card: TranscriberCard {
        // Three positions in four for the recording, the rest for what is said in it.
        let positions = Double(config.languageModel.maxPositionEmbeddings) * 0.75
        let heard = positions * Double(config.hop) / Double(ASRConfiguration.sampleRate)
        return TranscriberCard(
            family: ASRFamily.name, size: Self.size(config.languageModel),
            longestRecording: min(Self.longest, heard), tellsSpeakers: true, takesContext: true)
    }

    private static func size(_ config: ASRLanguageModelConfiguration) -> String {
        switch config.hiddenSize {
        case 3584: "7B"
        case 1536: "1.5B"
        default: "\(config.hiddenSize)"
        }
    }
}
