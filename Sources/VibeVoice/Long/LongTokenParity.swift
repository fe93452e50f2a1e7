import Checkpoints
import NeuralLayers
import SpeechCore
import TensorGraph

/// Compares with a run of the class that `transformers` publishes, whose golden file has ids in place of a script: a
/// prompt with one voice, then tokens, whatever random weights chose.
///
/// The tokens are taken from the golden file: that class guides the choice of tokens too, which the authors' own
/// code does not. After speech ends it goes on hearing what was said, where theirs forgets; only what comes before
/// is compared.
struct LongTokenParityRun {
    private let model: LongModel
    private let device: Device
    private let bounds: ParityBounds
    private let golden: GoldenFile
    private var report = ParityReport()

    /// Constant in the script that writes these files.
    private static let guidance: Float = 1.3

    /// Whether a golden file is of this kind.
    static func reads(_ golden: CheckpointFile) -> Bool {
        golden["input_ids"] != nil && golden["sequences"] != nil
    }

    init(_ model: LongModel, on device: Device, golden: CheckpointFile, bounds: ParityBounds) throws {
        (self.model, self.device, self.bounds) = (model, device, bounds)
        self.golden = GoldenFile(golden)
        let (ids, all) = (self.golden.integers("input_ids"), self.golden.integers("sequences"))
        let (latent, width, vocabulary) = (
            model.head.latent, model.language.width, model.config.language.vocabSize
        )
        let samples = self.golden.values("wav").count
        let frames = ids.count { $0 == model.prompts.frame }
        let spoken = all.dropFirst(ids.count)
        let frameCount = spoken.count { $0 == model.prompts.frame }
        guard !ids.isEmpty, all.starts(with: ids), !spoken.isEmpty,
            all.allSatisfy({ (0..<Int32(vocabulary)).contains($0) }), frames > 0,
            frames == (samples + model.hop - 1) / model.hop, frames <= 10_000,
            self.golden.shape("vae_noise") == [frames, latent], self.golden.shape("vae_std_randn") == [1],
            self.golden.shape("voice_connected") == [frames, width],
            self.golden.shape("logits") == [spoken.count, vocabulary],
            self.golden.shape("noise").dropFirst() == [2, latent],
            frameCount <= self.golden.shape("noise")[0]
        else { throw self.golden.foreign("sequences") }
    }

    private var latent: Int { model.head.latent }
    private var width: Int { model.language.width }
    private var ids: [Int32] { golden.integers("input_ids") }

    mutating func run() throws -> ParityReport {
        let voice = voiceRows()
        compare("voice_connected", voice)
        let prompt = LongPrompt(
            ids: ids, voicePlaces: ids.indices.filter { ids[$0] == model.prompts.frame }, textCount: 0)
        let rows = model.promptRows(prompt, voices: [golden.values("voice_connected")])
        let tokens = Array(golden.integers("sequences").dropFirst(ids.count))
        // Each frame's passes of the head are all there; how many steps that is, their count tells.
        let frames = tokens.count { $0 == model.prompts.frame }
        let steps = frames == 0 ? 1 : (golden.shape("dh_out").first ?? 0) / frames
        guard
            frames == 0 || (1...100).contains(steps) && golden.shape("dh_out") == [steps * frames, 2, latent]
        else { throw golden.foreign("dh_out") }
        let batch = LongBatch(model, on: device, slots: 1, half: false)
        var rules = LongSession.Rules(steps: steps, guidance: Self.guidance, maximumTokens: tokens.count + 1)
        rules.told = tokens
        let session = try batch.admit(
            prompt: rows, rules, .recorded(golden.noise("noise", latent: latent)),
            LongSession.Streams(model, on: device))
        comparePrompt(batch, rows)
        speak(batch, session, tokens)
        return report
    }

    /// The rows of the voice, from its recording and the noise that was drawn.
    private func voiceRows() -> [Float] {
        let samples = golden.values("wav"), noise = golden.values("vae_noise")
        let means = LongVoice.encode(samples, length: samples.count, model, on: device)
        let scale = (model.config.acoustic.noise ?? 0) * golden.values("vae_std_randn")[0]
        let latents = model.headLatent(means.indices.map { means[$0] + scale * noise[$0] })
        return LongVoice.rows(latents, model, on: device)
    }

    private mutating func comparePrompt(_ batch: LongBatch, _ rows: [Float]) {
        let first = "\(model.language.layersPath).0"
        let layout = batch.makeLayout(rows: ids.count, taps: [first])
        layout.input.write(rows)
        layout.step.write(ids.indices.map { (slot: 0, position: $0) })
        layout.graph.compute()
        compare("prefill_layer0", layout.graph.tapped(first)?.values ?? [])
        compare("prefill_hidden", layout.hidden.read())
    }

    private mutating func speak(_ batch: LongBatch, _ session: LongSession, _ tokens: [Int32]) {
        let all = model.language.outputRows(0..<Int32(model.config.language.vocabSize))
        let diffusion = Diffusion(model.head, on: device)
        // The frame after the end of speech hears otherwise, and so does all that follows from it.
        let ended = tokens.firstIndex(of: model.prompts.end).map { $0 + 1 } ?? tokens.count
        let alike = tokens[ended...].firstIndex(of: model.prompts.frame).map { $0 + 1 } ?? tokens.count
        var (scores, velocities, samples, semantic): ([Float], [Float], [Float], [Float]) = ([], [], [], [])
        var frames = 0
        while session.isReading { batch.step() }
        for token in tokens[..<alike] {
            scores += product(all, session.hidden)
            if token == model.prompts.frame, session.tokens.count < ended {
                velocities += passes(diffusion, session, frame: frames)
                frames += 1
            }
            batch.step()
            guard let frame = session.frame, session.tokens.count <= ended else { continue }
            samples += frame.samples
            semantic += frame.semantic
        }
        compareStart("logits", scores)
        guard frames > 0 else { return }
        compareStart("dh_out", velocities)
        compareStart("audio", samples, bounds.waveform)
        compareStart("sem", semantic, bounds.codec)
    }

    /// What the head says at each step of a frame, each step following the golden value before it.
    private func passes(_ diffusion: Diffusion, _ session: LongSession, frame: Int) -> [Float] {
        let (known, noise, steps) = (golden.values("dh_out"), golden.values("noise"), session.rules.steps)
        let schedule = diffusion.schedule(steps)
        let conditions = diffusion.conditions([(session.hidden, session.negativeHidden)])[0]
        var solver = Solver(noise: Array(noise[frame * 2 * latent..<(frame * 2 + 1) * latent]))
        var ours: [Float] = []
        for step in 0..<steps {
            let pair = diffusion.velocities([(solver.x, conditions, schedule.embeddings[step])])[0]
            ours += pair.positive + pair.negative
            let place = (frame * steps + step) * 2 * latent
            guard place + 2 * latent <= known.count else { return ours }
            let golden = (
                positive: Array(known[place..<place + latent]),
                negative: Array(known[place + latent..<place + 2 * latent])
            )
            solver.advance(schedule.steps[step], velocity: Diffusion.guided(golden, by: Self.guidance))
        }
        return ours
    }

    private func product(_ rows: [Float], _ state: [Float]) -> [Float] {
        (0..<rows.count / width).map { row in
            (0..<width).reduce(Float(0)) { $0 + rows[row * width + $1] * state[$1] }
        }
    }

    // MARK: comparing

    private mutating func compare(_ name: String, _ ours: [Float]) {
        report.compare(name, ours, with: golden, bound: bounds.values)
    }

    /// The first rows of a golden value, as many as ours.
    private mutating func compareStart(_ name: String, _ ours: [Float], _ bound: Double? = nil) {
        let width = golden.shape(name).dropFirst().reduce(1, *)
        let (known, shape) = golden.rows(name, ours.count / max(1, width))
        report.compare(name, ours, known, shape: shape, bound: bound ?? bounds.values)
    }
}
