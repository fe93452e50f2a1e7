import NeuralLayers
import SpeechCore
import TensorGraph

/// Sessions that step together: the weights are read once for all of them.
///
/// What a session says depends on its own rows, caches and noise alone, so it is the same in any company.
final class Batch {
    let model: Model
    let device: Device
    let slots: Int, capacity: Int
    let lowerCache: KVCache, upperCache: KVCache
    let diffusion: Diffusion
    private var textLayouts: [Int: TextLayout] = [:]
    private var speechLayouts: [Int: SpeechLayout] = [:]
    /// The preset whose rows still stand at a slot's beginning.
    private var resident: [Int: String] = [:]
    private(set) var sessions: [Session] = []
    var timings = StageTimings()

    init(_ model: Model, on device: Device, slots: Int, capacity: Int, half: Bool) throws(DeviceError) {
        (self.model, self.device, self.slots, self.capacity) = (model, device, slots, capacity)
        diffusion = Diffusion(model.head, on: device)
        lowerCache = try KVCache(
            on: device, model.config.lower.cache, slots: slots, capacity: capacity, half: half)
        upperCache = try KVCache(
            on: device, model.config.upper.cache, slots: 2 * slots, capacity: capacity, half: half)
    }

    /// Whether another session may join.
    var hasRoom: Bool { sessions.count < slots }

    // MARK: joining and leaving

    /// Takes a session in: its preset's rows go into a slot, unless they stand there from an earlier session.
    func admit(
        _ ids: [Int32], isWhole: Bool = true, _ preset: VoicePreset, _ rules: Session.Rules,
        _ noise: NoiseSource
    ) -> Session {
        precondition(hasRoom, "a session joins only where there is room")
        precondition(rules.rowLimit <= capacity, "\(rules.rowLimit) rows in a cache of \(capacity)")
        let busy = Set(sessions.map(\.slot))
        let free = (0..<slots).filter { !busy.contains($0) }
        let slot = free.first { resident[$0] == preset.path } ?? free.first { resident[$0] == nil } ?? free[0]
        let session = Session(ids, isWhole: isWhole, preset, rules, noise, slot: slot)
        let rows = preset.text.rows + preset.speech.rows + preset.negative.rows
        if resident[slot] == preset.path {
            timings.reusedRows += rows
        } else {
            timings.prefillSeconds += ContinuousClock.seconds {
                lowerCache.write(preset.text, slot: slot)
                upperCache.write(preset.speech, slot: session.positiveSlot)
                upperCache.write(preset.negative, slot: session.negativeSlot)
            }
            resident[slot] = preset.path
        }
        sessions.append(session)
        return session
    }

    /// Forgets a session; its preset's rows stay for whoever speaks with the same voice.
    func remove(_ session: Session) { sessions.removeAll { $0 === session } }

    // MARK: stepping

    /// One frame of every session that has not ended and does not wait for text; its latent is in the session.
    ///
    /// - Returns: who spoke. A session whose text no longer fits ends without.
    func step() -> [Session] {
        let ready = sessions.filter { $0.ending == nil && !$0.isWaiting }
        timings.prefillSeconds += ContinuousClock.seconds { readText(ready) }
        let speaking = ready.filter { $0.ending == nil }
        timings.predictorSeconds += ContinuousClock.seconds { diffuse(speaking) }
        for session in speaking {
            session.frames += 1
            session.frameInWindow = (session.frameInWindow + 1) % PromptBuilder.speechWindow
            // The frame that the cache has no more room for is still heard.
            if session.upperRows + 1 > session.rules.rowLimit { session.ending = .limit }
        }
        let going = speaking.filter { $0.ending == nil }
        timings.talkerSeconds += ContinuousClock.seconds { advance(going) }
        for session in going where session.stopLogit > 0 { session.ending = .natural }
        timings.frames += speaking.count
        return speaking
    }

    /// Windows of text of all who stand at the beginning of one, in one graph.
    private func readText(_ sessions: [Session]) {
        for session in sessions where session.upperRows + session.nextWindow.count > session.rules.rowLimit {
            session.ending = .limit
        }
        let windows = sessions.filter { $0.ending == nil }.map { ($0, ids: $0.nextWindow) }.filter {
            !$0.ids.isEmpty
        }
        guard !windows.isEmpty else { return }
        let layout = textLayout(windows.reduce(0) { $0 + $1.ids.count })
        layout.input.write(model.language.embeddings(windows.flatMap(\.ids)))
        layout.lower.write(
            windows.flatMap { session, ids in
                (0..<ids.count).map { (slot: session.slot, position: session.lowerRows + $0) }
            })
        layout.upper.write(
            windows.flatMap { session, ids in
                (0..<ids.count).map { (slot: session.positiveSlot, position: session.upperRows + $0) }
            })
        layout.graph.compute()
        var row = 0
        for (session, ids) in windows {
            row += ids.count
            layout.hidden.read(row: row - 1, into: &session.hidden)
            session.readCount += ids.count
            session.lowerRows += ids.count
            session.upperRows += ids.count
            timings.prefillRows += ids.count
        }
    }

    /// A latent for each session, led by its two hidden states.
    private func diffuse(_ sessions: [Session]) {
        guard !sessions.isEmpty else { return }
        let latents = diffusion.latents(
            sessions.map { session in
                Diffusion.Frame(
                    hidden: (session.hidden, session.negativeHidden),
                    noise: session.noise.next(model.head.latent),
                    steps: session.rules.steps, guidance: session.rules.guidance)
            })
        for (session, latent) in zip(sessions, latents) { session.latent = latent }
    }

    /// Gives the upper stack the frames just spoken, with the text before them and without, as rows of one batch.
    private func advance(_ sessions: [Session]) {
        guard !sessions.isEmpty else { return }
        let layout = speechLayout(sessions.count)
        layout.latents.write(sessions.flatMap(\.latent))
        layout.step.write(
            sessions.map { (slot: $0.positiveSlot, position: $0.upperRows) }
                + sessions.map { (slot: $0.negativeSlot, position: $0.negativeRows) })
        layout.graph.compute()
        let logits = layout.stop.read()
        for (index, session) in sessions.enumerated() {
            layout.hidden.read(row: index, into: &session.hidden)
            layout.hidden.read(row: sessions.count + index, into: &session.negativeHidden)
            session.stopLogit = logits[index]
            session.upperRows += 1
            session.negativeRows += 1
        }
    }

    // MARK: layouts kept for their size

    private func textLayout(_ rows: Int) -> TextLayout {
        if let layout = textLayouts[rows] { return layout }
        let layout = makeTextLayout(rows)
        textLayouts[rows] = layout
        return layout
    }

    private func speechLayout(_ sessions: Int) -> SpeechLayout {
        if let layout = speechLayouts[sessions] { return layout }
        let layout = makeSpeechLayout(sessions)
        speechLayouts[sessions] = layout
        return layout
    }
}
