package import SpeechCore

/// Utterances in order, as they go between the processes: a voice that several are in goes once, and the samples of
/// recordings go ahead in pieces.
package struct SpokenTurns: Sendable {
    fileprivate struct Turn {
        var text: String
        var voice: Int
        var language: Language
        var delivery: Delivery
        var speaker: String?
    }

    private var turns: [Turn] = []
    /// Without the samples of recordings.
    private var voices: [Voice] = []

    private init() {}

    /// Utterances as they go, and the samples of the voices that are recordings, in order, which go ahead.
    package static func parted(_ utterances: [Utterance]) -> (turns: SpokenTurns, recordings: [[Float]]) {
        var (parted, recordings) = (SpokenTurns(), [[Float]]())
        var known: [(form: [UInt8], samples: [Float])] = []
        for utterance in utterances {
            var (voice, samples) = (utterance.voice, [Float]())
            if case .cloned(var recording) = voice {
                swap(&samples, &recording.audio.samples)
                voice = .cloned(recording)
            }
            var form = WireWriter()
            form.put(voice)
            let place = known.firstIndex { $0.form == form.bytes && $0.samples == samples }
            parted.turns.append(
                Turn(
                    text: utterance.text, voice: place ?? known.count, language: utterance.language,
                    delivery: utterance.delivery, speaker: utterance.speaker))
            guard place == nil else { continue }
            known.append((form.bytes, samples))
            parted.voices.append(voice)
            if case .cloned = voice { recordings.append(samples) }
        }
        return (parted, recordings)
    }

    /// The utterances, in the voices of the recordings that came ahead; nil when there are not as many as there must.
    package func utterances(recordings: [[Float]]) -> [Utterance]? {
        var (rest, whole) = (recordings[...], [Voice]())
        for voice in voices {
            guard case .cloned(var recording) = voice else {
                whole.append(voice)
                continue
            }
            guard let samples = rest.popFirst() else { return nil }
            recording.audio.samples = samples
            whole.append(.cloned(recording))
        }
        guard rest.isEmpty else { return nil }
        return turns.map { turn in
            Utterance(
                turn.text, voice: whole[turn.voice], language: turn.language, delivery: turn.delivery,
                speaker: turn.speaker)
        }
    }
}

extension SpokenTurns: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        voices = try wire.get()
        turns = try wire.get()
        guard turns.allSatisfy({ voices.indices.contains($0.voice) }) else {
            throw .invalid("a voice's number")
        }
    }
    package func write(to wire: inout WireWriter) {
        wire.put(voices)
        wire.put(turns)
    }
}

extension SpokenTurns.Turn: WireForm {
    init(from wire: inout WireReader) throws(WireError) {
        (text, voice) = (try wire.get(), try wire.get())
        language = Language(try wire.get(String.self))
        (delivery, speaker) = (try wire.get(), try wire.get())
    }
    func write(to wire: inout WireWriter) {
        wire.put(text)
        wire.put(voice)
        wire.put(language.name)
        wire.put(delivery)
        wire.put(speaker)
    }
}
