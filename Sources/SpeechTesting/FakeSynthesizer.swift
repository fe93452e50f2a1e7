import Foundation
package import SpeechCore
import Synchronization

/// Speaks a sine tone, a fixed number of frames for each character: what surrounds a model can be tested without
/// one. What it did is in its `log`.
package final class FakeSynthesizer: Synthesizer {
    /// What a fake did, in order.
    package enum Event: Sendable, Equatable {
        /// A request of this text was taken in.
        case began(String)
        /// A step that moved on the requests of these texts.
        case stepped([String])
        /// The request of this text was forgotten before its end.
        case cancelled(String)
        /// The last of this text was given.
        case ended(String)
        /// The fake is no more.
        case released
    }

    /// What a fake did, readable from outside its thread.
    package final class Log: Sendable {
        private let stored = Mutex<[Event]>([])
        package init() {}
        package var events: [Event] { stored.withLock { $0 } }
        /// The threads it was used on.
        package var threads: Set<UInt> { used.withLock { $0 } }
        private let used = Mutex<Set<UInt>>([])

        func add(_ event: Event) { stored.withLock { $0.append(event) } }
        func noteThread() { _ = used.withLock { $0.insert(Self.currentThread) } }

        /// A number for the thread that asks.
        package static var currentThread: UInt { UInt(bitPattern: ObjectIdentifier(Thread.current)) }
    }

    /// How a fake behaves.
    package struct Behaviour: Sendable {
        /// Requests at once.
        package var places = 2
        /// Frames for each character of the text.
        package var framesPerCharacter = 2
        /// Seconds that a step takes.
        package var secondsPerStep = 0.0
        /// A request of this text is refused.
        package var refused: String?
        /// Steps after which a step throws.
        package var stepsToFailure: Int?
        /// Frames after which a request ends at its limit.
        package var limit = Int.max
        /// What the card says of text that is still being written.
        package var textIntake = TextIntake.whole
        /// What the card says of dialogues.
        package var dialogueSpeakers = 1

        package init() {}
    }

    private struct Speaking {
        var text: String
        var incoming: IncomingText?
        let framesPerCharacter: Int
        var frames = 0
        var total: Int { max(1, text.count * framesPerCharacter) }
        /// Whether every frame of the text that has come is spoken, and more may come.
        var isWaiting: Bool { incoming != nil && frames >= text.count * framesPerCharacter }

        /// Takes what has come of the text.
        mutating func readText() {
            guard let (piece, isOver) = incoming?.take() else { return }
            text += piece
            if isOver { incoming = nil }
        }
    }

    package let card: ModelCard
    package private(set) var timings = StageTimings()
    private let behaviour: Behaviour
    private let log: Log
    private var speaking: [Int: Speaking] = [:]
    private var last = 0
    private var steps = 0

    /// Samples of one frame.
    package static let samplesPerFrame = 1920

    package init(_ behaviour: Behaviour = Behaviour(), log: Log = Log()) {
        (self.behaviour, self.log) = (behaviour, log)
        card = ModelCard(
            family: "fake", variant: "sine", size: "0", sampleRate: 24_000, languages: ["auto", "english"],
            speakers: ["ann"], clones: true, designs: false, takesInstructions: false,
            textIntake: behaviour.textIntake, dialogueSpeakers: behaviour.dialogueSpeakers)
        log.noteThread()
    }

    deinit { log.add(.released) }

    package var hasRoom: Bool { speaking.count < behaviour.places }

    package func begin(_ utterance: Utterance, _ options: SynthesisOptions) throws -> Int {
        try begin(utterance.text)
    }

    package func begin(
        _ utterance: Utterance, reading text: IncomingText, _ options: SynthesisOptions
    ) throws -> Int {
        try begin("", reading: text)
    }

    /// Speaks the turns' texts as one, each after a bar.
    package func begin(dialogue: [Utterance], _ options: SynthesisOptions) throws -> Int {
        try begin(dialogue.map { "|" + $0.text }.joined())
    }

    private func begin(_ text: String, reading incoming: IncomingText? = nil) throws -> Int {
        log.noteThread()
        guard text != behaviour.refused else {
            throw SpeechError(.invalidInput, "This text is refused.", remedy: "Say something else.")
        }
        last += 1
        speaking[last] = Speaking(
            text: text, incoming: incoming, framesPerCharacter: behaviour.framesPerCharacter)
        log.add(.began(text))
        return last
    }

    package var isStarved: Bool { !speaking.isEmpty && speaking.values.allSatisfy(\.isWaiting) }

    package func step() throws -> [(request: Int, chunk: AudioChunk)] {
        log.noteThread()
        if behaviour.secondsPerStep > 0 { Thread.sleep(forTimeInterval: behaviour.secondsPerStep) }
        steps += 1
        if let limit = behaviour.stepsToFailure, steps > limit { throw FakeFailure.broken(step: steps) }
        for number in speaking.keys { speaking[number]?.readText() }
        log.add(.stepped(speaking.keys.sorted().compactMap { speaking[$0]?.text }))
        return speaking.keys.sorted().compactMap { number in
            guard var one = speaking[number], !one.isWaiting else { return nil }
            // A text may end after all of it was spoken.
            let isSilent = one.frames > 0 && one.frames >= one.total
            if !isSilent { one.frames += 1 }
            let ending: AudioChunk.Ending? =
                one.frames >= one.total && one.incoming == nil
                ? .natural : one.frames >= behaviour.limit ? .limit : nil
            speaking[number] = ending == nil ? one : nil
            if ending != nil { log.add(.ended(one.text)) }
            timings.frames += 1
            return (
                number,
                AudioChunk(
                    audio: isSilent
                        ? AudioBuffer(samples: [], sampleRate: 24_000) : Self.tone(frame: one.frames - 1),
                    frames: one.frames, ending: ending)
            )
        }
    }

    package func cancel(_ request: Int) {
        log.noteThread()
        guard let one = speaking.removeValue(forKey: request) else { return }
        log.add(.cancelled(one.text))
    }

    package func prepare(_ recording: Recording, name: String) throws -> VoiceProfile {
        log.noteThread()
        return VoiceProfile(
            name: name, family: card.family, speakerVector: [1, 2, 3],
            codes: recording.transcript == nil ? [] : [[0, 1], [2, 3]], transcript: recording.transcript)
    }

    /// The samples of one frame of the tone.
    package static func tone(frame: Int) -> AudioBuffer {
        let samples = (0..<samplesPerFrame).map { index in
            Float(0.1 * sin(2 * Double.pi * 440 * Double(frame * samplesPerFrame + index) / 24_000))
        }
        return AudioBuffer(samples: samples, sampleRate: 24_000)
    }
}

/// The error that a fake's step throws on demand.
package enum FakeFailure: Error, Equatable {
    case broken(step: Int)
}
