import Foundation
import Mynah
import SpeechCore

/// What there is to ask for, in Wyoming's words.
///
/// A voice of the standard model goes by its own name, one of another as `model/voice`; a model's name alone
/// is that model with the voice it takes by itself.
struct WyomingDirectory: Sendable {
    let parts: ServerParts

    struct Attribution: Encodable {
        let name = "Mynah"
        let url = "https://www.home-assistant.io/integrations/wyoming"
    }

    /// A model that listens, or a voice.
    struct Artifact: Encodable {
        let name: String
        let description: String
        let attribution = Attribution()
        let installed = true
        let version: String? = nil
        let languages: [String]
    }

    struct Listening: Encodable {
        let name = "mynah"
        let description = "Speech to text on this machine"
        let attribution = Attribution()
        let installed = true
        let version: String? = nil
        let models: [Artifact]
        let supportsTranscriptStreaming = false
    }

    struct Speaking: Encodable {
        let name = "mynah"
        let description = "Text to speech on this machine"
        let attribution = Attribution()
        let installed = true
        let version: String? = nil
        let voices: [Artifact]
        let supportsSynthesizeStreaming = true
    }

    /// The content of `info`.
    struct Info: Encodable {
        var asr: [Listening] = []
        var tts: [Speaking] = []
        let handle: [String] = []
        let intent: [String] = []
        let wake: [String] = []
        let mic: [String] = []
        let snd: [String] = []
    }

    /// Everything there is. A model whose files cannot be read is left out: it cannot be asked for either.
    func info() async -> Info {
        let standard = try? await parts.names.speaker(nil).name
        var (listening, speaking) = ([Artifact](), [Artifact]())
        for model in await parts.engine.models() {
            switch try? await parts.engine.card(of: model.name) {
            case .listens:
                listening.append(
                    Artifact(
                        name: model.name, description: model.name, languages: languages(of: model.name, nil)))
            case .speaks(let card) where model.name == standard:
                speaking = artifacts(of: model.name, card, isStandard: true) + speaking
            case .speaks(let card): speaking += artifacts(of: model.name, card, isStandard: false)
            case nil: continue
            }
        }
        var info = Info()
        if !listening.isEmpty { info.asr = [Listening(models: listening)] }
        if !speaking.isEmpty { info.tts = [Speaking(voices: speaking)] }
        return info
    }

    private func artifacts(of model: String, _ card: ModelCard, isStandard: Bool) -> [Artifact] {
        let languages = languages(of: model, card)
        let kept = card.clones ? (try? parts.voices.kept(for: model).map(\.name)) ?? [] : []
        let designs = card.designs ? parts.voices.register.designs.map(\.name) : []
        let own = Artifact(name: model, description: model, languages: languages)
        // A model that only knows described voices has none of its own.
        let alone = card.designs && card.speakers.isEmpty ? [] : [own]
        return alone
            + (card.speakers + kept + designs).map {
                Artifact(
                    name: isStandard ? $0 : "\(model)/\($0)",
                    description: isStandard ? $0 : "\($0) (\(model))",
                    languages: languages)
            }
    }

    /// Codes of a model's languages. One that tells the language by itself names none: it is offered for the language
    /// that the configuration gives it, or for English.
    private func languages(of model: String, _ card: ModelCard?) -> [String] {
        let codes = card?.languageCodes ?? []
        return codes.isEmpty ? [parts.settings.models[model]?.language ?? "en"] : codes
    }

    /// The order that speaks in a voice, its text still empty.
    ///
    /// - Throws: `APIError`, `SpeechError` or `EngineError`.
    func order(for wish: WyomingEvent.Voice?) async throws -> (order: SpeechOrder, sampleRate: Int) {
        var (voice, asked) = (wish?.name.flatMap { $0.isEmpty ? nil : $0 }, String?.none)
        for model in await parts.engine.models() where !model.listens {
            guard let name = voice, name == model.name || name.hasPrefix(model.name + "/") else { continue }
            asked = model.name
            voice = name == model.name ? nil : String(name.dropFirst(model.name.count + 1))
        }
        voice = voice ?? wish?.speaker
        let (model, card) = try await parts.names.speaker(asked, preferred: parts.names.model(for: voice))
        let settings = parts.settings.models[model] ?? Settings.Model()
        var utterance = Utterance("")
        utterance.voice = try parts.names.voice(voice, model: model, card: card)
        let language = card.languageCodes.isEmpty ? nil : wish?.language
        if let language = language ?? settings.language { utterance.language = card.language(language) }
        // A seed for the whole, so that a voice that is drawn stays the same from sentence to sentence.
        let options = SynthesisOptions(
            seed: UInt64.random(in: 0...UInt64(UInt32.max)), framesPerChunk: 1,
            diffusionSteps: settings.steps,
            guidance: settings.guidance.map { Float($0) })
        return (SpeechOrder(model: model, utterances: [utterance], options: options), card.sampleRate)
    }
}
