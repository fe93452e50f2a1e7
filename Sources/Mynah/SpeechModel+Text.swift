import AudioDSP
import Foundation
public import SpeechCore
import TextProcessing

extension SpeechModel {
    /// Speaks a text while it is being written, as a language model writes it: pieces of any length, cut anywhere.
    ///
    /// How soon sound comes is on the card (`ModelCard.textIntake`). With `streaming` it leaves after the first few
    /// words, and is the sound that the whole text would have had; with `sentences` after the first sentence; with
    /// `whole` after the last word. Leaving the stream stops the reading of `text` too; an error of `text` ends the
    /// stream and is thrown there as it is.
    ///
    /// - Parameters:
    ///   - text: pieces that laid end to end are the text.
    ///   - voice: who says it.
    ///   - language: the language, or `auto`.
    ///   - delivery: how it is said.
    ///   - options: choices about generation.
    public nonisolated func stream<Text: AsyncSequence & Sendable>(
        _ text: Text, voice: Voice = .standard, language: Language = .auto, delivery: Delivery = .plain,
        options: SynthesisOptions = SynthesisOptions()
    ) -> SpeechStream where Text.Element == String {
        let utterance = Utterance("", voice: voice, language: language, delivery: delivery)
        guard card.textIntake == .streaming else {
            let stream = promise([utterance], options)
            relay(as: stream.request) { [sentences = card.textIntake == .sentences] relay in
                try await relay.speak(text, like: utterance, sentences: sentences)
            }
            return stream
        }
        let incoming = IncomingText()
        let stream = promise([utterance], reading: incoming, options)
        let request = stream.request
        request.supplied(
            by: Task {
                do {
                    try await self.pass(text, through: incoming, of: request)
                } catch {
                    request.fail(error)
                }
            })
        return stream
    }

    /// Brings text to the model, which is told of the request with its first word: a text that never has one keeps
    /// nobody's place.
    private nonisolated func pass<Text: AsyncSequence>(
        _ text: Text, through incoming: IncomingText, of request: SpeechRequest
    ) async throws where Text.Element == String {
        var (hasWords, last) = (false, "")
        for try await piece in text {
            // A control token may come in pieces; none is as long as what is kept.
            last = String(last.suffix(64)) + piece
            try await check(last)
            incoming.append(piece)
            if !hasWords, piece.contains(where: { !$0.isWhitespace }) {
                hasWords = true
                add(request)
            }
            if hasWords { await wake() }
        }
        try Task.checkCancellation()
        guard hasWords else { throw SpeechError.noText }
        incoming.finish()
        await wake()
    }

    /// Speaks utterances one after the other as one request.
    nonisolated func speakInTurn(_ utterances: [Utterance], as request: SpeechRequest) {
        relay(as: request) { relay in
            for (index, utterance) in utterances.enumerated() {
                try await relay.speak(utterance, turn: index + 1)
            }
        }
    }

    private nonisolated func relay(
        as request: SpeechRequest, _ body: @escaping @Sendable (inout SpeechRelay) async throws -> Void
    ) {
        request.supplied(
            by: Task {
                var relay = SpeechRelay(self, request)
                do {
                    try await body(&relay)
                    try relay.finish()
                } catch {
                    request.fail(error)
                }
            })
    }
}

extension SpeechError {
    /// A text that came to its end without a word.
    package static let noText = SpeechError(
        .invalidInput, "There is no text to speak: it is empty or only white space.",
        remedy: "Give some words, as in: mynah speak \"Good morning.\" -o morning.wav")
}

/// Several utterances given out as one speech, joined so that nobody hears where.
private struct SpeechRelay {
    private let model: SpeechModel
    private let request: SpeechRequest
    private var seam: Seam
    private var count = 0, frames = 0
    private var ending = AudioChunk.Ending.natural

    init(_ model: SpeechModel, _ request: SpeechRequest) {
        (self.model, self.request) = (model, request)
        seam = Seam(sampleRate: model.card.sampleRate)
    }

    /// Speaks a text as it comes, a sentence at a time or when it is whole.
    mutating func speak<Text: AsyncSequence>(
        _ text: Text, like utterance: Utterance, sentences: Bool
    ) async throws where Text.Element == String {
        var (reader, whole, utterance) = (SentenceReader(), "", utterance)
        for try await piece in text {
            guard sentences else {
                whole += piece
                continue
            }
            for sentence in reader.append(piece) {
                utterance.text = sentence
                try await speak(utterance)
            }
        }
        try Task.checkCancellation()
        guard let rest = sentences ? reader.finish() : whole, rest.contains(where: { !$0.isWhitespace })
        else { return }
        utterance.text = rest
        try await speak(utterance)
    }

    /// Speaks an utterance to its end.
    mutating func speak(_ utterance: Utterance, turn: Int? = nil) async throws {
        if count > 0 { give(seam.pass([], endOfSegment: true, isLast: false), turn) }
        seam.beginSegment()
        var options = request.options
        options.seed = options.seed.map { $0 &+ UInt64(count) &* 0x9E37_79B9_7F4A_7C15 }
        let before = frames
        for try await chunk in model.stream(utterance, options: options) {
            frames = before + chunk.frames
            if chunk.ending == .limit { ending = .limit }
            give(seam.pass(chunk.audio.samples, endOfSegment: false, isLast: false), turn)
        }
        count += 1
    }

    mutating func finish() throws {
        guard count > 0 else { throw SpeechError.noText }
        give(seam.pass([], endOfSegment: true, isLast: true), nil, ending)
    }

    private func give(_ samples: [Float], _ turn: Int?, _ ending: AudioChunk.Ending? = nil) {
        guard !samples.isEmpty || ending != nil else { return }
        let audio = AudioBuffer(samples: samples, sampleRate: model.card.sampleRate)
        request.give(AudioChunk(audio: audio, frames: frames, turn: turn, ending: ending))
    }
}
