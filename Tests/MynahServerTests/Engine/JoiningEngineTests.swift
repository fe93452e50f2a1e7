import Foundation
import Mynah
import MynahServer
import SpeechCore
import Synchronization
import Testing

/// An engine whose answers a test gives by hand.
private final class HandEngine: SpeechEngine {
    final class Asked: Sendable {
        let text: String
        let continuation: AsyncThrowingStream<AudioChunk, any Error>.Continuation
        private let isLeft = Mutex(false)

        init(_ text: String, _ continuation: AsyncThrowingStream<AudioChunk, any Error>.Continuation) {
            (self.text, self.continuation) = (text, continuation)
            continuation.onTermination = { [weak self] reason in
                if case .cancelled = reason { self?.isLeft.withLock { $0 = true } }
            }
        }

        var wasLeft: Bool { isLeft.withLock { $0 } }

        func say(_ frame: Int, ending: AudioChunk.Ending? = nil) {
            let audio = AudioBuffer(samples: [Float(frame)], sampleRate: 24_000)
            continuation.yield(AudioChunk(audio: audio, frames: frame, ending: ending))
            if ending != nil { continuation.finish() }
        }
    }

    private let requests = Mutex<[Asked]>([])
    var asked: [Asked] { requests.withLock { $0 } }

    func models() async -> [EngineModel] { [] }
    func card(of model: String) async throws -> EngineCard { throw EngineError.closing }
    func transcribe(_ order: TranscriptionOrder) async throws
        -> AsyncThrowingStream<TranscriptionEvent, any Error>
    { throw EngineError.closing }
    func clone(_ recording: Recording, name: String, model: String) async throws -> VoiceProfile {
        throw EngineError.closing
    }
    func speak(_ order: SpeechOrder) async throws -> AsyncThrowingStream<AudioChunk, any Error> {
        let (stream, continuation) = AsyncThrowingStream<AudioChunk, any Error>.makeStream()
        requests.withLock { $0.append(Asked(order.utterance.text, continuation)) }
        if order.utterance.text == "refused" { throw EngineError.busy("m", retryAfter: 3) }
        return stream
    }
}

struct JoiningEngineTests {
    private let hand = HandEngine()

    private func order(_ text: String, seed: UInt64? = nil) -> SpeechOrder {
        SpeechOrder(model: "m", utterances: [Utterance(text)], options: SynthesisOptions(seed: seed))
    }

    private func frames(_ stream: AsyncThrowingStream<AudioChunk, any Error>) async throws -> [Int] {
        var frames: [Int] = []
        for try await chunk in stream { frames.append(chunk.frames) }
        return frames
    }

    @Test func `a request that is repeated joins the first and hears all of it`() async throws {
        let engine = JoiningEngine(hand)
        let first = try await engine.speak(order("a"))
        hand.asked[0].say(1)
        var heard = first.makeAsyncIterator()
        #expect(try await heard.next()?.frames == 1)
        let second = try await engine.speak(order("a"))
        hand.asked[0].say(2, ending: .natural)
        #expect(try await frames(second) == [1, 2])
        #expect(try await heard.next()?.frames == 2)
        #expect(try await heard.next() == nil)
        #expect(hand.asked.count == 1)
    }

    @Test(arguments: [("a", 1, "b", 1), ("a", 1, "a", 2)] as [(String, UInt64, String, UInt64)])
    func `requests that differ are answered apart`(
        _ text: String, _ seed: UInt64, _ other: String, _ otherSeed: UInt64
    ) async throws {
        let engine = JoiningEngine(hand)
        let streams = [
            try await engine.speak(order(text, seed: seed)),
            try await engine.speak(order(other, seed: otherSeed)),
        ]
        #expect(hand.asked.count == 2)
        withExtendedLifetime(streams) {}
    }

    @Test func `a request after the end is answered anew`() async throws {
        let engine = JoiningEngine(hand)
        for turn in 0..<2 {
            let stream = try await engine.speak(order("a"))
            hand.asked[turn].say(1, ending: .natural)
            #expect(try await frames(stream) == [1])
        }
        #expect(hand.asked.count == 2)
    }

    @Test func `work goes on while anyone listens and stops with the last`() async throws {
        let engine = JoiningEngine(hand)
        var first: AsyncThrowingStream<AudioChunk, any Error>? = try await engine.speak(order("a"))
        var second: AsyncThrowingStream<AudioChunk, any Error>? = try await engine.speak(order("a"))
        var heard = try #require(second).makeAsyncIterator()
        first = nil
        hand.asked[0].say(1)
        #expect(try await heard.next()?.frames == 1)
        #expect(!hand.asked[0].wasLeft)
        second = nil
        heard = AsyncThrowingStream<AudioChunk, any Error> { $0.finish() }.makeAsyncIterator()
        try await settle { hand.asked[0].wasLeft }
        // And what is asked then begins anew.
        let third = try await engine.speak(order("a"))
        #expect(hand.asked.count == 2)
        withExtendedLifetime((first, third)) {}
    }

    @Test func `all who joined are told of a failure`() async throws {
        let engine = JoiningEngine(hand)
        let streams = [try await engine.speak(order("a")), try await engine.speak(order("a"))]
        hand.asked[0].continuation.finish(throwing: EngineError.crashed("m"))
        for stream in streams {
            await #expect(throws: EngineError.crashed("m")) { _ = try await frames(stream) }
        }
    }

    @Test func `a refusal is told and not remembered`() async throws {
        let engine = JoiningEngine(hand)
        for _ in 0..<2 {
            await #expect(throws: EngineError.busy("m", retryAfter: 3)) {
                _ = try await engine.speak(order("refused"))
            }
            // The refused answer is forgotten by a job of its own.
            await Task.yield()
        }
        #expect(hand.asked.count == 2)
    }

    @Test func `nobody joins what is too long to keep`() async throws {
        let engine = JoiningEngine(hand, most: 100)
        let first = try await engine.speak(order("a"))
        hand.asked[0].say(1)
        hand.asked[0].say(2)
        var heard = first.makeAsyncIterator()
        for frame in 1...2 { #expect(try await heard.next()?.frames == frame) }
        let second = try await engine.speak(order("a"))
        #expect(hand.asked.count == 2)
        hand.asked[0].say(3, ending: .natural)
        #expect(try await heard.next()?.frames == 3)
        withExtendedLifetime(second) {}
    }

    /// Whoever is ended while an element is on its way to it must not hold up the answer.
    @Test(.timeLimit(.minutes(2)))
    func `listeners who leave while they are given something hold up nobody`() async throws {
        let engine = JoiningEngine(hand)
        for turn in 0..<40 {
            let asked = order("\(turn)")
            let stays = try await engine.speak(asked)
            let leavers = try await withThrowingTaskGroup(of: Task<Void, Never>.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        let stream = try await engine.speak(asked)
                        return Task { do { for try await _ in stream {} } catch {} }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let request = hand.asked[turn]
            // A thread of its own ends them, as a connection's does.
            let thread = Thread { for leaver in leavers { leaver.cancel() } }
            thread.start()
            for frame in 1..<200 { request.say(frame) }
            request.say(200, ending: .natural)
            #expect(try await frames(stays) == Array(1...200))
            for leaver in leavers { await leaver.value }
        }
    }
}
