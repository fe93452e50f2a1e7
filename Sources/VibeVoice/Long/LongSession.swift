import NeuralLayers
import SpeechCore
import TensorGraph

/// A dialogue being spoken: the language model chooses whether speech goes on, ends or begins again; a frame of it is
/// led out of noise, heard, and what was heard goes back as the next row.
///
/// One cache has two slots: all that was read and said, and, without the text, what was said since speech last began.
/// Each row goes into both as rows of one batch. The second keeps it only where a frame follows, as in the authors'
/// code, which reads it no sooner; a row not kept is overwritten by the next.
final class LongSession {
    /// Rows of a prompt read together: what a part takes in memory does not grow with the prompt.
    static let rowsTogether = 256

    /// How a session speaks, every choice made.
    struct Rules: Sendable {
        let steps: Int
        let guidance: Float
        /// Most tokens chosen, frames among them.
        let maximumTokens: Int
    }

    /// What a step made, for parity.
    struct Frame {
        let latent, samples, semantic: [Float]
    }

    let model: LongModel
    private let device: Device
    private let diffusion: Diffusion
    private let decoder: DecoderStream
    private let listener: EncoderStream
    private let connection: LongConnection
    private let cache: KVCache
    private var layouts: [Int: Layout] = [:]
    private let rules: Rules
    private var noise: NoiseSource
    private let choices: [Int32]
    private let outputRows: [Float]

    private let prompt: [Float]
    /// Rows read of the prompt and since, and rows that the slot without text keeps.
    private(set) var rows = 0, negativeRows = 0
    private(set) var hidden: [Float] = [], negativeHidden: [Float] = []
    private(set) var tokens: [Int32] = []
    private(set) var ending: AudioChunk.Ending?
    private(set) var timings = StageTimings()

    struct Layout {
        let graph: Graph
        let input, hidden: Tensor
        let step: Step
    }

    /// What sessions of one model share, one after the other.
    struct Parts {
        let diffusion: Diffusion
        let decoder: DecoderStream
        let listener: EncoderStream
        let connection: LongConnection

        init(_ model: LongModel, on device: Device) {
            diffusion = Diffusion(model.head, on: device)
            decoder = DecoderStream(model.decoder, on: device)
            listener = EncoderStream(model.semantic, on: device)
            connection = LongConnection(model, frames: 1, on: device)
        }
    }

    /// - Parameter prompt: rows `[count, width]`, those of the voices in their places.
    init(
        _ model: LongModel, _ parts: Parts, prompt: [Float], _ rules: Rules, _ noise: NoiseSource,
        on device: Device,
        half: Bool
    ) throws(DeviceError) {
        (self.model, self.device, self.prompt, self.rules, self.noise) = (model, device, prompt, rules, noise)
        (diffusion, decoder, listener, connection) = (
            parts.diffusion, parts.decoder, parts.listener, parts.connection
        )
        let capacity = prompt.count / model.language.width + rules.maximumTokens
        cache = try KVCache(
            on: device, model.language.stack.config.cache, slots: 2, capacity: capacity, half: half)
        let prompts = model.prompts
        choices = [prompts.start, prompts.end, prompts.frame, prompts.endOfText]
        outputRows = model.language.outputRows(choices)
        decoder.reset()
        listener.reset()
    }

    private var promptRows: Int { prompt.count / model.language.width }
    var isReading: Bool { rows < promptRows }

    /// Scores of speech's start, end, next frame, and of the end of all.
    var scores: [Float] { scores(of: hidden) }

    func scores(of hidden: [Float]) -> [Float] {
        let width = model.language.width
        return choices.indices.map { choice in
            var sum: Float = 0
            for index in 0..<width { sum += outputRows[choice * width + index] * hidden[index] }
            return sum
        }
    }

    // MARK: stepping

    /// Reads a part of the prompt, or chooses a token; the frame, if it chose one.
    func step() -> Frame? {
        guard ending == nil else { return nil }
        guard !isReading else {
            readPart()
            return nil
        }
        let scores = scores
        let best = scores.indices.reduce(0) { scores[$1] > scores[$0] ? $1 : $0 }
        let token = choices[best]
        tokens.append(token)
        guard token != model.prompts.endOfText else {
            ending = .natural
            return nil
        }
        var frame: Frame?
        var row: [Float]
        if token == model.prompts.frame {
            let (made, next) = makeFrame()
            (frame, row) = (made, next)
        } else {
            turn(token)
            row = model.language.embeddings([token])
        }
        if tokens.count >= rules.maximumTokens {
            ending = .limit
        } else {
            timings.talkerSeconds += timed { feed(row) }
        }
        return frame
    }

    /// Speech ends or begins: the one forgets what was heard, the other what was said without text.
    private func turn(_ token: Int32) {
        if token == model.prompts.start {
            negativeRows = 0
        } else {
            decoder.reset()
            listener.reset()
        }
    }

    /// The next frame, and the row that tells the language model of it.
    private func makeFrame() -> (frame: Frame, row: [Float]) {
        // The row just fed was kept out of the slot without text until now.
        negativeRows += 1
        let order = Diffusion.Frame(
            hidden: (hidden, negativeHidden), noise: noise.next(model.head.latent), steps: rules.steps,
            guidance: rules.guidance)
        var latent: [Float] = [], samples: [Float] = [], semantic: [Float] = []
        timings.predictorSeconds += timed { latent = diffusion.latents([order])[0] }
        timings.codecSeconds += timed {
            samples = decoder.decode(model.decoderLatent(latent))
            semantic = listener.encode(samples)
        }
        timings.frames += 1
        timings.codecFrames += 1
        return (Frame(latent: latent, samples: samples, semantic: semantic), connection(latent, semantic).sum)
    }

    // MARK: the language model

    private func readPart() {
        let (width, count) = (model.language.width, min(Self.rowsTogether, promptRows - rows))
        var part = Array(prompt[rows * width..<(rows + count) * width])
        var places = (rows..<rows + count).map { (slot: 0, position: $0) }
        if rows + count == promptRows {
            // The prompt's last row begins speech, which is where the slot without text begins.
            part += prompt.suffix(width)
            places.append((slot: 1, position: 0))
        }
        timings.prefillSeconds += timed { compute(part, places) }
        timings.prefillRows += count
        rows += count
    }

    /// Gives the language model a row after all others, and after what was said.
    private func feed(_ row: [Float]) {
        compute(row + row, [(slot: 0, position: rows), (slot: 1, position: negativeRows)])
        rows += 1
    }

    private func compute(_ values: [Float], _ places: [(slot: Int, position: Int)]) {
        let layout = layout(places.count)
        layout.input.write(values)
        layout.step.write(places)
        layout.graph.compute()
        layout.hidden.read(row: max(0, places.count - 2), into: &hidden)
        layout.hidden.read(row: places.count - 1, into: &negativeHidden)
    }

    private func layout(_ rows: Int) -> Layout {
        if let layout = layouts[rows] { return layout }
        let layout = makeLayout(rows: rows)
        // Of odd sizes there is one each; the full part and the pair come again and again.
        if rows == 2 || rows == Self.rowsTogether { layouts[rows] = layout }
        return layout
    }

    func makeLayout(rows: Int, taps: Set<String> = []) -> Layout {
        let (graph, ends) = Graph.layOut(on: device, nodes: 8192, taps: taps) { graph in
            let input = graph.input("rows", [rows, model.language.width])
            let step = Step(
                in: graph, rows: rows, cache: cache, rotaryBase: model.language.stack.config.ropeBase)
            let hidden = model.language(input, step, cache)
            graph.output(hidden)
            return (input: input, hidden: hidden, step: step)
        }
        return Layout(graph: graph, input: ends.input, hidden: ends.hidden, step: ends.step)
    }

    private func timed(_ work: () -> Void) -> Double {
        let start = ContinuousClock.now
        work()
        return (ContinuousClock.now - start).seconds
    }
}
