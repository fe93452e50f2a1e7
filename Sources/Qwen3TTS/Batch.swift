import NeuralLayers
import SpeechCore
import TensorGraph

/// Sessions that step together, one row each: the weights are read once for all of them.
///
/// What a session draws depends on its own rows, cache and random source alone, so it is the same in any company.
final class Batch {
    let model: Model
    private let device: Device
    /// One slot a session.
    private let cache: KVCache
    private let predictorCache: KVCache
    private var talkerLayouts: [Int: TalkerLayout] = [:]
    private var predictorLayouts: [Int: [PredictorLayout]] = [:]
    private var resident: [Int: Resident] = [:]
    private lazy var padRow = model.text.rows([model.config.ttsPadTokenId], on: device)
    private(set) var sessions: [Session] = []
    var timings = StageTimings()

    /// A prompt whose rows still lie in a slot.
    private struct Resident {
        let rows: [PromptRow]
        let conditioning: Conditioning
    }

    struct TalkerLayout {
        let graph: Graph
        let input, hidden, scores: Tensor
        let step: Step
    }

    struct PredictorLayout {
        let graph: Graph
        let input, scores: Tensor
        let step: Step
    }

    let slots: Int
    let capacity: Int
    /// Two rows of input for each session, and the scores of one: taken once, so that a frame allocates nothing.
    private let rows: UnsafeMutablePointer<Float>
    private var predictorScores: [Float]

    deinit { rows.deallocate() }

    init(_ model: Model, on device: Device, slots: Int, capacity: Int, half: Bool) throws(DeviceError) {
        self.model = model
        self.device = device
        self.slots = slots
        self.capacity = capacity
        rows = .allocate(capacity: 2 * slots * model.talker.width)
        predictorScores = [Float](repeating: 0, count: model.predictor.vocabulary)
        cache = try KVCache(
            on: device, model.talker.stack.config.cache, slots: slots, capacity: capacity, half: half)
        predictorCache = try KVCache(
            on: device, model.predictor.stack.config.cache, slots: slots, capacity: model.predictor.codes + 1,
            half: false)
    }

    /// Whether another session may join.
    var hasRoom: Bool { sessions.count < slots }

    // MARK: joining and leaving

    /// Takes a session in: its prompt goes through the talker, less what a slot still holds of it.
    func admit(_ prompt: Prompt, _ conditioning: Conditioning, _ rules: Session.Rules) -> Session {
        precondition(hasRoom, "a session joins only where there is room")
        let (slot, shared) = chooseSlot(prompt, conditioning)
        let session = Session(prompt, conditioning, rules, slot: slot)
        session.trailing = model.text.rows(prompt.trailing.map(\.index), on: device)
        session.position = shared
        resident[slot] = Resident(rows: prompt.rows, conditioning: conditioning)
        timings.reusedRows += shared
        timings.prefillRows += prompt.rows.count - shared
        timings.prefillSeconds += timed {
            let rows = embeddings(of: prompt.rows[shared...], conditioning)
            prefill(session, rows, prompt.rows.count - shared)
        }
        sessions.append(session)
        return session
    }

    /// Forgets a session; its prompt's rows stay for whoever asks for the same beginning.
    func remove(_ session: Session) { sessions.removeAll { $0 === session } }

    /// A free slot, and how many of the prompt's first rows it holds: the one with most, or one to copy them to.
    private func chooseSlot(_ prompt: Prompt, _ conditioning: Conditioning) -> (slot: Int, shared: Int) {
        func shared(_ slot: Int) -> Int {
            guard let held = resident[slot], held.conditioning == conditioning else { return 0 }
            // The last row is always computed: its hidden state is what the first frame is drawn from.
            let count = zip(held.rows, prompt.rows).prefix { $0 == $1 }.count
            return min(count, prompt.rows.count - 1)
        }
        let busy = Set(sessions.map(\.slot))
        let free = (0..<slots).filter { !busy.contains($0) }
        let best = (0..<slots).max { shared($0) < shared($1) } ?? 0
        guard shared(best) > 0, let target = free.first(where: { resident[$0] == nil }) ?? free.last else {
            return (free.first { resident[$0] == nil } ?? free[0], 0)
        }
        if free.contains(best) { return (best, shared(best)) }
        let count = shared(best)
        cache.copy(from: best, to: target, count: count)
        return (target, count)
    }

    // MARK: stepping

    /// One frame of every session that has not ended; those whose draw ended them are left with an ending.
    func step() -> [(session: Session, frame: CodeFrame)] {
        timings.talkerSeconds += timed {
            advance(sessions.filter { $0.ending == nil && $0.lastFrame != nil })
        }
        var speaking: [(session: Session, frame: CodeFrame)] = []
        for session in sessions where session.ending == nil {
            if let first = session.drawFirst(endToken: model.config.talkerConfig.codecEosTokenId) {
                var frame = CodeFrame()
                frame.reserveCapacity(model.predictor.codes + 1)
                frame.append(first)
                speaking.append((session, frame))
            }
        }
        timings.predictorSeconds += timed { predict(&speaking) }
        timings.frames += speaking.count
        for (session, frame) in speaking {
            session.lastFrame = frame
            session.frameCount += 1
        }
        return speaking
    }

    /// Gives the talker the frames just spoken, with the text that goes beside them.
    private func advance(_ sessions: [Session]) {
        guard !sessions.isEmpty else { return }
        let width = model.talker.width
        for (index, session) in sessions.enumerated() {
            let row = rows + index * width
            writeText(of: session, to: row)
            if let frame = session.lastFrame { model.addEmbedding(of: frame, to: row) }
        }
        let layout = talkerLayout(sessions.count)
        layout.input.write(UnsafeBufferPointer(start: rows, count: sessions.count * width))
        layout.step.write(sessions.lazy.map { ($0.slot, $0.position) })
        layout.graph.compute()
        for (index, session) in sessions.enumerated() {
            layout.hidden.read(row: index, into: &session.hidden)
            layout.scores.read(row: index, into: &session.scores)
            session.position += 1
        }
    }

    /// The text beside the frame just spoken; `tts_pad` once there is no more.
    private func writeText(of session: Session, to row: UnsafeMutablePointer<Float>) {
        let width = model.talker.width
        let start = (session.frameCount - 1) * width
        let (source, offset) = start < session.trailing.count ? (session.trailing, start) : (padRow, 0)
        for i in 0..<width { row[i] = source[offset + i] }
    }

    /// The other codes of each frame, a pass of the predictor for each.
    private func predict(_ speaking: inout [(session: Session, frame: CodeFrame)]) {
        guard !speaking.isEmpty else { return }
        let (count, width) = (speaking.count, model.talker.width)
        let layouts = predictorLayout(count)
        for (index, speaker) in speaking.enumerated() {
            for i in 0..<width { rows[index * width + i] = speaker.session.hidden[i] }
        }
        for pass in 0..<model.predictor.codes {
            // The first pass reads two rows of each session: the hidden states, then the first codes.
            let first = pass == 0 ? count : 0
            let table = pass == 0 ? model.talker.codecEmbedding : model.predictor.embeddings[pass - 1]
            for index in 0..<count {
                table.read(Int(speaking[index].frame[pass]), into: rows + (first + index) * width)
            }
            let layout = layouts[pass]
            layout.input.write(UnsafeBufferPointer(start: rows, count: (first + count) * width))
            layout.graph.compute()
            for index in 0..<count {
                layout.scores.read(row: index, into: &predictorScores)
                let session = speaking[index].session
                let code = predictorScores.withUnsafeBufferPointer {
                    session.sampler.draw($0, session.rules.others)
                }
                speaking[index].frame.append(Int32(code))
            }
        }
    }

    private func timed(_ work: () -> Void) -> Double {
        let start = ContinuousClock.now
        work()
        return (ContinuousClock.now - start).seconds
    }

    // MARK: rows

    /// The talker's input for prompt rows.
    func embeddings(of rows: ArraySlice<PromptRow>, _ conditioning: Conditioning) -> [Float] {
        let width = model.talker.width
        var values = model.text.rows(rows.map(\.text.index), on: device)
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for (index, row) in rows.enumerated() {
                let target = base + index * width
                switch row.codec {
                case .none: break
                case .token(let token): model.talker.codecEmbedding.add(Int(token.index), to: target)
                case .speaker: for i in 0..<width { target[i] += conditioning.vector[i] }
                case .frame(let frame): model.addEmbedding(of: conditioning.frames[frame], to: target)
                }
            }
        }
        return values
    }

    private func prefill(_ session: Session, _ rows: [Float], _ count: Int) {
        let layout = makeTalkerLayout(rows: count, outputs: 1)
        layout.input.write(rows)
        layout.step.write((0..<count).map { (session.slot, session.position + $0) })
        layout.graph.compute()
        session.hidden = layout.hidden.read()
        session.scores = layout.scores.read()
        session.position += count
    }

    // MARK: layouts

    private func talkerLayout(_ count: Int) -> TalkerLayout {
        if let layout = talkerLayouts[count] { return layout }
        let layout = makeTalkerLayout(rows: count, outputs: count)
        talkerLayouts[count] = layout
        return layout
    }

    func makeTalkerLayout(rows: Int, outputs: Int, taps: Set<String> = []) -> TalkerLayout {
        let (graph, ends) = Graph.layOut(on: device, nodes: 4096, taps: taps) { graph in
            let input = graph.input("rows", [rows, model.talker.width])
            let step = Step(
                in: graph, rows: rows, cache: cache, rotaryBase: model.talker.stack.config.ropeBase)
            let (hidden, scores) = model.talker(input, step, cache, outputs: outputs)
            graph.output(hidden)
            graph.output(scores)
            return (input: input, hidden: hidden, scores: scores, step: step)
        }
        return TalkerLayout(
            graph: graph, input: ends.input, hidden: ends.hidden, scores: ends.scores, step: ends.step)
    }

    private func predictorLayout(_ count: Int) -> [PredictorLayout] {
        if let layouts = predictorLayouts[count] { return layouts }
        let layouts = (0..<model.predictor.codes).map { makePredictorLayout(pass: $0, count: count) }
        predictorLayouts[count] = layouts
        return layouts
    }

    /// Pass 0 reads two rows of each session (hidden state, first code), the others one; positions never vary.
    func makePredictorLayout(pass: Int, count: Int, outputs: Int? = nil, taps: Set<String> = [])
        -> PredictorLayout
    {
        let rows = pass == 0 ? count * 2 : count
        let (graph, ends) = Graph.layOut(on: device, nodes: 1024, taps: taps) { graph in
            let input = graph.input("rows", [rows, model.talker.width])
            let step = Step(
                in: graph, rows: rows, cache: predictorCache,
                rotaryBase: model.predictor.stack.config.ropeBase)
            let scores = model.predictor(input, pass: pass, step, predictorCache, outputs: outputs ?? count)
            graph.output(scores)
            return (input: input, scores: scores, step: step)
        }
        let places = (0..<rows).map { (slot: $0 % count, position: pass == 0 ? $0 / count : pass + 1) }
        ends.step.fix(places)
        return PredictorLayout(graph: graph, input: ends.input, scores: ends.scores, step: ends.step)
    }
}
