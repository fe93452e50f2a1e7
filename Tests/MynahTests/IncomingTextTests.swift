import Mynah
import SpeechCore
import SpeechTesting
import Synchronization
import Testing

/// Text that is still being written, through a model's public face.
struct IncomingTextTests {
    private let log = FakeSynthesizer.Log()

    private func model(_ intake: TextIntake, places: Int = 2) async throws -> SpeechModel {
        var behaviour = FakeSynthesizer.Behaviour()
        (behaviour.textIntake, behaviour.places) = (intake, places)
        return try await SpeechModel.load(name: "fake") { [behaviour, log] in
            FakeSynthesizer(behaviour, log: log)
        }
    }

    private var begun: [String] {
        log.events.compactMap { if case .began(let text) = $0 { text } else { nil } }
    }
    private var steps: Int { log.events.count { if case .stepped = $0 { true } else { false } } }
    private static let frame = FakeSynthesizer.samplesPerFrame

    /// Waits until a condition holds; fails after some seconds.
    private func settle(_ condition: () -> Bool) async throws {
        for _ in 0..<500 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(condition())
    }

    @Test func `sound comes before the text is over, and the model rests while it waits`() async throws {
        let model = try await model(.streaming)
        let (text, writer) = AsyncStream<String>.makeStream()
        var chunks = model.stream(text).makeAsyncIterator()
        writer.yield(" \n")
        writer.yield("ab")
        for _ in 0..<8 { #expect(try await chunks.next()?.ending == nil) }
        let rested = steps
        // Others are spoken meanwhile, and when they are done nothing turns.
        #expect(try await model.speak("other").samples.count == 10 * Self.frame)
        let after = steps
        #expect(after >= rested + 10 && after <= rested + 12)
        writer.yield("c")
        writer.finish()
        var (frames, ending) = (0, AudioChunk.Ending?.none)
        while let chunk = try await chunks.next() { (frames, ending) = (chunk.frames, chunk.ending) }
        #expect(frames == 2 * 5 && ending == .natural)
    }

    @Test func `an error of the text ends the speech and is thrown as it is`() async throws {
        struct Broken: Error, Equatable {}
        for intake in [TextIntake.streaming, .sentences, .whole] {
            let model = try await model(intake)
            let (text, writer) = AsyncThrowingStream<String, any Error>.makeStream()
            writer.yield("One two. Three")
            writer.finish(throwing: Broken())
            await #expect(throws: Broken.self) { for try await _ in model.stream(text) {} }
            // The place is free again.
            #expect(try await model.speak("a").samples.count == 2 * Self.frame)
        }
    }

    @Test func `leaving stops the reading of the text and the model, also while it waits`() async throws {
        for intake in [TextIntake.streaming, .sentences] {
            let model = try await model(intake, places: 1)
            let (text, writer) = AsyncStream<String>.makeStream()
            let gone = Gone()
            writer.onTermination = { _ in gone.note() }
            writer.yield("One two. Three")
            let stream = model.stream(text)
            // To the end of the first sentence, after which both wait for more of the text.
            func listen() async throws { for try await chunk in stream where chunk.frames == 16 { break } }
            try await listen()
            try await settle { gone.isNoted }
            #expect(try await model.speak("next").samples.count == 8 * Self.frame)
        }
    }

    @Test func `a model that needs a sentence is given one at a time, one that needs all is given all`()
        async throws
    {
        let pieces = ["One tw", "o. Thre", "e four! ", "Five"]
        let (text, writer) = AsyncStream<String>.makeStream()
        for piece in pieces { writer.yield(piece) }
        writer.finish()
        var (samples, frames) = (0, 0)
        for try await chunk in try await model(.sentences).stream(text) {
            samples += chunk.audio.samples.count
            frames = chunk.frames
        }
        #expect(begun == ["One two.", "Three four!", "Five"])
        #expect(frames == 2 * (8 + 11 + 4))
        #expect(samples > frames * Self.frame, "pauses stand between sentences")
        let (again, second) = AsyncStream<String>.makeStream()
        for piece in pieces { second.yield(piece) }
        second.finish()
        for try await _ in try await model(.whole).stream(again) {}
        #expect(begun.last == pieces.joined())
    }

    @Test func `a text without a word is refused and takes nobody's place`() async throws {
        for intake in [TextIntake.streaming, .sentences, .whole] {
            let model = try await model(intake)
            let (text, writer) = AsyncStream<String>.makeStream()
            writer.yield(" \n")
            writer.finish()
            await #expect {
                for try await _ in model.stream(text) {}
            } throws: { ($0 as? SpeechError)?.code == .invalidInput }
        }
        #expect(begun.isEmpty)
    }

    @Test func `turns are one dialogue for a model that speaks dialogues, else spoken one by one`()
        async throws
    {
        var behaviour = FakeSynthesizer.Behaviour()
        behaviour.dialogueSpeakers = 4
        let gifted = try await SpeechModel.load(name: "fake") { [behaviour, log] in
            FakeSynthesizer(behaviour, log: log)
        }
        let scene = [Utterance("ab", speaker: "Ann"), Utterance("c", speaker: "Bob")]
        _ = try await gifted.speak(scene)
        for try await _ in gifted.stream(scene) {}
        #expect(begun == ["|ab|c", "|ab|c"])
        var turns: [Int?] = []
        for try await chunk in try await model(.whole).stream(scene) { turns.append(chunk.turn) }
        #expect(begun.suffix(2) == ["ab", "c"])
        #expect(turns.first == 1 && turns.dropLast().last == 2)
    }

    /// Something that happens once.
    private final class Gone: Sendable {
        private let noted = Mutex(false)
        var isNoted: Bool { noted.withLock { $0 } }
        func note() { noted.withLock { $0 = true } }
    }
}
