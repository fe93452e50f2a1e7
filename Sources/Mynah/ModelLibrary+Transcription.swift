import Checkpoints
import SpeechCore
import TensorGraph
import VibeVoice

extension ModelLibrary {
    /// Loads a model that listens.
    ///
    /// - Parameters:
    ///   - name: as for `synthesizer`; nil is `MYNAH_MODEL`, else the first installed that listens.
    ///   - options: how it is loaded; nil leaves all to the machine.
    /// - Throws: `SpeechError`.
    public func transcriber(_ name: String? = nil, options: LoadOptions? = nil) async throws
        -> TranscriptionModel
    {
        try await transcriber(at: locateTranscriber(name), options: options)
    }

    /// Loads a model that was located.
    package func transcriber(at place: ModelPlace, options: LoadOptions? = nil) async throws
        -> TranscriptionModel
    {
        let options = options ?? LoadOptions(device: device)
        return try await TranscriptionModel.load(name: place.name) {
            let files = try place.files()
            guard let family = TranscriberFamily.of(files) else {
                throw SpeechError(
                    .unsupported, "'\(place.name)' is not a model that listens.",
                    remedy: "Kinds that do: \(TranscriberFamily.all.map(\.name).joined(separator: ", ")).")
            }
            let settings = try options.settings(for: files, sessions: 1)
            do {
                return try family.load(files, settings)
            } catch LoadError.doesNotFit(let need, let available) {
                throw doesNotFit(place, options, need: need, available: available)
            }
        }
    }

    /// Finds a model that listens.
    ///
    /// - Throws: `SpeechError` when there is none.
    package func locateTranscriber(_ name: String?) throws -> ModelPlace {
        if name != nil || hasStandard { return try locate(name) }
        guard let found = installed().first(where: \.listens) else {
            throw SpeechError(
                .unknownModel, "No model that listens is installed.",
                remedy:
                    "Run 'mynah models pull vibevoice-asr-7b', or name one with --model.")
        }
        return found
    }
}

extension ModelPlace {
    /// - Throws: `SpeechError` when the model cannot write English for what is said in another language.
    package func checkTranslates() throws {
        guard let family = (try? files()).flatMap(TranscriberFamily.of), !family.translates else { return }
        throw SpeechError.cannotTranslate
    }

    /// Whether the model listens rather than speaks.
    package var listens: Bool { (try? files()).flatMap(TranscriberFamily.of) != nil }
}
