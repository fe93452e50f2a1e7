import Foundation
import Mynah
import SpeechCore

/// What a client has begun to say: a text that comes in pieces, or a recording.
struct WyomingTurn {
    private enum State {
        case idle
        /// What was begun was refused; the rest of it is passed over.
        case refused
        case dictating(AsyncStream<String>.Continuation, SentenceStream, length: Int)
        case recording(WyomingConnection.Transcribe, Sound?)
    }

    /// A recording as far as it has come.
    fileprivate struct Sound {
        var rate: Int
        var channels: Int
        var samples: [Float] = []
        let share: RecordingMemory.Share
    }

    let memory: RecordingMemory
    let limits: Settings.Limits
    private var state = State.idle

    init(limits: Settings.Limits, memory: RecordingMemory) { (self.limits, self.memory) = (limits, memory) }

    /// Whether something was begun and not ended.
    var isOpen: Bool { !isFree }

    private var isFree: Bool {
        switch state {
        case .idle, .refused: true
        case .dictating, .recording: false
        }
    }

    /// Ends a text that its client will not.
    mutating func end() {
        if case .dictating(let feed, _, _) = state { feed.finish() }
        state = .idle
    }

    /// Takes an event, and gives the work that it makes complete, or begins. Events that we do not know are passed
    /// over, as the protocol asks.
    mutating func take(_ event: WyomingEvent) throws -> WyomingConnection.Work? {
        do {
            return try taken(event)
        } catch {
            end()
            state = .refused
            throw error
        }
    }

    private mutating func taken(_ event: WyomingEvent) throws -> WyomingConnection.Work? {
        switch event.type {
        case "synthesize": return try synthesize(event)
        case "synthesize-start": return try begin(event)
        case "synthesize-chunk": try add(event)
        case "synthesize-stop": try stop(event)
        case "transcribe": try transcribe(event)
        case "audio-start", "audio-chunk": try hear(event)
        case "audio-stop": return try heard(event)
        default: break
        }
        return nil
    }

    private func fields(_ event: WyomingEvent) throws -> WyomingEvent.Fields {
        guard let data = event.data else { throw WyomingFailure.unreadable(event.type) }
        guard data.format ?? "text" == "text" else { throw WyomingFailure.markup }
        return data
    }

    private func text(_ event: WyomingEvent) throws -> (String, WyomingEvent.Voice?) {
        let data = try fields(event)
        guard let text = data.text else { throw WyomingFailure.unreadable(event.type) }
        guard text.count <= limits.textCharacters else {
            throw WyomingFailure.textTooLong(limits.textCharacters)
        }
        return (text, data.voice)
    }

    // MARK: speaking

    private func synthesize(_ event: WyomingEvent) throws -> WyomingConnection.Work? {
        // Within a text in pieces it repeats the whole, for servers that know only whole texts.
        if case .dictating = state { return nil }
        let (text, voice) = try text(event)
        let (texts, feed) = AsyncStream.makeStream(of: String.self)
        feed.yield(text)
        feed.finish()
        return .speak(texts, voice, isStreamed: false)
    }

    private mutating func begin(_ event: WyomingEvent) throws -> WyomingConnection.Work {
        guard isFree else { throw WyomingFailure.outOfTurn(event.type) }
        let voice = try fields(event).voice
        let (texts, feed) = AsyncStream.makeStream(of: String.self)
        state = .dictating(feed, SentenceStream(), length: 0)
        return .speak(texts, voice, isStreamed: true)
    }

    private mutating func add(_ event: WyomingEvent) throws {
        if case .refused = state { return }
        guard case .dictating(let feed, var sentences, let length) = state else {
            throw WyomingFailure.outOfTurn(event.type)
        }
        let (text, _) = try text(event)
        guard length + text.count <= limits.textCharacters else {
            throw WyomingFailure.textTooLong(limits.textCharacters)
        }
        for sentence in sentences.append(text) { feed.yield(sentence) }
        state = .dictating(feed, sentences, length: length + text.count)
    }

    private mutating func stop(_ event: WyomingEvent) throws {
        if case .refused = state { return end() }
        guard case .dictating(let feed, var sentences, _) = state else {
            throw WyomingFailure.outOfTurn(event.type)
        }
        if let rest = sentences.finish() { feed.yield(rest) }
        end()
    }

    // MARK: listening

    private mutating func transcribe(_ event: WyomingEvent) throws {
        guard isFree else { throw WyomingFailure.outOfTurn(event.type) }
        let data = try fields(event)
        let wish = WyomingConnection.Transcribe(
            model: data.name, hints: (data.names ?? []) + (data.terms ?? []))
        state = .recording(wish, nil)
    }

    private mutating func hear(_ event: WyomingEvent) throws {
        var (wish, sound) = (WyomingConnection.Transcribe(), Sound?.none)
        switch state {
        case .dictating: throw WyomingFailure.outOfTurn(event.type)
        case .recording(let begunWish, let begunSound): (wish, sound) = (begunWish, begunSound)
        case .refused where event.type == "audio-chunk": return
        case .idle where event.type == "audio-chunk": throw WyomingFailure.outOfTurn(event.type)
        case .idle, .refused: break
        }
        // Moved out while it grows, so that it is not copied with every piece.
        state = .idle
        let data = try fields(event)
        guard data.width == 2, let rate = data.rate, (8_000...192_000).contains(rate),
            let channels = data.channels, (1...8).contains(channels),
            sound.map({ $0.rate == rate && $0.channels == channels }) ?? true,
            event.payload.count % (2 * channels) == 0
        else { throw WyomingFailure.sound }
        var grown = sound ?? Sound(rate: rate, channels: channels, share: RecordingMemory.Share(memory))
        guard
            Double(grown.samples.count + event.payload.count / (2 * channels))
                <= Double(limits.recordingSeconds) * Double(rate)
        else { throw WyomingFailure.recordingTooLong(Double(limits.recordingSeconds)) }
        sound = nil
        try grown.share.grow(by: event.payload.count / (2 * channels) * MemoryLayout<Float>.size)
        grown.append(event.payload)
        state = .recording(wish, grown)
    }

    private mutating func heard(_ event: WyomingEvent) throws -> WyomingConnection.Work? {
        switch state {
        case .dictating, .idle: throw WyomingFailure.outOfTurn(event.type)
        case .refused:
            end()
            return nil
        case .recording(let wish, let sound):
            state = .idle
            guard let sound else { throw WyomingFailure.outOfTurn(event.type) }
            return .transcribe(
                AudioBuffer(samples: sound.samples, sampleRate: sound.rate), wish, sound.share)
        }
    }
}

extension WyomingTurn.Sound {
    /// The mean of the channels of 16-bit samples.
    fileprivate mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { raw in
            for frame in stride(from: 0, to: raw.count, by: 2 * channels) {
                var sum: Float = 0
                for channel in 0..<channels {
                    let stored = raw.loadUnaligned(fromByteOffset: frame + 2 * channel, as: Int16.self)
                    sum += Float(Int16(littleEndian: stored))
                }
                samples.append(sum / Float(32_768 * channels))
            }
        }
    }
}
