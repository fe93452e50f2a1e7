import NeuralLayers
import SpeechCore
import TensorGraph

/// Dialogues that are spoken together: the language model chooses for each whether speech goes on, ends or begins
/// again; their frames are led out of noise as rows of one batch, heard by each one's own streams, and go back as rows
/// of one batch.
///
/// What a session says depends on its own rows, caches and noise alone, so it is the same in any company.
final class LongBatch {
    /// Rows of a prompt read together: what a part takes in memory does not grow with the prompt.
    static let rowsTogether = 256
    /// A cache grows by whole steps of so many rows a slot.
    private static let growth = 1024

    let model: LongModel
    private let device: Device
    private let slots: Int
    private let half: Bool
    private let diffusion: Diffusion
    private var cache: KVCache?
    private var layouts: [Int: Layout] = [:]
    private var connections: [Int: LongConnection] = [:]
    private let choices: [Int32]
    private let outputRows: [Float]
    private(set) var sessions: [LongSession] = []
    private(set) var timings = StageTimings()

    struct Layout {
        let graph: Graph
        let input, hidden: Tensor
        let step: Step
    }

    init(_ model: LongModel, on device: Device, slots: Int, half: Bool) {
        (self.model, self.device, self.slots, self.half) = (model, device, slots, half)
        diffusion = Diffusion(model.head, on: device)
        let prompts = model.prompts
        choices = [prompts.start, prompts.end, prompts.frame, prompts.endOfText]
        outputRows = model.language.outputRows(choices)
    }

    // MARK: joining and leaving

    /// Bytes of cache that the sessions may still come to touch, with another of so many rows.
    func bytesToCome(adding rows: Int = 0) -> Int {
        let promised = sessions.reduce(2 * rows) { $0 + 2 * $1.capacity - $1.rows - $1.negativeRows }
        return model.language.stack.config.cache.bytes(rows: promised, half: half)
    }

    /// Takes a session in.
    func admit(
        prompt: [Float], _ rules: LongSession.Rules, _ noise: NoiseSource, _ streams: LongSession.Streams
    ) throws(DeviceError) -> LongSession {
        let busy = Set(sessions.map(\.slot))
        guard let slot = (0..<slots).first(where: { !busy.contains($0) }) else {
            preconditionFailure("a session joins only where there is room")
        }
        let session = LongSession(
            prompt: prompt, width: model.language.width, rules, noise, streams, slot: slot)
        try makeRoom(session.capacity)
        sessions.append(session)
        return session
    }

    func remove(_ session: LongSession) { sessions.removeAll { $0 === session } }

    /// A cache whose slots have so many rows at the least; what sessions have in the one there was comes along. Rows
    /// take memory as they are first written.
    private func makeRoom(_ rows: Int) throws(DeviceError) {
        let wanted = (rows + Self.growth - 1) / Self.growth * Self.growth
        let capacity = cache?.capacity ?? 0
        // A much larger one than anybody needs goes once nobody is left in it.
        guard capacity < wanted || sessions.isEmpty && capacity > 4 * wanted else { return }
        let grown = try KVCache(
            on: device, model.language.stack.config.cache, slots: 2 * slots, capacity: wanted, half: half)
        for session in sessions {
            guard let cache else { break }
            grown.copy(from: cache, slot: session.positiveSlot, count: session.rows)
            // The last row may not be kept yet, but is what the next frame goes on from.
            grown.copy(
                from: cache, slot: session.negativeSlot,
                count: min(session.negativeRows + 1, cache.capacity))
        }
        cache = grown
        layouts = [:]
    }

    // MARK: stepping

    /// Every session that has not ended reads a part of its prompt or chooses a token; a frame, if it chose one, is in
    /// the session.
    func step() {
        for session in sessions { session.frame = nil }
        let going = sessions.filter { $0.ending == nil }
        let choosing = going.filter { !$0.isReading }
        for session in going where session.isReading { readPart(session) }
        let speaking = choosing.filter { choose($0) == model.prompts.frame }
        speak(speaking)
        for session in choosing
        where session.ending == nil && session.tokens.count >= session.rules.maximumTokens {
            session.ending = .limit
        }
        timings.talkerSeconds += ContinuousClock.seconds { feed(choosing.filter { $0.ending == nil }) }
    }

    /// The next token of a session, which it remembers; the row that stands for it, where it is no frame.
    private func choose(_ session: LongSession) -> Int32 {
        let token = chosen(session)
        session.tokens.append(token)
        if token == model.prompts.endOfText {
            session.ending = .natural
        } else if token != model.prompts.frame {
            session.turnOver(begins: token == model.prompts.start)
            session.next = model.language.embeddings([token])
        }
        return token
    }

    private func chosen(_ session: LongSession) -> Int32 {
        let (rules, place) = (session.rules, session.tokens.count)
        if place < rules.told.count { return rules.told[place] }
        if session.frames < rules.minimumFrames { return model.prompts.frame }
        let scores = scores(of: session.hidden)
        return choices[scores.indices.reduce(0) { scores[$1] > scores[$0] ? $1 : $0 }]
    }

    /// Scores of speech's start, end, next frame, and of the end of all.
    func scores(of hidden: [Float]) -> [Float] {
        let width = model.language.width
        return choices.indices.map { choice in
            var sum: Float = 0
            for index in 0..<width { sum += outputRows[choice * width + index] * hidden[index] }
            return sum
        }
    }

    /// The next frame of each, and the row that tells the language model of it.
    private func speak(_ sessions: [LongSession]) {
        guard !sessions.isEmpty else { return }
        var latents: [[Float]] = []
        timings.predictorSeconds += ContinuousClock.seconds {
            latents = diffusion.latents(
                sessions.map { session in
                    // The row just fed was kept out of the slot without text until now.
                    session.negativeRows += 1
                    return Diffusion.Frame(
                        hidden: (session.hidden, session.negativeHidden),
                        noise: session.noise.next(model.head.latent), steps: session.rules.steps,
                        guidance: session.rules.guidance)
                })
        }
        for (session, latent) in zip(sessions, latents) {
            var samples: [Float] = [], semantic: [Float] = []
            timings.codecSeconds += ContinuousClock.seconds {
                samples = session.streams.decoder.decode(model.decoderLatent(latent))
            }
            timings.listenerSeconds += ContinuousClock.seconds {
                semantic = session.streams.listener.encode(samples)
            }
            session.frame = LongSession.Frame(latent: latent, samples: samples, semantic: semantic)
            session.frames += 1
        }
        timings.frames += sessions.count
        timings.codecFrames += sessions.count
        timings.talkerSeconds += ContinuousClock.seconds {
            let rows = connection(sessions.count)(
                latents.flatMap { $0 }, sessions.flatMap { $0.frame?.semantic ?? [] }
            ).sum
            let width = model.language.width
            for (index, session) in sessions.enumerated() {
                session.next = Array(rows[index * width..<(index + 1) * width])
            }
        }
    }

    // MARK: the language model

    private func readPart(_ session: LongSession) {
        let width = model.language.width
        let count = min(Self.rowsTogether, session.promptRows - session.rows)
        var part = Array(session.prompt[session.rows * width..<(session.rows + count) * width])
        var places = (session.rows..<session.rows + count).map {
            (slot: session.positiveSlot, position: $0)
        }
        let isLast = session.rows + count == session.promptRows
        if isLast {
            // The prompt's last row begins speech, which is where the slot without text begins.
            part += session.prompt.suffix(width)
            places.append((slot: session.negativeSlot, position: 0))
        }
        timings.prefillSeconds += ContinuousClock.seconds {
            let layout = compute(part, places)
            guard isLast else { return }
            layout.hidden.read(row: count - 1, into: &session.hidden)
            layout.hidden.read(row: count, into: &session.negativeHidden)
        }
        timings.prefillRows += count
        session.rows += count
    }

    /// Gives the language model a row of each session after all others, and after what was said.
    private func feed(_ sessions: [LongSession]) {
        guard !sessions.isEmpty else { return }
        let rows = sessions.flatMap(\.next)
        let layout = compute(
            rows + rows,
            sessions.map { (slot: $0.positiveSlot, position: $0.rows) }
                + sessions.map { (slot: $0.negativeSlot, position: $0.negativeRows) })
        for (index, session) in sessions.enumerated() {
            layout.hidden.read(row: index, into: &session.hidden)
            layout.hidden.read(row: sessions.count + index, into: &session.negativeHidden)
            session.rows += 1
        }
    }

    private func compute(_ values: [Float], _ places: [(slot: Int, position: Int)]) -> Layout {
        let layout = layout(places.count)
        layout.input.write(values)
        layout.step.write(places)
        layout.graph.compute()
        return layout
    }

    // MARK: layouts kept for their size

    private func layout(_ rows: Int) -> Layout {
        if let layout = layouts[rows] { return layout }
        let layout = makeLayout(rows: rows)
        // Of odd sizes there is one each; the full part and the pairs come again and again.
        if rows <= 2 * slots || rows == Self.rowsTogether { layouts[rows] = layout }
        return layout
    }

    func makeLayout(rows: Int, taps: Set<String> = []) -> Layout {
        guard let cache else { preconditionFailure("rows are read by sessions, which brought a cache") }
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

    private func connection(_ frames: Int) -> LongConnection {
        if let connection = connections[frames] { return connection }
        let connection = LongConnection(model, frames: frames, on: device)
        connections[frames] = connection
        return connection
    }
}
