import Checkpoints
import NeuralLayers
import SpeechCore
import TensorGraph

/// Runs a golden file's dialogue and compares each stage: two voices, a script, two scenarios `a` and `b`.
struct LongParityRun {
    private let model: LongModel
    private let device: Device
    private let bounds: ParityBounds
    private let golden: GoldenFile
    private let script: DialogueScript
    private var report = ParityReport()

    init(_ model: LongModel, on device: Device, golden: CheckpointFile, bounds: ParityBounds) throws {
        (self.model, self.device, self.bounds) = (model, device, bounds)
        self.golden = GoldenFile(golden)
        let text = try self.golden.argument("script")
        script = try SpeechError.translating { try DialogueScript(text) }
        try check()
    }

    /// Refuses a file that lacks what a run of this model has; what reads it may then count on its shapes.
    private func check() throws {
        let mask = golden.shape("voices_frame_mask")
        guard mask.count == 2, (1...4).contains(mask[0]),
            (0..<mask[0]).allSatisfy({ golden.shape("voice\($0)_raw").count == 1 }),
            raw.allSatisfy({ !$0.isEmpty }), raw.map(frames).max() == mask[1]
        else { throw golden.foreign("voices_frame_mask") }
        let (hop, heard) = (model.hop, model.config.semantic.latentWidth)
        let longest = raw.map(\.count).max() ?? 0
        let (rows, places) = (golden.shape("prompt_ids").first ?? 0, golden.shape("a_tokens").first ?? 0)
        let (turn, steps): (Int, Int) = (
            golden.shape("a_seg0_semantic_whole").first ?? 0, try golden.number("a_steps")
        )
        guard rows > 0, places > 0, (1...100).contains(steps) else { throw golden.foreign("prompt_ids") }
        var shapes = [
            "voices_normalised_padded": [mask[0], longest], "prompt_ids": [rows],
            "prompt_speech_mask": [rows], "voice_connected": mask + [width],
            "voice_enc_mean": mask + [latent], "voice_features_scaled": mask + [latent],
            "a_step_position": [places], "a_step_in": [places, width], "a_step_l0": [places, width],
            "a_step_out": [places, width], "a_logits_valid4": [places, 4], "a_dh_t": [steps],
            "a_seg0_decode_whole": [turn * hop], "a_seg0_semantic_whole": [turn, heard],
        ]
        for (index, voice) in raw.enumerated() {
            shapes["voice\(index)_enc_mean_alone"] = [frames(voice), latent]
        }
        for name in ["a_prefill_embeds", "a_prefill_l0", "a_prefill_llast", "a_prefill_out"] {
            shapes[name] = [rows, width]
        }
        for name in ["a", "b"] {
            let tokens = golden.integers("\(name)_tokens")
            let count = tokens.count { $0 == model.prompts.frame }
            guard !tokens.isEmpty else { throw golden.foreign("\(name)_tokens") }
            shapes["\(name)_vae_std_randn"] = [mask[0]]
            shapes["\(name)_vae_noise"] = mask + [latent]
            shapes["\(name)_noise"] = [count, 2, latent]
            shapes["\(name)_latent"] = [count, latent]
            shapes["\(name)_scaled_latent"] = [count, latent]
            shapes["\(name)_audio_chunks"] = [count, hop]
            shapes["\(name)_semantic"] = [count, heard]
            shapes["\(name)_waveform"] = [count * hop]
        }
        let count = golden.shape("a_latent").first ?? 0
        shapes["a_dh_cond"] = [count, 2, width]
        for name in ["a_dh_in", "a_dh_out"] { shapes[name] = [count, steps, 2, latent] }
        for name in ["a_v_guided", "a_x0_pred", "a_sample_steps"] { shapes[name] = [count, steps, latent] }
        for name in ["a_acoustic_embed", "a_semantic_embed", "a_neg_in", "a_neg_out"] {
            shapes[name] = [count, width]
        }
        shapes["a_neg_position"] = [count]
        try golden.require(shapes)
        let most = rows + places
        guard turn <= count,
            (golden.integers("a_step_position") + golden.integers("a_neg_position"))
                .allSatisfy({ (0...Int32(most)).contains($0) })
        else { throw golden.foreign("a_step_position") }
    }

    private var raw: [[Float]] {
        (0..<golden.shape("voices_frame_mask")[0]).map { golden.values("voice\($0)_raw") }
    }
    private var width: Int { model.language.width }
    private var latent: Int { model.head.latent }
    private func frames(_ voice: [Float]) -> Int { (voice.count + model.hop - 1) / model.hop }

    mutating func run() throws -> ParityReport {
        compareEncoder()
        compareVoices("a")
        let prompt = try comparePrompt()
        compareSound()
        try compareForced(prompt)
        if bounds.codesAreExact {
            for name in ["a", "b"] { try compareFree(name, prompt) }
        }
        return report
    }

    // MARK: voices

    private mutating func compareEncoder() {
        let levelled = raw.map(ASRLevel.normalised)
        let longest = levelled.map(\.count).max() ?? 0
        let padded = levelled.map { $0 + [Float](repeating: 0, count: longest - $0.count) }
        compare("voices_normalised_padded", padded.flatMap { $0 })
        let batch = padded.flatMap { LongVoice.encode($0, length: longest, model, on: device) }
        compare("voice_enc_mean", batch, bounds.codec)
        for (index, samples) in levelled.enumerated() {
            let alone = LongVoice.encode(samples, length: samples.count, model, on: device)
            compare("voice\(index)_enc_mean_alone", alone, bounds.codec)
        }
    }

    /// The latents of the voices as a request computes them, with the noise of a scenario.
    private func voiceLatents(_ name: String) -> [[Float]] {
        let (scales, noise) = (golden.values("\(name)_vae_std_randn"), golden.values("\(name)_vae_noise"))
        let most = golden.shape("voices_frame_mask")[1]
        let lengths = LongVoice.lengths(raw.map(\.count), hop: model.hop)
        return raw.indices.map { voice in
            let means = LongVoice.encode(
                ASRLevel.normalised(raw[voice]), length: lengths[voice], model, on: device)
            let scale = (model.config.acoustic.noise ?? 0) * scales[voice]
            let start = voice * most * latent
            return model.headLatent(means.indices.map { means[$0] + scale * noise[start + $0] })
        }
    }

    private mutating func compareVoices(_ name: String) {
        let latents = voiceLatents(name)
        let rows = latents.map { LongVoice.rows($0, model, on: device) }
        compareVoiceRows("voice_features_scaled", latents)
        compareVoiceRows("voice_connected", rows)
    }

    /// Each voice's own frames against the authors' batch, which has as many of each.
    private mutating func compareVoiceRows(_ name: String, _ ours: [[Float]]) {
        let shape = golden.shape(name), values = golden.values(name)
        guard shape.count == 3 else { return compare(name, []) }
        let known = ours.indices.map { voice in
            let start = voice * shape[1] * shape[2]
            return Array(values[start..<start + frames(raw[voice]) * shape[2]])
        }
        report.compare(
            name, ours.flatMap { $0 }, known.flatMap { $0 },
            shape: [ours.map { $0.count / shape[2] }.reduce(0, +), shape[2]],
            bound: bounds.values)
    }

    // MARK: prompt

    private mutating func comparePrompt() throws -> LongPrompt {
        let voices = raw.enumerated().map { (speaker: $0, frames: frames($1)) }
        let script = script
        let prompts = model.prompts
        let prompt = try SpeechError.translating { try prompts.prompt(script.turns, voices: voices) }
        report.compare("prompt_ids", prompt.ids, with: golden)
        let mask = prompt.ids.indices.map { prompt.voicePlaces.contains($0) ? Float(1) : 0 }
        let known = golden.bytes("prompt_speech_mask").map(Float.init)
        report.compare("prompt_speech_mask", mask, known, shape: [known.count], bound: 0)
        return prompt
    }

    private func promptRows(_ prompt: LongPrompt, _ name: String) -> [Float] {
        model.promptRows(prompt, voices: voiceLatents(name).map { LongVoice.rows($0, model, on: device) })
    }

    // MARK: sound

    /// The golden latents heard, and heard again, with what was heard forgotten where speech ends.
    private mutating func compareSound() {
        let latents = golden.values("a_scaled_latent"), chunks = golden.values("a_audio_chunks")
        let decoder = DecoderStream(model.decoder, on: device),
            listener = EncoderStream(model.semantic, on: device)
        var (samples, semantic, place): ([Float], [Float], Int) = ([], [], 0)
        decoder.reset()
        listener.reset()
        for token in golden.integers("a_tokens") {
            if token == model.prompts.end {
                decoder.reset()
                listener.reset()
            }
            guard token == model.prompts.frame, (place + 1) * model.hop <= chunks.count else { continue }
            samples += decoder.decode(Array(latents[place * latent..<(place + 1) * latent]))
            semantic += listener.encode(Array(chunks[place * model.hop..<(place + 1) * model.hop]))
            place += 1
        }
        compare("a_audio_chunks", samples, bounds.waveform)
        compare("a_semantic", semantic, bounds.codec)
        let turn = golden.shape("a_seg0_semantic_whole").first ?? 0
        decoder.reset()
        listener.reset()
        compare("a_seg0_decode_whole", decoder.decode(Array(latents.prefix(turn * latent))), bounds.waveform)
        compare(
            "a_seg0_semantic_whole", listener.encode(Array(chunks.prefix(turn * model.hop))), bounds.codec)
        compare("a_scaled_latent", model.decoderLatent(golden.values("a_latent")))
        let connection = LongConnection(model, frames: max(1, place), on: device)
        compare("a_acoustic_embed", connection.acoustic(golden.values("a_latent")))
        compare(
            "a_semantic_embed", connection(golden.values("a_latent"), golden.values("a_semantic")).semantic)
    }

    // MARK: along the golden path

    private func session(_ name: String, _ prompt: LongPrompt, _ rows: [Float], tokens: Int) throws
        -> (batch: LongBatch, session: LongSession)
    {
        let (steps, guidance): (Int, Float) = (
            try golden.number("\(name)_steps"), try golden.number("\(name)_cfg")
        )
        guard (1...100).contains(steps) else {
            throw SpeechError(.wrongFormat, "The golden run has \(steps) steps.", remedy: "Write it again.")
        }
        let batch = LongBatch(model, on: device, slots: 1, half: false)
        let session = try batch.admit(
            prompt: rows,
            LongSession.Rules(steps: steps, guidance: guidance, maximumTokens: tokens),
            .recorded(golden.noise("\(name)_noise", latent: latent)), LongSession.Streams(model, on: device))
        return (batch, session)
    }

    private mutating func compareForced(_ prompt: LongPrompt) throws {
        let known = golden.values("a_prefill_embeds")
        compare("a_prefill_embeds", promptRows(prompt, "a"))
        let steps = golden.values("a_step_in"), places = golden.integers("a_step_position")
        let batch = try session("a", prompt, known, tokens: places.count + 1).batch
        let layers = model.language.layersPath, last = model.language.stack.config.layers - 1
        let taps: Set = ["\(layers).0", "\(layers).\(last)"]
        let layout = batch.makeLayout(rows: prompt.ids.count, taps: taps)
        layout.input.write(known)
        layout.step.write(prompt.ids.indices.map { (slot: 0, position: $0) })
        layout.graph.compute()
        compare("a_prefill_l0", layout.graph.tapped("\(layers).0")?.values ?? [])
        compare("a_prefill_llast", layout.graph.tapped("\(layers).\(last)")?.values ?? [])
        compare("a_prefill_out", layout.hidden.read())
        let forced = force(batch, slot: 0, steps, places, tap: "\(layers).0")
        compare("a_step_l0", forced.first)
        compare("a_step_out", forced.hidden)
        compare(
            "a_neg_out",
            force(batch, slot: 1, golden.values("a_neg_in"), golden.integers("a_neg_position")).hidden)
        var (scores, tokens): ([Float], [Int32]) = ([], [])
        let order = [model.prompts.start, model.prompts.end, model.prompts.frame, model.prompts.endOfText]
        for place in places.indices {
            let row = batch.scores(of: Array(forced.hidden[place * width..<(place + 1) * width]))
            scores += row
            tokens.append(order[row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 }])
        }
        compare("a_logits_valid4", scores)
        report.compare("a_tokens", tokens, with: golden)
        try report.compareDiffusion(Diffusion(model.head, on: device), with: golden, bounds)
    }

    /// Golden rows into a slot at golden positions: what the first layer and the last norm make of each.
    private func force(
        _ batch: LongBatch, slot: Int, _ rows: [Float], _ places: [Int32], tap: String? = nil
    ) -> (first: [Float], hidden: [Float]) {
        let layout = batch.makeLayout(rows: 1, taps: Set([tap].compactMap { $0 }))
        var (first, hidden): ([Float], [Float]) = ([], [])
        for (index, place) in places.enumerated() {
            layout.input.write(Array(rows[index * width..<(index + 1) * width]))
            layout.step.write([(slot: slot, position: Int(place))])
            layout.graph.compute()
            hidden += layout.hidden.read()
            if let tap { first += layout.graph.tapped(tap)?.values ?? [] }
        }
        return (first, hidden)
    }

    // MARK: free

    /// A scenario from its script, its recordings and its noise alone.
    private mutating func compareFree(_ name: String, _ prompt: LongPrompt) throws {
        let most: Int = (try? golden.number("\(name)_max_new_tokens")) ?? 2 * prompt.ids.count
        let (batch, session) = try session(
            name, prompt, promptRows(prompt, name), tokens: max(1, min(most, 2 * prompt.ids.count)))
        var (latents, samples, semantic): ([Float], [Float], [Float]) = ([], [], [])
        while session.ending == nil {
            batch.step()
            guard let frame = session.frame else { continue }
            latents += frame.latent
            samples += frame.samples
            semantic += frame.semantic
        }
        report.compare(
            "\(name)_tokens_free", session.tokens, golden.integers("\(name)_tokens"),
            shape: golden.shape("\(name)_tokens"))
        free("\(name)_latent", latents, bounds.values)
        free("\(name)_scaled_latent", model.decoderLatent(latents), bounds.values)
        free("\(name)_semantic", semantic, bounds.codec)
        compare("\(name)_waveform", samples, bounds.waveform)
    }

    // MARK: comparing

    private mutating func free(_ name: String, _ ours: [Float], _ bound: Double) {
        report.compare("\(name)_free", ours, golden.values(name), shape: golden.shape(name), bound: bound)
    }

    private mutating func compare(_ name: String, _ ours: [Float], _ bound: Double? = nil) {
        report.compare(name, ours, with: golden, bound: bound ?? bounds.values)
    }
}
