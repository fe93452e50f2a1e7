import Foundation
import SpeechCore

/// A request as the model will carry it out: checked, every choice made.
struct SpeechPlan {
    let preset: VoicePreset
    let steps: Int
    let guidance: Float
    /// Most rows of text and speech; nil is in proportion to the text.
    let maximumRows: Int?
    let contextRows: Int
    let seed: UInt64

    /// How a segment is spoken. The authors stop at the context's end alone. A model that never stops by itself is
    /// ended at a length that no speech of the text comes to: ten frames a token, and ten seconds. While text is read,
    /// five tokens for each six frames, that length is far, so it need not be known before the text is whole.
    func rules(for segment: PromptStream.Segment) -> Session.Rules {
        let usual = segment.isWhole ? 75 + 11 * segment.ids.count : contextRows
        let rows = min(maximumRows ?? usual, contextRows)
        return Session.Rules(
            steps: steps, guidance: guidance, rowLimit: min(preset.speech.rows + rows, contextRows))
    }

    /// The seed of a segment by its place.
    func seed(ofSegment index: Int) -> UInt64 { seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15 }
}

extension Model {
    /// The authors' demos' choices.
    static let defaultSteps = 5, defaultGuidance: Float = 1.5

    /// Checks an utterance's choices against what this checkpoint can do. Its words are another matter.
    ///
    /// - Parameter preset: reads a voice.
    func plan(
        _ utterance: Utterance, _ options: SynthesisOptions, preset: (String) throws -> VoicePreset
    ) throws -> SpeechPlan {
        let (steps, guidance) = try diffusion(options)
        if let most = options.maximumTokens, most < 2 {
            throw SpeechError(.invalidInput, "At most \(most) rows make no sound.", remedy: "Give 2 or more.")
        }
        try utterance.checkDelivery()
        return SpeechPlan(
            preset: try preset(try voiceFile(utterance.voice)), steps: steps, guidance: guidance,
            maximumRows: options.maximumTokens, contextRows: contextRows, seed: options.seed ?? 0)
    }

    /// The text of an utterance that is there whole.
    func text(of utterance: Utterance) throws -> PromptStream {
        try prompts.check(utterance.text)
        let text = PromptStream(prompts, whole: utterance.text)
        guard !text.segments.isEmpty else {
            throw SpeechError(.invalidInput, "There is no text to say.", remedy: "Give some words.")
        }
        return text
    }

    private func diffusion(_ options: SynthesisOptions) throws -> (Int, Float) {
        try options.diffusion(steps: Self.defaultSteps, guidance: Self.defaultGuidance)
    }

    // MARK: voices

    private var voiceFolder: String { folder + "/voices" }

    /// What a preset's file may be called: the authors' archive, or its tensors under their names.
    private static let voiceEndings = [".pt", ".safetensors"]

    /// Names of the presets in the model's folder, in order.
    var voices: [String] { voiceFiles.keys.sorted() }

    private var voiceFiles: [String: String] { Self.presetFiles(in: voiceFolder) }

    /// File names of the presets in a folder, by the presets' names.
    static func presetFiles(in folder: String) -> [String: String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().reduce(into: [:]) { files, name in
            guard let ending = Self.voiceEndings.first(where: name.hasSuffix) else { return }
            files[String(name.dropLast(ending.count))] = files[String(name.dropLast(ending.count))] ?? name
        }
    }

    private func voiceFile(_ voice: Voice) throws -> String {
        switch voice {
        case .standard:
            guard let first = voices.first, let file = voiceFiles[first] else {
                throw SpeechError(
                    .unknownVoice, "This model brings no voice, and none was named.",
                    remedy: "Take in a preset that its authors publish beside their code, and name it: "
                        + "'mynah voices import en-Mike_man.pt', then --voice en-Mike_man.")
            }
            return "\(voiceFolder)/\(file)"
        case .preset(let name):
            guard let known = voices.first(where: { $0.lowercased() == name.lowercased() }),
                let file = voiceFiles[known]
            else {
                // No preset's own name has a point or a slash in it.
                if name.contains("/") || name.contains(".") { return name }
                let names = voices.isEmpty ? "there are none yet" : voices.joined(separator: ", ")
                throw SpeechError(
                    .unknownVoice, "There is no voice named '\(name)' in '\(voiceFolder)'.",
                    remedy: "Choose one of these (\(names)), or give the path of a preset.")
            }
            return "\(voiceFolder)/\(file)"
        case .prepared(let profile):
            guard profile.family == VibeVoiceRealtimeFamily.modelType, let file = profile.presetFile else {
                throw Self.cannotClone
            }
            return file
        case .cloned: throw Self.cannotClone
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

extension Utterance {
    /// Refuses what no model of this family is told: a language, and how to speak.
    func checkDelivery() throws {
        guard language == .auto else {
            throw SpeechError(
                .unknownLanguage, "This model is not told a language, so there is no '\(language)'.",
                remedy: "Leave it out: the voice and the text decide.")
        }
        if case .instructed(let text) = delivery, !text.isEmpty {
            throw SpeechError(
                .unsupported, "This model takes no instruction on how to speak.", remedy: "Leave it out.")
        }
    }
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
