import AudioDSP
import SpeechCore

/// A dialogue as the model will carry it out: checked, every choice made.
struct LongPlan {
    let prompt: LongPrompt
    /// Turns of the dialogue.
    let turns: Int
    /// In the speakers' order.
    let voices: [PlannedVoice]
    let rules: LongSession.Rules
    let seed: UInt64

    /// What the model knows a speaker by.
    struct PlannedVoice {
        let source: Source
        let frames: Int

        enum Source {
            /// Levelled samples at the model's rate.
            case recorded([Float])
            /// The encoder's frames, one after the other.
            case prepared([Float])
        }

        /// Samples to be encoded.
        var sampleCount: Int {
            switch source {
            case .recorded(let samples): samples.count
            case .prepared: 0
            }
        }
    }
}

extension LongModel {
    /// The choices of the authors' demos.
    static let defaultSteps = 10, defaultGuidance: Float = 1.3
    /// Longest recording of a voice, in seconds: a minute is far more than a voice needs.
    private static let longestVoice = 60.0

    /// Checks a dialogue against what this checkpoint can do, and lays it out.
    func plan(_ dialogue: Dialogue, _ options: SynthesisOptions) throws -> LongPlan {
        let (steps, guidance) = try options.diffusion(
            steps: Self.defaultSteps, guidance: Self.defaultGuidance)
        if let most = options.maximumTokens, most < 1 {
            throw SpeechError(
                .invalidInput, "At most \(most) tokens make no sound.", remedy: "Give 1 or more.")
        }
        if let least = options.minimumTokens, least < 0 {
            throw SpeechError(
                .invalidInput, "At least \(least) tokens makes no sense.", remedy: "Give 0 or more.")
        }
        let script = dialogue.script, speakers = script.speakers
        if let unused = dialogue.voices.keys.sorted().first(where: {
            !speakers.map(script.written).contains($0)
        }) {
            throw DialogueError.unusedVoice(speaker: unused)
        }
        var voices: [LongPlan.PlannedVoice] = []
        if !dialogue.voices.isEmpty {
            for speaker in speakers {
                guard let voice = dialogue.voices[script.written(speaker)] else {
                    throw DialogueError.missingVoice(speaker: script.written(speaker))
                }
                voices.append(try planned(voice, speaker: script.written(speaker)))
            }
        }
        let prompt = try prompts.prompt(script.turns, voices: zip(speakers, voices).map { ($0, $1.frames) })
        let left = config.language.maxPositionEmbeddings - prompt.ids.count
        guard left > 0 else {
            throw SpeechError(
                .invalidInput,
                "The dialogue is too long: \(prompt.ids.count) tokens of at most \(left + prompt.ids.count).",
                remedy: "Speak it in parts.")
        }
        // The authors stop at twice the prompt's length, which cuts a short text without voices; ten frames a token
        // and ten seconds are more than any speech of it takes.
        let usual = max(2 * prompt.ids.count, 75 + 11 * prompt.textCount)
        let rules = LongSession.Rules(
            steps: steps, guidance: guidance, maximumTokens: min(options.maximumTokens ?? usual, left),
            minimumFrames: options.minimumTokens ?? 0)
        return LongPlan(
            prompt: prompt, turns: script.turns.count, voices: voices, rules: rules,
            seed: options.seed ?? .random(in: 0 ... .max))
    }

    // MARK: voices

    /// What profiles made by this model call themselves.
    var profileFamily: String { "\(VibeVoiceLongFamily.modelType)-\(config.acoustic.latentWidth)" }

    private func planned(_ voice: Voice, speaker: Int) throws -> LongPlan.PlannedVoice {
        switch voice {
        // A dialogue's voices are all given, or none.
        case .standard: throw DialogueError.missingVoice(speaker: speaker)
        case .preset(let name):
            throw SpeechError(
                .unknownVoice, "This model has no preset voices, so there is no '\(name)'.",
                remedy: "Give a recording of the speaker.")
        case .described:
            throw SpeechError(
                .unsupported, "This model cannot make a voice from a description.",
                remedy: "Give a recording of the speaker.")
        case .cloned(let recording):
            let samples = try levelled(recording)
            return LongPlan.PlannedVoice(source: .recorded(samples), frames: (samples.count + hop - 1) / hop)
        case .prepared(let profile):
            let latents = profile.speakerVector, width = config.acoustic.latentWidth
            guard profile.family == profileFamily, !latents.isEmpty, latents.count % width == 0,
                latents.allSatisfy(\.isFinite),
                latents.count / width <= Int(Self.longestVoice * 24_000) / hop + 1
            else {
                throw SpeechError(
                    .unsupported,
                    "The voice '\(profile.name)' was made by another kind of model, or is damaged.",
                    remedy: "Make it again from its recording with this model.")
            }
            return LongPlan.PlannedVoice(source: .prepared(latents), frames: latents.count / width)
        }
    }

    /// A recording as the encoder takes it.
    func levelled(_ recording: Recording) throws -> [Float] {
        let audio = recording.audio
        guard audio.samples.contains(where: { abs($0) >= ASRLevel.silence }) else {
            throw SpeechError(
                .invalidInput, "The recording is silent.", remedy: "Give a recording of the speaker.")
        }
        guard audio.samples.allSatisfy(\.isFinite) else {
            throw SpeechError(
                .corruptData, "The recording holds samples that are no numbers.",
                remedy: "Record or export it again.")
        }
        guard audio.duration <= Self.longestVoice else {
            throw SpeechError(
                .invalidInput,
                "The recording is \(Int(audio.duration)) seconds long; "
                    + "a voice takes at most \(Int(Self.longestVoice)).",
                remedy: "Cut out ten seconds of clear speech.")
        }
        return ASRLevel.normalised(try audio.resampled(to: Model.sampleRate).samples)
    }
}
