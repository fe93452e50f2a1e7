import Checkpoints
import Foundation
import NeuralLayers
import SpeechCore
import TensorGraph
import TextProcessing

/// Runs a golden file's recording and compares each stage.
struct ASRParityRun {
    private let model: ASRModel
    private let device: Device
    private let golden: CheckpointFile
    private let bound: Double, heardBound: Double
    private let isExact: Bool
    private var report = ParityReport()

    init(_ model: ASRModel, on device: Device, golden: CheckpointFile, precision: Precision) {
        (self.model, self.device, self.golden) = (model, device, golden)
        isExact = precision.isExact
        // Operands rounded to bfloat16 move the frames of random encoders by 1.3e-2, and rows by 1.5e-2.
        heardBound = !precision.isExact ? 0.05 : device.roundsProducts ? 0.02 : 1e-4
        bound =
            switch precision.type {
            case .f32: 1e-4
            case .f16: 0.02
            case .bf16, nil: 0.05
            case .q8_0: 0.08
            case .q6_k: 0.15
            default: 0.5
            }
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
        compare("acoustic_mean", whole.acoustic, heardBound)
        compare("semantic_mean", whole.semantic, heardBound)
        if has("ctx_acoustic_mean") {
            let frames = hear("ctx_audio_normalised", segment: nil)
            compare("ctx_acoustic_mean", frames.acoustic, heardBound)
            compare("ctx_semantic_mean", frames.semantic, heardBound)
        }
        if case .string(let text)? = golden.metadata["segment_samples"], let size = Int(text),
            size > 0, size % model.config.hop == 0
        {
            let frames = hear("audio_normalised", segment: size)
            compare("seg_acoustic_mean", frames.acoustic, heardBound)
            compare("seg_semantic_mean", frames.semantic, heardBound)
            compare("seg_features", model.connectors(sampled(frames, "seg_"), on: device).sum, heardBound)
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
        compare("acoustic_sampled", drawn.acoustic, heardBound)
        guard has("features"), frames.count > 0 else { return nil }
        let rows = model.connectors(drawn, on: device)
        compare("acoustic_connected", rows.acoustic, heardBound)
        compare("semantic_connected", rows.semantic, heardBound)
        compare("features", rows.sum, heardBound)
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
        if has("ctx_prompt_ids"), case .string(let context)? = golden.metadata["context_info"] {
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
        compare("prefill_embeds", rows, bound)
        let last = language.stack.config.layers - 1
        let taps = ["\(language.layersPath).0", "\(language.layersPath).\(last)"]
        let prefill = decoder.makeLayout(rows: prompt.count, outputs: prompt.count, taps: Set(taps))
        run(prefill, rows, at: 0)
        compare("prefill_l0", prefill.graph.tapped(taps[0])?.values ?? [], bound)
        compare("prefill_llast", prefill.graph.tapped(taps[1])?.values ?? [], bound)
        let states = prefill.hidden.read()
        compare("prefill_out", states, bound)
        // The golden path, so that one rounding does not decide all that follows.
        var hidden = Array(states.suffix(language.width))
        var scores = Array(prefill.scores.read().suffix(language.vocabulary))
        let step = decoder.makeLayout(rows: 1, outputs: 1)
        for (index, token) in wanted.dropLast().enumerated() {
            run(step, decoder.rows([token]), at: prompt.count + index)
            hidden += step.hidden.read()
            scores += step.scores.read()
        }
        compare("step_out", hidden, bound)
        compare("logits", scores, bound)
        guard isExact else { return }
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
        while ids.count <= most, ids.last != model.prompts.endOfText {
            let best = decoder.scores.indices.max { decoder.scores[$0] < decoder.scores[$1] } ?? 0
            ids.append(Int32(best))
            if ids.count <= most { decoder.feed([Int32(best)], at: prompt.count + ids.count - 1) }
        }
        compareIDs("generated_ids", ids)
        if case .string(let text)? = golden.metadata["text"] {
            let ours = model.prompts.tokenizer.decode(ids, skippingSpecial: true)
            report.compare(
                "text", ours.utf8.map(Int32.init), text.utf8.map(Int32.init), shape: [text.utf8.count])
        }
    }

    // MARK: comparing

    private func has(_ name: String) -> Bool { golden[name] != nil }
    private func values(_ name: String) -> [Float] { golden[name].map(Conversion.floats) ?? [] }

    private func integers(_ name: String) -> [Int32] {
        guard let tensor = golden[name], tensor.type == .i64 else { return [] }
        return (0..<tensor.shape.reduce(1, *)).map {
            Int32(truncatingIfNeeded: tensor.bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
        }
    }

    private mutating func compare(_ name: String, _ ours: [Float], _ bound: Double) {
        guard let tensor = golden[name] else { return }
        report.compare(name, ours, values(name), shape: tensor.shape, bound: bound)
    }

    private mutating func compareIDs(_ name: String, _ ours: [Int32]) {
        report.compare(name, ours, integers(name), shape: golden[name]?.shape ?? [])
    }
}
