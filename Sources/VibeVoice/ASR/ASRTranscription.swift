import NeuralLayers
import SpeechCore
import TensorGraph
import TextProcessing

/// One recording being written down: heard by the encoders, read with the question by the language model, and
/// answered token by token.
final class ASRTranscription: Transcription {
    private enum Phase { case hearing, reading(next: Int), writing, over }

    /// Everything about the request that does not change.
    struct Plan {
        let prompt: ASRPrompt
        let duration: Double
        let maximumTokens: Int
        let seed: UInt64
    }

    private let model: ASRModel
    private let plan: Plan
    private let device: Device
    private let listener: ASRListener
    private let decoder: ASRDecoder
    private var answer: ASRAnswer
    private var phase = Phase.hearing
    private var sampler: Sampler
    /// Tokens drawn in all, those of dropped attempts too: the limit holds for the work, not for what is kept.
    private var drawn = 0
    private var told = 0
    private(set) var timings = TranscriptionTimings()

    init(
        _ model: ASRModel, _ samples: [Float], _ plan: Plan, on device: Device, half: Bool
    ) throws(DeviceError) {
        (self.model, self.plan, self.device) = (model, plan, device)
        listener = ASRListener(model, samples, on: device)
        decoder = try ASRDecoder(
            model.language, on: device,
            capacity: plan.prompt.count + plan.maximumTokens + ASRAnswer.spareTokens, half: half)
        answer = ASRAnswer(model.prompts.tokenizer)
        sampler = Sampler(seed: plan.seed)
    }

    /// Tokens of the answer so far.
    var tokens: [Int32] { answer.tokens }

    func step() throws -> [TranscriptionEvent] {
        let events = advance()
        try device.check()
        return events
    }

    private func advance() -> [TranscriptionEvent] {
        switch phase {
        case .hearing:
            let before = listener.progress
            timings.encodeSeconds += ContinuousClock.seconds { listener.step() }
            timings.heardSeconds += (listener.progress - before) * plan.duration
            if listener.isDone { phase = .reading(next: 0) }
            return [.listening(listener.progress * 0.5)]
        case .reading(let next): return read(from: next)
        case .writing: return write()
        case .over: return []
        }
    }

    // MARK: reading

    private func read(from start: Int) -> [TranscriptionEvent] {
        let end = min(start + ASRDecoder.rowsTogether, plan.prompt.count)
        timings.prefillSeconds += ContinuousClock.seconds { decoder.feed(promptRows(start..<end), at: start) }
        timings.prefillRows += end - start
        phase = end == plan.prompt.count ? .writing : .reading(next: end)
        return [.listening(0.5 + 0.5 * Double(end) / Double(plan.prompt.count))]
    }

    /// The model's input for a part of the prompt: embeddings, and the connectors' rows where the recording stands.
    private func promptRows(_ range: Range<Int>) -> [Float] {
        let prompt = plan.prompt
        let heard = prompt.before.count..<prompt.before.count + prompt.frames
        let (before, frames) = (range.clamped(to: 0..<heard.lowerBound), range.clamped(to: heard))
        let after = range.clamped(to: heard.upperBound..<max(heard.upperBound, prompt.count))
        var rows = decoder.rows(prompt.before[before])
        if !frames.isEmpty {
            let part = listener.frames[
                frames.lowerBound - heard.lowerBound..<frames.upperBound - heard.lowerBound]
            rows += model.connectors(part, on: device).sum
        }
        let tail = prompt.after[(after.lowerBound - heard.upperBound)..<(after.upperBound - heard.upperBound)]
        return rows + decoder.rows(tail)
    }

    // MARK: writing

    private func write() -> [TranscriptionEvent] {
        let token = draw()
        drawn += 1
        guard token != model.prompts.endOfText, token != model.prompts.endOfTurn else { return finish([]) }
        let text = answer.append(token)
        var events: [TranscriptionEvent] = text.isEmpty ? [] : [.writing(text)]
        events += tellSegments()
        guard drawn < plan.maximumTokens else { return events + finish([.limit]) }
        if answer.isLoop { return events + recover() }
        timings.writeSeconds += ContinuousClock.seconds {
            decoder.feed([token], at: plan.prompt.count + answer.tokens.count - 1)
        }
        timings.tokens += 1
        return events
    }

    private func draw() -> Int32 {
        let temperature = answer.temperature
        var rules = Sampler.Rules(
            Sampling(isRandom: temperature > 0, temperature: max(temperature, 0.01), topK: 0, topP: 0.95))
        rules.end = Int(model.prompts.endOfText)
        return Int32(decoder.scores.withUnsafeBufferPointer { sampler.draw($0, rules) })
    }

    private func tellSegments() -> [TranscriptionEvent] {
        let new = answer.reply.segments[told...]
        told += new.count
        return new.map { .segment($0) }
    }

    /// Goes back to before the circle, and on from there with a little chance; gives up after a few times.
    private func recover() -> [TranscriptionEvent] {
        let isOver = !answer.rewind()
        var events: [TranscriptionEvent] = []
        if answer.reply.segments.count < told {
            told = answer.reply.segments.count
            events.append(.retracted(to: told))
        }
        guard !isOver else { return events + finish([.repetition]) }
        // The row whose scores come next may be the prompt's last.
        let start = answer.unfed
        if start == 0, let last = plan.prompt.after.last {
            decoder.feed([last] + answer.tokens, at: plan.prompt.count - 1)
        } else {
            decoder.feed(Array(answer.tokens[start...]), at: plan.prompt.count + start)
        }
        return events
    }

    private func finish(_ warnings: [Transcript.Warning]) -> [TranscriptionEvent] {
        phase = .over
        let text = answer.finish()
        var events: [TranscriptionEvent] = text.isEmpty ? [] : [.writing(text)]
        events += tellSegments()
        let transcript = Transcript(reply: answer.reply.text, duration: plan.duration, warnings: warnings)
        return events + [.finished(transcript)]
    }
}
