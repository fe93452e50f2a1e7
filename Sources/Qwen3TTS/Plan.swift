import AudioDSP
import NeuralLayers
import SpeechCore
import TensorGraph
import TextProcessing

/// A request as the model will carry it out: checked, split, every choice made.
struct SpeechPlan {
    let segments: [Segment]
    let conditioning: Conditioning
    let sampleRate: Int

    /// A piece of the text that fits the model's attention.
    struct Segment {
        let prompt: Prompt
        let rules: Session.Rules
        /// Whether the speech goes on from the reference's frames.
        let continuesReference: Bool
    }
}

extension Model {
    /// Rows of prompt and frames a session may come to.
    static let contextRows = 4096

    /// Caches and activations beside the weights, in bytes, for the memory check: as many rows as a minute needs.
    func workingMemory(sessions: Int) -> Int {
        talker.stack.config.cache.bytes(rows: (sessions + 1) * 1024, half: true) + sessions * (24 << 20)
    }

    /// Checks an utterance against what this checkpoint can do, and lays it out.
    ///
    /// - Parameter encoder: made only when the utterance brings a recording.
    func plan(_ utterance: Utterance, _ options: SynthesisOptions, encoder: () throws -> VoiceEncoder) throws
        -> SpeechPlan
    {
        try options.check()
        let conditioning = try conditioning(utterance.voice, encoder)
        var request = PromptRequest(text: utterance.text)
        request.language = utterance.language.name
        request.speaker = conditioning.speaker
        request.instruction = try instruction(utterance)
        try prompts.checkPlain(utterance.text, "The text")
        try prompts.checkPlain(request.instruction, "The instruction")
        request.wholeText = options.wholeText ?? (config.ttsModelType != .base)
        if let transcript = conditioning.transcript {
            try prompts.checkPlain(transcript, "The recording's transcript")
            request.reference = PromptRequest.Reference(
                transcript: transcript, frames: conditioning.frames.count)
        }
        let splitter = SentenceSplitter(budget: options.tokensPerSegment) { prompts.tokenCount(String($0)) }
        let texts = splitter.split(utterance.text)
        guard !texts.isEmpty else { throw PromptError.emptyText }
        var segments: [SpeechPlan.Segment] = []
        for (index, text) in texts.enumerated() {
            request.text = text
            let prompt = try prompts.prompt(for: request)
            var rules = rules(options, textTokens: prompts.tokenCount(text), segment: index)
            let room = Self.contextRows - prompt.rows.count
            guard room > 1 else {
                let usual = SynthesisOptions().tokensPerSegment
                guard prompts.tokenCount(text) <= usual else {
                    throw SpeechError(
                        .invalidInput, "A piece of the text is too long for this model.",
                        remedy: "Let the text be cut into smaller pieces: --segment \(usual) is usual.")
                }
                throw SpeechError(
                    .invalidInput,
                    "The reference, instruction and text together are too long for this model.",
                    remedy: "Use a shorter reference recording (10 to 30 seconds is enough) or instruction.")
            }
            rules.maximumTokens = min(rules.maximumTokens, room)
            segments.append(
                SpeechPlan.Segment(prompt: prompt, rules: rules, continuesReference: request.reference != nil)
            )
        }
        return SpeechPlan(segments: segments, conditioning: conditioning, sampleRate: sampleRate)
    }

    private func instruction(_ utterance: Utterance) throws -> String {
        if case .described(let description) = utterance.voice { return description }
        guard case .instructed(let text) = utterance.delivery, !text.isEmpty else { return "" }
        guard !config.ignoresInstruction else {
            throw SpeechError(
                .unsupported, "This checkpoint takes no instruction on how to speak.",
                remedy: "Leave it out, or use qwen3-tts-1.7b-customvoice.")
        }
        return text
    }

    // MARK: voices

    private func conditioning(_ voice: Voice, _ encoder: () throws -> VoiceEncoder) throws -> Conditioning {
        switch voice {
        case .standard:
            guard config.ttsModelType == .customVoice, let name = prompts.speakers.first else {
                return Conditioning()
            }
            return self.conditioning(preset: name)
        case .preset(let name):
            guard prompts.speakers.contains(name.lowercased()) else {
                throw PromptError.unknownSpeaker(name, known: prompts.speakers)
            }
            return self.conditioning(preset: name)
        case .described:
            guard config.ttsModelType == .voiceDesign else {
                throw SpeechError(
                    .unsupported, "This checkpoint cannot make a voice from a description.",
                    remedy: "Use qwen3-tts-1.7b-voicedesign.")
            }
            return Conditioning()
        case .cloned(let recording):
            try requireCloning()
            return try conditioning(profile(of: recording, name: "", encoder()))
        case .prepared(let profile):
            try requireCloning()
            return try conditioning(profile)
        }
    }

    private func requireCloning() throws {
        guard config.ttsModelType == .base else {
            throw SpeechError(
                .unsupported, "This checkpoint cannot speak in a cloned voice.",
                remedy: "Use a Base checkpoint: 'mynah models pull qwen3-tts-0.6b-base'.")
        }
    }

    private func conditioning(_ profile: VoiceProfile) throws -> Conditioning {
        let groups = config.talkerConfig.numCodeGroups
        guard profile.family == voiceFamily, profile.speakerVector.count == talker.width,
            profile.speakerVector.allSatisfy(\.isFinite)
        else {
            throw SpeechError(
                .unsupported,
                "The voice '\(profile.name)' was made for \(profile.family), not for \(voiceFamily).",
                remedy: "Clone it again with this model.")
        }
        let codes = Int32(predictor.vocabulary)
        guard profile.codes.allSatisfy({ $0.count == groups && $0.allSatisfy { (0..<codes).contains($0) } })
        else {
            throw SpeechError(
                .corruptData, "The voice '\(profile.name)' holds codes that this model does not have.",
                remedy: "Clone it again.")
        }
        let inContext = profile.transcript != nil && !profile.codes.isEmpty
        return Conditioning(
            speaker: .vector, vector: profile.speakerVector, frames: inContext ? profile.codes : [],
            transcript: inContext ? profile.transcript : nil)
    }

    private var voiceFamily: String { Qwen3TTSFamily.profileFamily(width: talker.width) }

    /// What speaking in a recording's voice needs.
    func profile(of recording: Recording, name: String, _ encoder: VoiceEncoder) throws -> VoiceProfile {
        try requireCloning()
        let report = RecordingReport(recording.audio)
        if let problem = report.problems.first {
            throw SpeechError(
                .invalidInput, "The recording cannot be used: \(problem).",
                remedy: "Give 3 to 30 seconds of one person's clear speech.")
        }
        let audio = try recording.audio.resampled(to: encoder.sampleRate)
        let vector = try encoder.encodeSpeaker(audio.samples).vector
        let transcript = recording.transcript.flatMap { $0.allSatisfy(\.isWhitespace) ? nil : $0 }
        let codes = try transcript == nil ? [] : encoder.encodeCodes(audio.samples).codes
        return VoiceProfile(
            name: name, family: voiceFamily, speakerVector: vector, codes: codes, transcript: transcript)
    }
}

extension SynthesisOptions {
    fileprivate func check() throws {
        func refuse(_ what: String, _ remedy: String) -> SpeechError {
            SpeechError(.invalidInput, what, remedy: remedy)
        }
        for sampling in [sampling, subSampling].compactMap({ $0 }) where sampling.isRandom {
            guard sampling.temperature > 0, sampling.temperature.isFinite else {
                throw refuse(
                    "A temperature of \(sampling.temperature) cannot be sampled at.",
                    "Give one above 0, or ask for greedy.")
            }
            guard sampling.topK >= 0 else {
                throw refuse("Top-k is \(sampling.topK).", "Give 0 (all) or more.")
            }
            guard sampling.topP > 0, sampling.topP <= 1 else {
                throw refuse("Top-p is \(sampling.topP).", "Give a share above 0, at most 1.")
            }
        }
        if let penalty = repetitionPenalty, !(penalty > 0 && penalty.isFinite) {
            throw refuse("A repetition penalty of \(penalty) makes no sense.", "Give one above 0; 1 is none.")
        }
        if let most = maximumTokens, most < 2 {
            throw refuse("At most \(most) tokens make no sound.", "Give 2 or more.")
        }
        if let least = minimumTokens, least < 0 {
            throw refuse("The fewest tokens are \(least).", "Give 0 or more.")
        }
        guard tokensPerSegment >= 8 else {
            throw refuse("Segments of \(tokensPerSegment) tokens are too short.", "Give 8 or more.")
        }
    }
}
