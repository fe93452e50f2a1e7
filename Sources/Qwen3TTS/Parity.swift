import Checkpoints
import Foundation
import NeuralLayers
import SpeechCore
import TensorGraph

/// Runs a golden file's cases and compares each stage.
struct ParityRun {
    private let model: Model
    private let files: ModelFiles
    private let device: Device
    private let bounds: ParityBounds
    private let golden: GoldenFile
    private var report = ParityReport()

    init(_ model: Model, _ files: ModelFiles, on device: Device, golden: CheckpointFile, bounds: ParityBounds)
        throws
    {
        (self.model, self.files, self.device, self.bounds) = (model, files, device, bounds)
        self.golden = try GoldenFile(golden)
    }

    mutating func run() throws -> ParityReport {
        for (index, text) in golden.info.strings.enumerated() {
            let name = String(format: "text/%02d", index)
            if golden.has(name) { compareIDs(name, model.prompts.encode(text)) }
        }
        var conditioning: Conditioning?
        if golden.has("reference_audio") { conditioning = try compareEncoders() }
        if golden.has("codec_decode/codes") { try compareDecoder() }
        for (name, arguments) in golden.info.cases.sorted(by: { $0.key < $1.key }) {
            try compare(case: name, arguments, conditioning)
        }
        return report
    }

    // MARK: one case

    private mutating func compare(case name: String, _ arguments: GoldenFile.Case, _ encoded: Conditioning?)
        throws
    {
        var (request, conditioning) = try arguments.request(model, encoded)
        let ids = model.prompts.ids(for: request)
        compareIDs("\(name)/input_ids", ids.text)
        if golden.has("\(name)/ref_ids") { compareIDs("\(name)/ref_ids", ids.reference) }
        if golden.has("\(name)/instruct_ids") { compareIDs("\(name)/instruct_ids", ids.instruction) }
        let prompt = try model.prompts.prompt(for: request)
        let draws = golden.integers("\(name)/sampled")
        let frames = golden.frames("\(name)/codes")
        let batch = try Batch(
            model, on: device, slots: 1, capacity: prompt.rows.count + draws.count + 2, half: false)
        try compareForced(name, batch, prompt, conditioning, draws, frames)
        if bounds.codesAreExact {
            var rules = Session.Rules.greedy(model, maximumTokens: draws.count)
            rules.maximumTokens = arguments.stoppedByEos ? draws.count + 1 : draws.count
            let session = batch.admit(prompt, conditioning, rules)
            var spoken: [CodeFrame] = []
            while session.ending == nil { spoken += batch.step().map(\.frame) }
            compareIDs("\(name)/sampled", session.history)
            compareIDs("\(name)/codes", spoken.flatMap { $0 })
        }
        conditioning.frames = request.reference == nil ? [] : conditioning.frames
        compareIDs("\(name)/decoded_codes", (conditioning.frames + frames).flatMap { $0 })
        let stream = try CodecStream(model.codec, on: device, longestChunk: 8)
        let samples = stream.decode(conditioning.frames + frames)
        // Upstream cuts the reference's part by this quotient, which rounding can make a sample short.
        let (reference, all) = (conditioning.frames.count, conditioning.frames.count + frames.count)
        let cut = Int(Double(reference) / Double(max(all, 1)) * Double(samples.count))
        compareValues("\(name)/wav", Array(samples[cut...]), bounds.waveform)
    }

    /// The golden path step by step, so that one rounding does not decide all that follows.
    private mutating func compareForced(
        _ name: String, _ batch: Batch, _ prompt: Prompt, _ conditioning: Conditioning, _ draws: [Int32],
        _ frames: [CodeFrame]
    ) throws {
        let rows = batch.embeddings(of: prompt.rows[...], conditioning)
        compareValues("\(name)/prompt", rows)
        compareValues("\(name)/trailing_text", model.text.rows(prompt.trailing.map(\.index), on: device))
        compareValues("\(name)/tts_pad", model.text.rows([model.config.ttsPadTokenId], on: device))
        let last = model.talker.stack.config.layers - 1
        let taps = [
            "talker.model.layers.0", "talker.model.layers.\(last)", "talker.model.norm", "talker.codec_head",
        ]
        for call in 0..<8 where golden.has("\(name)/talker/logits/\(call)") {
            let input = call == 0 ? rows : batch.nextRow(prompt, frames, call)
            compareValues("\(name)/talker/input/\(call)", input)
            let traced = batch.trace(input, at: call == 0 ? 0 : prompt.rows.count + call - 1, taps: taps)
            compareValues("\(name)/talker/layer_first/\(call)", traced[0])
            compareValues("\(name)/talker/layer_last/\(call)", traced[1])
            compareValues("\(name)/talker/hidden/\(call)", traced[2])
            compareValues("\(name)/talker/logits/\(call)", traced[3].suffix(model.talker.vocabulary))
            if call < 2, call < frames.count {
                comparePredictor(
                    name, batch, Array(traced[2].suffix(model.talker.width)), frames[call], frame: call)
            }
        }
    }

    private mutating func comparePredictor(
        _ name: String, _ batch: Batch, _ hidden: [Float], _ frame: CodeFrame, frame index: Int
    ) {
        for pass in 0..<model.predictor.codes {
            let traced = batch.tracePredictor(pass: pass, hidden: hidden, frame: frame)
            if index == 0 {
                compareValues("\(name)/predictor/input/\(pass)", traced.input)
                compareValues("\(name)/predictor/hidden/\(pass)", traced.hidden)
            }
            compareValues(String(format: "%@/predictor/logits_%02d/%d", name, pass, index), traced.scores)
        }
    }

    // MARK: codec and speaker

    private mutating func compareEncoders() throws -> Conditioning {
        let audio = golden.values("reference_audio")
        let encoder = try VoiceEncoder(files, on: device)
        let names = [
            ("codec_encode/seanet_00", "encoder.encoder.layers.0"),
            ("codec_encode/seanet_01", "encoder.encoder.layers.1"),
            ("codec_encode/seanet_03", "encoder.encoder.layers.3"),
            ("codec_encode/seanet_14", "encoder.encoder.layers.14"),
            ("codec_encode/transformer_first", "encoder.encoder_transformer.layers.0"),
            (
                "codec_encode/transformer_last",
                "encoder.encoder_transformer.layers.\(encoder.codecLayers - 1)"
            ),
            ("codec_encode/downsample", "encoder.downsample"),
            (
                "codec_encode/semantic_latent",
                "encoder.quantizer.semantic_residual_vector_quantizer.input_proj"
            ),
            (
                "codec_encode/acoustic_latent",
                "encoder.quantizer.acoustic_residual_vector_quantizer.input_proj"
            ),
        ]
        let codec = try encoder.encodeCodes(audio, tapping: Set(names.map(\.1)))
        for (key, path) in names { compareTapped(key, codec.tapped(path)) }
        compareIDs("codec_encode/codes", codec.codes.flatMap { $0 })
        guard golden.has("speaker/embedding"), encoder.hasSpeakerEncoder else {
            return Conditioning(frames: codec.codes)
        }
        let mel = encoder.mel(audio)
        compareTapped("speaker/mel", (mel.values, [mel.frames, mel.values.count / mel.frames]))
        let layers = [
            ("speaker/block_0", "speaker_encoder.blocks.0"),
            ("speaker/block_1_res2net", "speaker_encoder.blocks.1.res2net_block"),
            ("speaker/block_1", "speaker_encoder.blocks.1"), ("speaker/block_2", "speaker_encoder.blocks.2"),
            ("speaker/block_3", "speaker_encoder.blocks.3"), ("speaker/mfa", "speaker_encoder.mfa"),
            ("speaker/asp", "speaker_encoder.asp"),
        ]
        let speaker = try encoder.encodeSpeaker(audio, tapping: Set(layers.map(\.1)))
        for (key, path) in layers { compareTapped(key, speaker.tapped(path)) }
        compareValues("speaker/embedding", speaker.vector)
        return Conditioning(speaker: .vector, vector: speaker.vector, frames: codec.codes)
    }

    private mutating func compareDecoder() throws {
        let frames = golden.frames("codec_decode/codes")
        let stream = try CodecStream(model.codec, on: device, longestChunk: frames.count)
        var names = [
            ("latent", "quantizer"), ("pre_conv", "pre_conv"),
            ("pre_transformer_input", "pre_transformer.input_proj"),
            ("pre_transformer_first", "pre_transformer.layers.0"),
            ("pre_transformer_last", "pre_transformer.layers.\(model.codec.transformerLayers - 1)"),
            ("pre_transformer", "pre_transformer"), ("decoder_1_conv", "decoder.1.block.1"),
            ("decoder_1_residual", "decoder.1.block.2"),
        ]
        for index in 0..<8 {
            names.append(("upsample_\(index)_conv", "upsample.\(index).0"))
            names.append(("upsample_\(index)", "upsample.\(index)"))
            // The last snake's value is never laid out: it is applied on the way into the last convolution.
            if index != model.codec.lastSnake { names.append(("decoder_\(index)", "decoder.\(index)")) }
        }
        let decoded = stream.decode(frames, tapping: Set(names.map { "decoder." + $0.1 }))
        for (key, path) in names where golden.has("codec_decode/\(key)") {
            compareTapped("codec_decode/\(key)", decoded.taps("decoder." + path), bounds.codec)
        }
        compareValues("codec_decode/wav", decoded.samples, bounds.waveform)
        let single = try CodecStream(model.codec, on: device, longestChunk: 1)
        compareValues("codec_decode/wav", single.decode(frames), bounds.waveform)
    }

    // MARK: comparing

    private mutating func compareIDs(_ name: String, _ ours: [Int32]) {
        report.compare(name, ours, golden.integers(name), shape: golden.shape(name))
    }

    private mutating func compareValues(
        _ name: String, _ ours: some Collection<Float>, _ bound: Double? = nil
    ) {
        guard golden.has(name) else { return }
        report.compare(
            name, Array(ours), golden.values(name), shape: golden.shape(name), bound: bound ?? bounds.values)
    }

    /// Time-major values of ours against the golden's, which may be channel-major and cut after some steps.
    private mutating func compareTapped(
        _ name: String, _ ours: (values: [Float], shape: [Int])?, _ bound: Double? = nil
    ) {
        guard golden.has(name) else { return }
        let (shape, bound) = (golden.shape(name), bound ?? bounds.values)
        guard let ours, ours.shape.count == 2 else {
            report.compare(name, [], golden.values(name), shape: shape, bound: bound)
            return
        }
        let (steps, channels) = (ours.shape[0], ours.shape[1])
        var values = ours.values
        let channelMajor = shape.count == 2 && shape[0] == channels && golden.isChannelMajor(name)
        if channelMajor || (shape.count == 1 && channels > 1 && steps > 1) {
            let kept = min(shape.last ?? steps, steps)
            values = (0..<channels).flatMap { channel in
                (0..<kept).map { ours.values[$0 * channels + channel] }
            }
        } else if shape.count == 1 {
            values = Array(values.prefix(shape[0]))
        }
        report.compare(name, values, golden.values(name), shape: shape, bound: bound)
    }
}

extension Batch {
    /// The talker's input after frame `count` of `frames`.
    fileprivate func nextRow(_ prompt: Prompt, _ frames: [CodeFrame], _ count: Int) -> [Float] {
        let index = count - 1
        let pad = model.config.ttsPadTokenId
        let text = index < prompt.trailing.count ? prompt.trailing[index].index : pad
        var row = embeddings(of: [PromptRow(text: TextToken(text), codec: .none)], Conditioning())
        row.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress, index < frames.count {
                model.addEmbedding(of: frames[index], to: base)
            }
        }
        return row
    }

    /// One call of the talker on given rows, with the values of the named layers.
    fileprivate func trace(_ rows: [Float], at position: Int, taps: [String]) -> [[Float]] {
        let count = rows.count / model.talker.width
        let layout = makeTalkerLayout(rows: count, outputs: count, taps: Set(taps))
        layout.input.write(rows)
        layout.step.write((0..<count).map { (slot: 0, position: position + $0) })
        layout.graph.compute()
        return taps.map { layout.graph.tapped($0)?.values ?? [] }
    }

    /// One pass of the predictor over a given frame.
    fileprivate func tracePredictor(
        pass: Int, hidden: [Float], frame: CodeFrame
    ) -> (input: [Float], hidden: [Float], scores: [Float]) {
        let names = ["talker.code_predictor.input.\(pass)", "talker.code_predictor.model.norm.\(pass)"]
        let layout = makePredictorLayout(pass: pass, count: 1, outputs: pass == 0 ? 2 : 1, taps: Set(names))
        var row = [Float](repeating: 0, count: model.talker.width)
        row.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            let table = pass == 0 ? model.talker.codecEmbedding : model.predictor.embeddings[pass - 1]
            table.read(Int(frame[pass]), into: base)
        }
        layout.input.write(pass == 0 ? hidden + row : row)
        layout.graph.compute()
        let values = names.map { layout.graph.tapped($0)?.values ?? [] }
        return (values[0], values[1], Array(layout.scores.read().suffix(model.predictor.vocabulary)))
    }
}
