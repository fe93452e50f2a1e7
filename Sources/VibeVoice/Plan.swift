import Foundation
import SpeechCore
import TextProcessing

/// A request as the model will carry it out: checked, split, every choice made.
struct SpeechPlan {
    let segments: [Segment]
    let preset: VoicePreset

    /// A piece of the text that fits the model's attention with its speech.
    struct Segment {
        let ids: [Int32]
        let rules: Session.Rules
        let seed: UInt64
    }
}

extension Model {
    /// The authors' demos' choices.
    static let defaultSteps = 5, defaultGuidance: Float = 1.5
    /// Text tokens of a segment. Spoken, they come to some 5000 rows, well inside the 8192 that the model knows.
    private static let tokensPerSegment = 1400

    /// Checks an utterance against what this checkpoint can do, and lays it out.
    ///
    /// - Parameter preset: reads a voice.
    func plan(
        _ utterance: Utterance, _ options: SynthesisOptions, preset: (String) throws -> VoicePreset
    ) throws -> SpeechPlan {
        let (steps, guidance) = try diffusion(options)
        if let most = options.maximumTokens, most < 2 {
            throw SpeechError(.invalidInput, "At most \(most) rows make no sound.", remedy: "Give 2 or more.")
        }
        try checkDelivery(utterance)
        let preset = try preset(try voiceFile(utterance.voice))
        let splitter = SentenceSplitter(budget: Self.tokensPerSegment) { prompts.ids(String($0)).count }
        let texts = splitter.split(utterance.text)
        guard !texts.isEmpty else {
            throw SpeechError(.invalidInput, "There is no text to say.", remedy: "Give some words.")
        }
        let segments = texts.enumerated().map { index, text in
            let ids = prompts.ids(text)
            // The authors stop at the context's end alone. A model that never stops by itself is ended at a length
            // that no speech of the text comes to: ten frames a token, and ten seconds.
            let budget = options.maximumTokens ?? 75 + 11 * ids.count
            let rules = Session.Rules(
                steps: steps, guidance: guidance,
                rowLimit: min(preset.speech.rows + min(budget, contextRows), contextRows))
            let seed = (options.seed ?? 0) &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15
            return SpeechPlan.Segment(ids: ids, rules: rules, seed: seed)
        }
        return SpeechPlan(segments: segments, preset: preset)
    }

    private func diffusion(_ options: SynthesisOptions) throws -> (Int, Float) {
        try options.diffusion(steps: Self.defaultSteps, guidance: Self.defaultGuidance)
    }

    private func checkDelivery(_ utterance: Utterance) throws {
        guard utterance.language == .auto else {
            throw SpeechError(
                .unknownLanguage,
                "This model is not told a language, so there is no '\(utterance.language)'.",
                remedy: "Leave it out: the voice and the text decide.")
        }
        if case .instructed(let text) = utterance.delivery, !text.isEmpty {
            throw SpeechError(
                .unsupported, "This model takes no instruction on how to speak.", remedy: "Leave it out.")
        }
    }

    // MARK: voices

    private var voiceFolder: String { folder + "/voices" }

    /// Names of the presets in the model's folder, in order.
    var voices: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: voiceFolder)) ?? []
        return names.filter { $0.hasSuffix(".pt") }.map { String($0.dropLast(3)) }.sorted()
    }

    private func voiceFile(_ voice: Voice) throws -> String {
        switch voice {
        case .standard:
            guard let first = voices.first else {
                throw SpeechError(
                    .unknownVoice, "There is no voice in '\(voiceFolder)'.",
                    remedy:
                        "Put the presets there that the authors publish beside their code, or give one's path."
                )
            }
            return "\(voiceFolder)/\(first).pt"
        case .preset(let name):
            if name.hasSuffix(".pt") { return name }
            guard let known = voices.first(where: { $0.lowercased() == name.lowercased() }) else {
                let names = voices.isEmpty ? "there are none yet" : voices.joined(separator: ", ")
                throw SpeechError(
                    .unknownVoice, "There is no voice named '\(name)' in '\(voiceFolder)'.",
                    remedy: "Choose one of these (\(names)), or give the path of a preset (.pt).")
            }
            return "\(voiceFolder)/\(known).pt"
        case .cloned, .prepared: throw Self.cannotClone
        case .described:
            throw SpeechError(
                .unsupported, "This model cannot make a voice from a description.", remedy: "Choose a preset."
            )
        }
    }

    /// The encoder that presets are made with was not published.
    static let cannotClone = SpeechError(
        .unsupported,
        "This model speaks in the presets its authors made, and cannot take a voice from a recording.",
        remedy: "Choose a preset, or use a model that clones.")
}

extension SynthesisOptions {
    /// Steps and guidance of a diffusion model, where these are a model's own.
    func diffusion(steps ownSteps: Int, guidance ownGuidance: Float) throws -> (steps: Int, guidance: Float) {
        let steps = diffusionSteps ?? ownSteps
        guard (1...100).contains(steps) else {
            throw SpeechError(
                .invalidInput, "\(steps) diffusion steps cannot be taken.", remedy: "Give 1 to 100.")
        }
        let guidance = guidance ?? ownGuidance
        guard guidance.isFinite, (0...20).contains(guidance) else {
            throw SpeechError(
                .invalidInput, "A guidance of \(guidance) makes no sense.", remedy: "Give 0 to 20.")
        }
        return (steps, guidance)
    }
}
