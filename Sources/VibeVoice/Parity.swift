import Checkpoints
import NeuralLayers
import SpeechCore
import TensorGraph

/// Runs a golden file's two scenarios, `a` and `b`, and compares each stage.
struct ParityRun {
    private let model: Model
    private let device: Device
    private let bounds: ParityBounds
    private let golden: GoldenFile
    private let preset: VoicePreset
    private var report = ParityReport()

    init(_ model: Model, on device: Device, golden: CheckpointFile, bounds: ParityBounds) throws {
        (self.model, self.device, self.bounds) = (model, device, bounds)
        self.golden = GoldenFile(golden)
        try self.golden.check(
            latent: model.head.latent, width: model.language.width, vocabulary: model.language.embedding.rows)
        guard let voice = model.voices.first else {
            throw SpeechError(
                .missingFile,
                "There is no voice in '\(model.folder)/voices', which the golden run speaks in.",
                remedy: "Put the preset of the golden file there.")
        }
        preset = try SpeechError.translating {
            try VoicePreset(path: "\(model.folder)/voices/\(voice).pt", model.geometry)
        }
    }

    mutating func run() throws -> ParityReport {
        comparePreset("lm", preset.text)
        comparePreset("tts_lm", preset.speech)
        comparePreset("neg_tts_lm", preset.negative)
        compareDecoder()
        try compareForced()
        if bounds.codesAreExact {
            for name in ["a", "b"] { try compareFree(name) }
        }
        return report
    }

    // MARK: preset and decoder

    private mutating func comparePreset(_ group: String, _ stream: VoicePreset.Stream) {
        let layout = group == "lm" ? model.geometry.lower : model.geometry.upper
        let (heads, width) = (layout.heads, layout.headWidth)
        func headMajor(_ layers: [[Float]]) -> [Float] {
            var values: [Float] = []
            for rows in layers {
                for head in 0..<heads {
                    for row in 0..<stream.rows {
                        let start = (row * heads + head) * width
                        values += rows[start..<start + width]
                    }
                }
            }
            return values
        }
        compare("preset_\(group)_k", headMajor(stream.keys))
        compare("preset_\(group)_v", headMajor(stream.values))
        let last = golden.values("preset_\(group)_last_hidden").suffix(model.language.width)
        report.compare(
            "preset_\(group)_last_hidden", stream.hidden, Array(last), shape: [model.language.width],
            bound: bounds.values)
    }

    private mutating func compareDecoder() {
        let latents = golden.values("a_scaled_latent")
        let stream = DecoderStream(model.decoder, on: device)
        stream.reset()
        let width = model.decoder.latent
        let frames = latents.count / width
        var samples: [Float] = []
        for frame in 0..<frames {
            samples += stream.decode(Array(latents[frame * width..<(frame + 1) * width]))
        }
        compare("a_audio_chunks", samples, bounds.waveform)
        let spoken = Int(golden.integers("a_n_frames").first ?? 0)
        let whole = DecoderStream(model.decoder, on: device, longestChunk: max(1, spoken))
        compare(
            "a_waveform_whole_decode", whole.decode(Array(latents.prefix(spoken * width))), bounds.waveform)
        let names = model.decoder.layerNames
        let tapped = whole.decode(Array(latents.prefix(2 * width)), tapping: names)
        for (index, values) in tapped.enumerated() {
            let key =
                index == names.count - 1 ? "head" : index % 2 == 0 ? "up\(index / 2)" : "stage\(index / 2)"
            compareChannelMajor("dec2_dec_\(key)", values)
        }
    }

    /// Time-major values of ours against the golden's `[channels, steps]`.
    private mutating func compareChannelMajor(_ name: String, _ ours: (values: [Float], shape: [Int])?) {
        guard let ours, ours.shape.count == 2 else { return compare(name, []) }
        let (steps, channels) = (ours.shape[0], ours.shape[1])
        let values = (0..<channels).flatMap { channel in
            (0..<steps).map { ours.values[$0 * channels + channel] }
        }
        compare(name, values, bounds.codec)
    }

    // MARK: along the golden path

    /// Scenario `a`, each stage given the golden value of the one before, so that one rounding does not decide all
    /// that follows.
    private mutating func compareForced() throws {
        let ids = model.prompts.ids(try golden.argument("a_text"))
        report.compare("a_text_ids", ids, with: golden)
        // Speech may end before all of the text is read.
        compare("a_win_embed", model.language.embeddings(golden.integers("a_win_ids")))
        let order = golden.integers("a_order")
        var path = ForcedPath(
            batch: try Batch(
                model, on: device, slots: 1, capacity: preset.speech.rows + ids.count + order.count + 1,
                half: false),
            preset: preset)
        var windows = golden.integers("a_win_len").map(Int.init)[...]
        var tokens = golden.integers("a_win_ids")[...]
        var (latents, width) = (golden.values("a_latent")[...], model.head.latent)
        for isText in order {
            if isText == 1, let count = windows.popFirst() {
                path.text(Array(tokens.prefix(count)))
                tokens = tokens.dropFirst(count)
            } else {
                path.speech(Array(latents.prefix(width)))
                latents = latents.dropFirst(width)
            }
        }
        for (name, values) in path.values.sorted(by: { $0.key < $1.key }) { compare(name, values) }
        for (name, places) in path.positions.sorted(by: { $0.key < $1.key }) {
            report.compare(name, places, with: golden)
        }
        compare("a_scaled_latent", model.decoderLatent(golden.values("a_latent")))
        try report.compareDiffusion(path.batch.diffusion, with: golden, bounds)
    }

    // MARK: free

    /// A scenario from its text and its noise alone.
    private mutating func compareFree(_ name: String) throws {
        let ids = model.prompts.ids(try golden.argument("\(name)_text"))
        report.compare("\(name)_text_ids", ids, with: golden)
        let most: Int = (try? golden.number("\(name)_max_new_tokens")) ?? model.contextRows
        let limit = min(preset.speech.rows + most, model.contextRows, preset.speech.rows + ids.count + 256)
        let rules = Session.Rules(
            steps: try golden.number("\(name)_steps"), guidance: try golden.number("\(name)_cfg"),
            rowLimit: limit)
        let batch = try Batch(model, on: device, slots: 1, capacity: limit, half: false)
        let session = batch.admit(
            ids, preset, rules, .recorded(golden.noise("\(name)_noise", latent: model.head.latent)))
        let stream = DecoderStream(model.decoder, on: device)
        stream.reset()
        var (latents, samples, logits): ([Float], [Float], [Float]) = ([], [], [])
        while session.ending == nil, !batch.step().isEmpty {
            latents += session.latent
            samples += stream.decode(model.decoderLatent(session.latent))
            if session.ending != .limit { logits.append(session.stopLogit) }
        }
        let frames = golden.shape("\(name)_waveform").reduce(1, *) / model.decoder.samplesPerFrame
        report.compare("\(name)_frames", [Int32(session.frames)], [Int32(frames)], shape: [])
        comparePrefix("\(name)_latent", latents, frames)
        comparePrefix("\(name)_scaled_latent", model.decoderLatent(latents), frames)
        comparePrefix("\(name)_eos_logit", logits, min(frames, logits.count))
        compare("\(name)_waveform", samples, bounds.waveform)
    }

    // MARK: comparing

    private mutating func compare(_ name: String, _ ours: [Float], _ bound: Double? = nil) {
        report.compare(name, ours, with: golden, bound: bound ?? bounds.values)
    }

    /// The authors' code goes on to the end of a window and throws away what follows the end.
    private mutating func comparePrefix(_ name: String, _ ours: [Float], _ count: Int) {
        let known = golden.rows(name, count)
        report.compare(
            "\(name)_free", ours, known.values, shape: known.shape, bound: bounds.values)
    }
}

/// The caches' way along golden tokens and latents, and what each layer said.
private struct ForcedPath {
    let batch: Batch
    private var lower: Int, upper: Int, negative: Int
    /// By golden key.
    private(set) var values: [String: [Float]] = [:]
    private(set) var positions: [String: [Int32]] = [:]

    init(batch: Batch, preset: VoicePreset) {
        self.batch = batch
        (lower, upper, negative) = (preset.text.rows, preset.speech.rows, preset.negative.rows)
        batch.lowerCache.write(preset.text, slot: 0)
        batch.upperCache.write(preset.speech, slot: 0)
        batch.upperCache.write(preset.negative, slot: 1)
    }

    private static let lowerPath = "model.language_model.layers",
        upperPath = "model.tts_language_model.layers"
    private var lastLower: String { "\(Self.lowerPath).\(batch.model.language.lower.config.layers - 1)" }
    private var lastUpper: String { "\(Self.upperPath).\(batch.model.language.upper.config.layers - 1)" }

    mutating func text(_ ids: [Int32]) {
        let keys = [
            "a_win_lm_l0": "\(Self.lowerPath).0", "a_win_lm_out": lastLower,
            "a_win_tts_l0": "\(Self.upperPath).0",
            "a_win_tts_llast": lastUpper,
        ]
        let layout = batch.makeTextLayout(ids.count, taps: Set(keys.values))
        layout.input.write(batch.model.language.embeddings(ids))
        layout.lower.write(ids.indices.map { (slot: 0, position: lower + $0) })
        layout.upper.write(ids.indices.map { (slot: 0, position: upper + $0) })
        layout.graph.compute()
        for (key, path) in keys { values[key, default: []] += layout.graph.tapped(path)?.values ?? [] }
        values["a_win_tts_out", default: []] += layout.hidden.read()
        positions["a_win_ids", default: []] += ids
        positions["a_win_lm_pos", default: []] += ids.indices.map { Int32(lower + $0) }
        positions["a_win_tts_pos", default: []] += ids.indices.map { Int32(upper + $0) }
        lower += ids.count
        upper += ids.count
    }

    mutating func speech(_ latent: [Float]) {
        let keys = ["a_speech_pos_l0": "\(Self.upperPath).0", "a_speech_pos_llast": lastUpper]
        let connector = "model.acoustic_connector"
        let layout = batch.makeSpeechLayout(1, taps: Set(keys.values).union([connector]))
        layout.latents.write(latent)
        layout.step.write([(slot: 0, position: upper), (slot: 1, position: negative)])
        layout.graph.compute()
        let width = batch.model.language.width
        for (key, path) in keys {
            values[key, default: []] += (layout.graph.tapped(path)?.values ?? []).prefix(width)
        }
        values["a_acoustic_embed", default: []] += layout.graph.tapped(connector)?.values ?? []
        let hidden = layout.hidden.read()
        values["a_speech_pos_hidden", default: []] += hidden.prefix(width)
        values["a_speech_neg_hidden", default: []] += hidden.suffix(width)
        values["a_eos_logit", default: []] += layout.stop.read()
        positions["a_speech_pos_position", default: []].append(Int32(upper))
        positions["a_speech_neg_position", default: []].append(Int32(negative))
        upper += 1
        negative += 1
    }
}
