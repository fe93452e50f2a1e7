import Foundation
import Mynah
import MynahServer
import SpeechCore
import SpeechTesting
import Testing

struct WireTests {
    private static let audio = AudioBuffer(samples: [0, -0.5, .pi, .infinity], sampleRate: 24_000)
    private static let profile = VoiceProfile(
        name: "ann", family: "f/1", speakerVector: [1, 2.5], codes: [[1, -2], []], transcript: "Für Élise")

    private static let orders: [WorkerOrder] =
        [
            .inspect(WorkerModel(path: "/m", LoadOptions())),
            .load(
                WorkerModel(
                    path: "/m",
                    LoadOptions(quantization: .q8Zero, device: .named("CUDA0"), threads: 3, sessions: 9))),
            .samples([1, 2, 3], of: 1), .cancel, .shutDown,
            .transcribe(
                sampleRate: 16_000,
                TranscriptionOptions(context: "names", maximumTokens: 5, translates: true, seed: 9)),
            .clone(sampleRate: 16_000, transcript: "words", name: "ann"),
        ]
        + [
            Voice.standard, .preset("ryan"), .cloned(Recording(audio, transcript: nil)), .described("low"),
            .prepared(profile),
        ].map {
            .speak(
                SpokenTurns.parted([
                    Utterance(
                        "Text", voice: $0, language: .english, delivery: .instructed("slowly"), speaker: "a"),
                    Utterance("More", speaker: "b"),
                ]).turns,
                SynthesisOptions(
                    seed: .max, sampling: Sampling(temperature: 0.5, topK: 3, topP: 0.25),
                    repetitionPenalty: 1.5,
                    maximumTokens: 7, minimumTokens: 2, wholeText: true, tokensPerSegment: 11,
                    framesPerChunk: 13,
                    diffusionSteps: 17, guidance: 1.25))
        }

    private static let reports: [WorkerReport] = [
        .hello(version: 1),
        .inspected(
            ModelFacts(
                card: .speaks(
                    ModelCard(
                        family: "f", variant: "v", size: "1", sampleRate: 24_000, languages: ["auto"],
                        speakers: ["ryan", "vivian"], clones: true, designs: false, takesInstructions: true)),
                footprint: 1 << 40)),
        .inspected(
            ModelFacts(
                card: .listens(
                    TranscriberCard(
                        family: "f", size: "7B", longestRecording: 3600, tellsSpeakers: true,
                        takesContext: true)),
                footprint: 0)),
        .loading(0.25), .loaded,
        .refused(SpeechError(.corruptData, "Broken.", remedy: "Mend it.", underlying: WireError.truncated)),
        .chunk(AudioChunk(audio: audio, frames: 4)),
        .chunk(AudioChunk(audio: audio, frames: 5, turn: 2, ending: .limit)),
        .profile(profile), .failed(SpeechError(.invalidInput, "No.", remedy: "Yes.")), .beat(resident: .max),
        .event(.listening(0.5)), .event(.writing("[")), .event(.retracted(to: 3)),
        .event(.segment(TranscriptSegment(speaker: "0", start: 0.5, end: nil, text: "Yes."))),
        .event(
            .finished(
                Transcript(
                    segments: [TranscriptSegment(text: "x")], duration: 2, unread: "{",
                    warnings: [.limit, .unread]))),
    ]

    /// A message read back and described, which shows every value in it.
    private func copy<Message: WorkerMessage>(_ message: Message) throws -> String {
        var reader = FrameReader()
        reader.add(try #require(message.bytes(request: 7)))
        let frame = try #require(try reader.next())
        #expect(frame.request == 7)
        return String(reflecting: try Message(frame))
    }

    @Test(arguments: orders.indices) func `an order arrives as it was sent`(_ index: Int) throws {
        #expect(try copy(Self.orders[index]) == String(reflecting: Self.orders[index]))
    }

    @Test(arguments: reports.indices) func `a report arrives as it was sent`(_ index: Int) throws {
        #expect(try copy(Self.reports[index]) == String(reflecting: Self.reports[index]))
    }

    @Test func `a voice of several utterances goes once, and recordings are put back where they were`() throws
    {
        func recording(_ samples: [Float], _ words: String?) -> Voice {
            .cloned(Recording(AudioBuffer(samples: samples, sampleRate: 24_000), transcript: words))
        }
        let (ann, bea) = (recording([1, 2], nil), recording([3], "words"))
        let utterances = [
            Utterance("a", voice: ann, speaker: "Ann"), Utterance("b", voice: bea, speaker: "Bea"),
            Utterance("c", voice: recording([1, 2], nil), speaker: "Ann"), Utterance("d"),
        ]
        let (turns, recordings) = SpokenTurns.parted(utterances)
        #expect(recordings == [[1, 2], [3]])
        var wire = WireWriter()
        wire.put(turns)
        var reader = WireReader(wire.bytes[...])
        let read = try SpokenTurns(from: &reader)
        let back = try #require(read.utterances(recordings: recordings))
        #expect(String(reflecting: back) == String(reflecting: utterances))
        #expect(read.utterances(recordings: [[1, 2]]) == nil)
        #expect(read.utterances(recordings: [[1], [2], [3]]) == nil)
    }

    @Test func `samples keep every bit`() throws {
        let odd = [Float(bitPattern: 0x7fc0_1234), -0.0, .leastNonzeroMagnitude]
        var reader = FrameReader()
        reader.add(try #require(WorkerOrder.samples(odd, of: 0).bytes(request: 0)))
        guard case .samples(let back, 0) = try WorkerOrder(try #require(try reader.next())) else {
            Issue.record("samples are samples")
            return
        }
        #expect(back.map(\.bitPattern) == odd.map(\.bitPattern))
    }

    @Test func `frames are found however the pipe parts them`() throws {
        let bytes = Self.reports.compactMap { $0.bytes(request: 1) }
        for size in [1, 3, 7, 1000] {
            var (reader, found) = (FrameReader(), [[UInt8]]())
            let stream = bytes.flatMap { $0 }
            for start in stride(from: 0, to: stream.count, by: size) {
                reader.add(stream[start..<min(start + size, stream.count)])
                while let frame = try reader.next() { found.append(try #require(frame.bytes)) }
            }
            #expect(found == bytes)
        }
    }

    @Test func `a message longer than a frame is not sent and one announced is not waited for`() throws {
        #expect(
            WorkerOrder.samples([Float](repeating: 0, count: Frame.longest / 4), of: 0).bytes(request: 0)
                == nil)
        var reader = FrameReader()
        reader.add([0xff, 0xff, 0xff, 0x7f])
        #expect(throws: WireError.frameTooLong(0x7fff_ffff)) { try reader.next() }
        var short = FrameReader()
        short.add([4, 0, 0, 0, 1, 1, 1, 1])
        #expect(throws: WireError.frameTooShort(4)) { try short.next() }
    }

    @Test(
        arguments: [
            (9, [1], .leftOver(1)), (99, [], .unknown("order", 99)), (3, [255, 255, 255, 255], .truncated),
            (4, [0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0xc3, 0x28], .invalid("text")),
            (4, [1, 0, 0, 0, 9], .unknown("voice", 9)),
            (
                4, [0, 0, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 18),
                .invalid("a voice's number")
            ),
            (5, [0, 0], .truncated),
        ] as [(UInt8, [UInt8], WireError)])
    func `what is no order is told as such`(_ kind: UInt8, _ payload: [UInt8], _ error: WireError) {
        #expect(throws: error) {
            try WorkerOrder(Frame(kind: kind, request: 1, payload: payload[...]))
        }
    }

    @Test func `a sound without a rate is none`() {
        let payload: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(throws: WireError.invalid("a sample rate")) {
            try WorkerReport(Frame(kind: 6, request: 1, payload: payload[...]))
        }
    }

    @Test func `damaged messages are errors or other messages, and never the end of the server`() throws {
        let iterations =
            ProcessInfo.processInfo.environment["MYNAH_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 2000
        var mutator = Mutator(seed: 16)
        let valid =
            Self.reports.compactMap { $0.bytes(request: 3) } + Self.orders.compactMap { $0.bytes(request: 3) }
        var (read, refused) = (0, 0)
        for iteration in 0..<iterations {
            let bytes = mutator.mutate(valid[iteration % valid.count], with: valid)
            var reader = FrameReader()
            reader.add(bytes)
            do {
                while let frame = try reader.next() {
                    _ = try? WorkerOrder(frame)
                    _ = try WorkerReport(frame)
                    read += 1
                }
            } catch { refused += 1 }
        }
        #expect(read > 0 && refused > 0)
    }
}
