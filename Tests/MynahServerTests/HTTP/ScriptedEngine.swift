import MynahServer
import SpeechCore
import Synchronization

/// An engine whose texts say what it does.
final class ScriptedEngine: SpeechEngine {
    /// One chunk, and the rest when `release` is called.
    static let gated = "gated"
    /// Chunks until nobody listens.
    static let endless = "endless"
    /// One chunk, then the process ends.
    static let breaking = "breaking"
    /// One chunk and no ending.
    static let unfinished = "unfinished"
    static let refused = "refused"
    /// As a context, a transcript of which something cannot be read.
    static let damaged = "damaged"
    static let busy = "busy"
    /// Refused when its turn comes.
    static let failing = "failing"
    /// Nothing, ever.
    static let silent = "silent"

    static let chunk: [Float] = (0..<2_400).map { Float($0 % 96) / 192 - 0.25 }

    let orders = Mutex<[SpeechOrder]>([])
    let heard = Mutex<[TranscriptionOrder]>([])
    private let gate = AsyncStream.makeStream(of: Void.self)
    private let departures = AsyncStream.makeStream(of: String.self)

    /// Texts whose listener left.
    var left: AsyncStream<String> { departures.stream }

    func release() { gate.continuation.finish() }

    func models() async -> [EngineModel] {
        [
            EngineModel(name: "speaker", listens: false, state: .ready),
            EngineModel(name: "designer", listens: false, state: .idle),
            EngineModel(name: "listener", listens: true, state: .idle),
        ]
    }

    func card(of model: String) async throws -> EngineCard {
        func card(_ speakers: [String], clones: Bool, designs: Bool) -> EngineCard {
            .speaks(
                ModelCard(
                    family: "fake", variant: "tone", size: "0", sampleRate: 24_000,
                    languages: ["auto", "english", "german"], speakers: speakers, clones: clones,
                    designs: designs,
                    takesInstructions: true, generation: designs ? .diffusion : .sampling,
                    dialogueSpeakers: designs ? 1 : 3))
        }
        switch model {
        case "speaker": return card(["ryan", "vivian"], clones: true, designs: false)
        case "designer": return card([], clones: false, designs: true)
        case "listener":
            return .listens(
                TranscriberCard(
                    family: "fake", size: "0", longestRecording: 30, tellsSpeakers: true, takesContext: true))
        default: throw EngineError.unknownModel(model, known: ["speaker", "designer", "listener"])
        }
    }

    func speak(_ order: SpeechOrder) async throws -> AsyncThrowingStream<AudioChunk, any Error> {
        orders.withLock { $0.append(order) }
        let text = order.utterance.text
        switch text {
        case Self.refused:
            throw EngineError.speech(
                SpeechError(.unknownLanguage, "No such language.", remedy: "Choose another."))
        case Self.busy: throw EngineError.busy(order.model, retryAfter: 3)
        default: break
        }
        let (stream, continuation) = AsyncThrowingStream<AudioChunk, any Error>.makeStream()
        let released = gate.stream
        let task = Task {
            await Self.play(text, released, continuation)
        }
        continuation.onTermination = { [departures] reason in
            task.cancel()
            if case .cancelled = reason { departures.continuation.yield(text) }
        }
        return stream
    }

    private static func play(
        _ text: String, _ released: AsyncStream<Void>,
        _ continuation: AsyncThrowingStream<AudioChunk, any Error>.Continuation
    ) async {
        func give(_ number: Int, _ ending: AudioChunk.Ending? = nil) {
            continuation.yield(
                AudioChunk(
                    audio: AudioBuffer(samples: chunk, sampleRate: 24_000), frames: number, ending: ending))
        }
        if text == silent { return }
        if text == failing {
            let error = SpeechError(.invalidInput, "There is no text to say.", remedy: "Give some words.")
            return continuation.finish(throwing: EngineError.speech(error))
        }
        give(1)
        switch text {
        case endless:
            var number = 1
            while !Task.isCancelled {
                number += 1
                give(number)
                await Task.yield()
                try? await Task.sleep(for: .milliseconds(1))
            }
        case gated:
            for await _ in released {}
            give(2, .natural)
        case breaking: return continuation.finish(throwing: EngineError.crashed("speaker"))
        case unfinished: break
        default:
            for number in 2..<10 { give(number) }
            give(10, .natural)
        }
        continuation.finish()
    }

    func transcribe(
        _ order: TranscriptionOrder
    ) async throws -> AsyncThrowingStream<TranscriptionEvent, any Error> {
        heard.withLock { $0.append(order) }
        let segments = [
            TranscriptSegment(speaker: "0", start: 0, end: 0.5, text: "Good morning."),
            TranscriptSegment(start: 0.5, end: 0.6, text: "[Silence]"),
            TranscriptSegment(speaker: "1", start: 0.6, end: 1, text: "And <to> you."),
        ]
        return AsyncThrowingStream { continuation in
            continuation.yield(.listening(1))
            for word in ["Good", "Good morning"] { continuation.yield(.writing(word)) }
            for segment in segments { continuation.yield(.segment(segment)) }
            continuation.yield(
                .finished(
                    Transcript(
                        segments: segments, duration: order.audio.duration,
                        unread: order.options.context == Self.damaged ? "{\"Content\":\"Bye" : nil)))
            continuation.finish()
        }
    }

    func clone(_ recording: Recording, name: String, model: String) async throws -> VoiceProfile {
        if name.hasPrefix("slow") { try await Task.sleep(for: .milliseconds(500)) }
        return VoiceProfile(
            name: name, family: "fake", speakerVector: [1, 2],
            codes: recording.transcript == nil ? [] : [[1, 2]],
            transcript: recording.transcript)
    }
}
