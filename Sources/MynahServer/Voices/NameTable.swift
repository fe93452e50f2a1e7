import Mynah
import SpeechCore

/// What clients call models and voices, and what is meant.
struct NameTable: Sendable {
    let settings: Settings
    let engine: any SpeechEngine
    let voices: VoiceShelf

    /// OpenAI's voices, in the order in which they stand for what a model has.
    static let openAIVoices = [
        "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage",
        "shimmer",
        "verse",
    ]

    /// Names that stand for the default model.
    private static let speakers = ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "default", "auto"]
    private static let listeners = [
        "whisper-1", "gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe",
        "gpt-4o-transcribe-diarize",
        "default", "auto",
    ]

    // MARK: models

    /// The model that speaks.
    ///
    /// - Parameter preferred: what a voice asks for, where the client does not.
    /// - Throws: `APIError` or `EngineError`.
    func speaker(_ asked: String?, preferred: String? = nil) async throws -> (name: String, card: ModelCard) {
        let models = await engine.models()
        let name = try choose(
            asked, models, listens: false, aliases: Self.speakers,
            standard: [preferred, settings.defaults.model])
        guard case .speaks(let card) = try await engine.card(of: name) else {
            throw EngineError.wrongKind(name, listens: true)
        }
        return (name, card)
    }

    /// The model that writes down recordings.
    func listener(_ asked: String?) async throws -> (name: String, card: TranscriberCard) {
        let models = await engine.models()
        let name = try choose(
            asked, models, listens: true, aliases: Self.listeners, standard: [settings.defaults.transcriber])
        guard case .listens(let card) = try await engine.card(of: name) else {
            throw EngineError.wrongKind(name, listens: false)
        }
        return (name, card)
    }

    private func choose(
        _ asked: String?, _ models: [EngineModel], listens: Bool, aliases: [String], standard: [String?]
    ) throws -> String {
        let known = models.map(\.name)
        if let asked, known.contains(asked) { return asked }
        if let asked, !asked.isEmpty, !aliases.contains(where: { asked == $0 || asked.hasPrefix($0 + "-2") })
        {
            throw APIError.noModel(asked, known: known)
        }
        for name in standard.compactMap({ $0 }) {
            guard known.contains(name) else { continue }
            return name
        }
        guard let first = models.first(where: { $0.listens == listens }) else {
            throw APIError.noModel(asked ?? "default", known: known)
        }
        return first.name
    }

    // MARK: voices

    /// What a voice's name asks of the model, where the client names none.
    func model(for voice: String?) throws -> String? {
        guard let voice, let kept = try voices.find(aliased(voice)) else {
            return voice.flatMap { voices.register.design(aliased($0))?.model }
        }
        return try kept.library.voice(named: kept.file).model
    }

    private func aliased(_ name: String) -> String { settings.voices.aliases[name] ?? name }

    /// A voice by any of its names.
    ///
    /// - Throws: `APIError` that lists what there is.
    func voice(_ asked: String?, model: String, card: ModelCard, param: String = "voice") throws -> Voice {
        guard let asked = asked ?? settings.defaults.voice, asked != "default", asked != "auto" else {
            return .standard
        }
        let name = aliased(asked)
        if let preset = card.speakers.first(where: { $0.lowercased() == name.lowercased() }) {
            return .preset(preset)
        }
        if let kept = try voices.find(name, for: model) { return try voice(kept, model: model, card: card) }
        if let design = voices.register.design(name) { return .described(design.prompt) }
        if let place = Self.openAIVoices.firstIndex(of: name) {
            guard !card.speakers.isEmpty else { return .standard }
            return .preset(card.speakers[place % card.speakers.count])
        }
        let known =
            try card.speakers + voices.kept(for: model).map(\.name) + voices.register.designs.map(\.name)
        throw APIError.noVoice(asked, of: model, known: known, param: param)
    }

    /// A kept voice as this model takes it: what another model made of the recording is of no use to it, the
    /// recording is.
    private func voice(_ kept: KeptVoice, model: String, card: ModelCard) throws -> Voice {
        let stored = try kept.library.voice(named: kept.file)
        if stored.model == model || !card.clones { return .prepared(stored.profile) }
        return .cloned(Recording(stored.audio, transcript: stored.profile.transcript))
    }
}
