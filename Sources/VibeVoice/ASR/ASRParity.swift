import Checkpoints
import Foundation
import NeuralLayers
import SpeechCore
import TensorGraph
import TextProcessing

/// How far a run may be from the authors'.
struct ASRParityBounds {
    /// Of the language model's values, and of what the encoders and connectors make.
    let values, heard: Double
    /// Whether what is written must be the same.
    let choicesAreExact: Bool

    init(_ precision: Precision, on device: Device) {
        choicesAreExact = precision.isExact
        // Operands rounded to bfloat16 move the frames of random encoders by 1.3e-2, and rows by 1.5e-2.
        heard = !precision.isExact ? 0.05 : device.roundsProducts ? 0.02 : 1e-4
        values =
            switch precision.type {
            case .f32: 1e-4
            case .f16: 0.02
            case .bf16, nil: 0.05
            case .q8_0: 0.08
            case .q6_k: 0.15
            default: 0.5
            }
    }
}

/// Runs a golden file's recording and compares each stage.
struct ASRParityRun {
    private let model: ASRModel
    private let device: Device
    private let golden: GoldenFile
    private let bounds: ASRParityBounds
    private var report = ParityReport()

    init(_ model: ASRModel, on device: Device, golden: CheckpointFile, precision: Precision) throws {
        (self.model, self.device) = (model, device)
        self.golden = GoldenFile(golden)
        bounds = ASRParityBounds(precision, on: device)
        try check()
    }

    /// Refuses a file that lacks what a run of this model has; what reads them may then count on their shapes.
    private func check() throws {
        let (hop, width, vocabulary) = (model.config.hop, model.language.width, model.language.vocabulary)
        func frames(_ name: String) -> Int { ((golden.shape(name).first ?? 0) + hop - 1) / hop }
        let count = frames("audio_raw"), written = golden.shape("generated_ids").first ?? 0
        let (acoustic, semantic) = (model.config.acoustic.latentWidth, model.config.semantic.latentWidth)
        guard count > 0, written > 0, golden.shape("prompt_ids").count == 1,
            golden.integers("generated_ids").allSatisfy({ (0..<Int32(vocabulary)).contains($0) })
        else { throw golden.foreign("prompt_ids") }
        var shapes = [
            "audio_normalised": golden.shape("audio_raw"), "vae_std_randn": [1],
            "vae_noise": [count, acoustic], "acoustic_mean": [count, acoustic],
            "semantic_mean": [count, semantic], "acoustic_sampled": [count, acoustic],
            "acoustic_connected": [count, width], "semantic_connected": [count, width],
            "features": [count, width], "logits": [written, vocabulary], "step_out": [written, width],
        ]
        for name in ["prefill_embeds", "prefill_l0", "prefill_llast", "prefill_out"] {
            shapes[name] = golden.shape("prompt_ids") + [width]
        }
        try golden.require(shapes)
    }

    mutating func run() throws -> ParityReport {
        compareLevels()
        let frames = compareEncoders()
        let features = compareConnectors(frames)
        let prompt = try comparePrompts()
        guard let prompt, let features else { return report }
        try compareLanguageModel(prompt, features)
        return report
    }

    // MARK: sound

    private mutating func compareLevels() {
        for (raw, level) in [
            ("audio_raw", "audio_normalised"), ("norm_clip_in", "norm_clip_out"),
            ("ctx_audio_raw", "ctx_audio_normalised"),
        ] where has(level) { compare(level, ASRLevel.normalised(values(raw)), 1e-4) }
    }

    private mutating func compareEncoders() -> ASRFrames {
        let whole = hear("audio_normalised", segment: nil)
        compare("acoustic_mean", whole.acoustic, bounds.heard)
        compare("semantic_mean", whole.semantic, bounds.heard)
        if has("ctx_acoustic_mean") {
            let frames = hear("ctx_audio_normalised", segment: nil)
            compare("ctx_acoustic_mean", frames.acoustic, bounds.heard)
            compare("ctx_semantic_mean", frames.semantic, bounds.heard)
        }
        if let size: Int = try? golden.number("segment_samples"), size > 0, size % model.config.hop == 0 {
            let frames = hear("audio_normalised", segment: size)
            compare("seg_acoustic_mean", frames.acoustic, bounds.heard)
            compare("seg_semantic_mean", frames.semantic, bounds.heard)
            compare("seg_features", model.connectors(sampled(frames, "seg_"), on: device).sum, bounds.heard)
        }
        return whole
    }

    /// - Parameter segment: samples together; nil takes all in one piece.
    private func hear(_ name: String, segment: Int?) -> ASRFrames {
        let samples = values(name)
        guard !samples.isEmpty else { return ASRFrames() }
        let hop = model.config.hop
        let whole = (samples.count + hop - 1) / hop * hop
        return ASRListener(model, samples, on: device, segment: segment ?? whole).finish()
    }

    private func sampled(_ frames: ASRFrames, _ prefix: String) -> ASRFrames {
        frames.sampled(
            noise: model.config.acoustic.noise ?? 0, scale: values(prefix + "vae_std_randn").first ?? 0,
            values: values(prefix + "vae_noise"))
    }

    /// The rows of the recording, along the golden path; nil when the golden file has none.
    private mutating func compareConnectors(_ frames: ASRFrames) -> [Float]? {
        let drawn = sampled(frames, "")
        compare("acoustic_sampled", drawn.acoustic, bounds.heard)
        guard has("features"), frames.count > 0 else { return nil }
        let rows = model.connectors(drawn, on: device)
        compare("acoustic_connected", rows.acoustic, bounds.heard)
        compare("semantic_connected", rows.semantic, bounds.heard)
        compare("features", rows.sum, bounds.heard)
        return values("features")
    }

    // MARK: language

    private mutating func comparePrompts() throws -> ASRPrompt? {
        guard has("prompt_ids") else { return nil }
        let hop = model.config.hop
        func prompt(_ audio: String, _ context: String) throws -> ASRPrompt {
            let samples = values(audio).count
            return try model.prompts.prompt(
                samples: samples, frames: (samples + hop - 1) / hop, context: context)
        }
        let plain = try prompt("audio_raw", "")
        compareIDs("prompt_ids", plain.ids)
        if has("ctx_prompt_ids"), let context = try? golden.argument("context_info") {
            compareIDs("ctx_prompt_ids", try prompt("ctx_audio_raw", context).ids)
        }
        return plain
    }

    private mutating func compareLanguageModel(_ prompt: ASRPrompt, _ features: [Float]) throws {
        let (language, wanted) = (model.language, integers("generated_ids"))
        guard features.count == prompt.frames * language.width, !wanted.isEmpty else { return }
        let decoder = try ASRDecoder(
            language, on: device, capacity: prompt.count + wanted.count + 1, half: false)
        let rows = decoder.rows(prompt.before) + features + decoder.rows(prompt.after)
        compare("prefill_embeds", rows, bounds.values)
        let last = language.stack.config.layers - 1
        let taps = ["\(language.layersPath).0", "\(language.layersPath).\(last)"]
        let prefill = decoder.makeLayout(rows: prompt.count, outputs: prompt.count, taps: Set(taps))
        run(prefill, rows, at: 0)
        compare("prefill_l0", prefill.graph.tapped(taps[0])?.values ?? [], bounds.values)
        compare("prefill_llast", prefill.graph.tapped(taps[1])?.values ?? [], bounds.values)
        let states = prefill.hidden.read()
        compare("prefill_out", states, bounds.values)
        // The golden path, so that one rounding does not decide all that follows.
        var hidden = Array(states.suffix(language.width))
        var scores = Array(prefill.scores.read().suffix(language.vocabulary))
        let step = decoder.makeLayout(rows: 1, outputs: 1)
        for (index, token) in wanted.dropLast().enumerated() {
            run(step, decoder.rows([token]), at: prompt.count + index)
            hidden += step.hidden.read()
            scores += step.scores.read()
        }
        compare("step_out", hidden, bounds.values)
        compare("logits", scores, bounds.values)
        guard bounds.choicesAreExact else { return }
        compareGreedy(decoder, prompt, rows, wanted.count)
    }

    private func run(_ layout: ASRDecoder.Layout, _ rows: [Float], at position: Int) {
        layout.input.write(rows)
        layout.step.write((0..<rows.count / model.language.width).map { (slot: 0, position: position + $0) })
        layout.graph.compute()
    }

    /// Without help, and in parts as a transcription reads.
    private mutating func compareGreedy(
        _ decoder: ASRDecoder, _ prompt: ASRPrompt, _ rows: [Float], _ most: Int
    ) {
        let width = model.language.width
        for start in stride(from: 0, to: prompt.count, by: 32) {
            decoder.feed(Array(rows[start * width..<min(start + 32, prompt.count) * width]), at: start)
        }
        var ids: [Int32] = []
        while ids.count < most, ids.last != model.prompts.endOfText {
            let best = decoder.scores.indices.max { decoder.scores[$0] < decoder.scores[$1] } ?? 0
            ids.append(Int32(best))
            if ids.count < most { decoder.feed([Int32(best)], at: prompt.count + ids.count - 1) }
        }
        compareIDs("generated_ids", ids)
        if let text = try? golden.argument("text") {
            let ours = model.prompts.tokenizer.decode(ids, skippingSpecial: true)
            report.compare(
                "text", ours.utf8.map(Int32.init), text.utf8.map(Int32.init), shape: [text.utf8.count])
        }
    }

    // MARK: comparing

    private func has(_ name: String) -> Bool { golden.has(name) }
    private func values(_ name: String) -> [Float] { golden.values(name) }
    private func integers(_ name: String) -> [Int32] { golden.integers(name) }

    private mutating func compare(_ name: String, _ ours: [Float], _ bound: Double) {
        guard has(name) else { return }
        report.compare(name, ours, with: golden, bound: bound)
    }

    private mutating func compareIDs(_ name: String, _ ours: [Int32]) {
        report.compare(name, ours, with: golden)
    }
}
