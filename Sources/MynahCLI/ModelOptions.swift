public import ArgumentParser
public import Mynah
import SpeechCore

extension Quantization: ExpressibleByArgument {}

/// Which model, and how it is loaded.
struct ModelOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: "The model: a name that 'mynah models' lists, a path, or organisation/name.",
        completion: .custom { _, _, _ in ModelLibrary().installed().map(\.name) })
    var model: String?

    @Option(help: "Round the weights to this type while loading. Smaller is faster and less exact.")
    var quantize: Quantization?

    @Option(
        help: ArgumentHelp(
            "What computes: auto, cpu, or a name that 'mynah doctor' lists.", valueName: "device"))
    var device = "auto"

    @Option(help: "Threads; as many as there are cores when left out.")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads takes a number from 1 to 1024, not \(threads).")
        }
    }

    /// Whether anything is asked for.
    var isGiven: Bool { model != nil || quantize != nil || device != "auto" || threads != nil }

    var library: ModelLibrary { ModelLibrary(device: ComputeDevice(device)) }

    /// Loads the model, and says what a person should know of it.
    ///
    /// - Parameter find: finds it by the name that was given, or the one to take where none was.
    func load(
        _ find: (ModelLibrary) -> (String?) throws -> ModelPlace, quiet: Bool
    ) async throws -> (model: SpeechModel, place: ModelPlace) {
        let place = try find(library)(model)
        if let notice = ModelLibrary.notice(for: place) { Console.note("note: \(notice)") }
        if !quiet { Console.progress("Loading \(place.name)") }
        defer { Console.endProgress() }
        return (try await library.synthesizer(at: place, options: loadOptions), place)
    }

    /// Loads a model that listens, and does something before that which is to be told first: loading takes long.
    func loadListener(
        quiet: Bool, before: (ModelPlace) throws -> Void
    ) async throws -> (model: TranscriptionModel, place: ModelPlace) {
        let place = try library.locateTranscriber(model)
        try before(place)
        if !quiet { Console.progress("Loading \(place.name)") }
        defer { Console.endProgress() }
        return (try await library.transcriber(at: place, options: loadOptions), place)
    }

    var loadOptions: LoadOptions {
        LoadOptions(quantization: quantize, device: ComputeDevice(device), threads: threads, sessions: 1)
    }
}

/// Who speaks.
struct VoiceOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: "A preset of the model or the path of one, or a voice that 'mynah voices' lists.",
        completion: .custom { _, _, _ in (try? VoiceLibrary().names()) ?? [] })
    var voice: String?

    @Option(
        help: ArgumentHelp("Speak in a voice described in words (voice-design models).", valueName: "text"))
    var describe: String?

    @Option(
        help: ArgumentHelp("Speak in the voice heard in this recording.", valueName: "file"),
        completion: .file())
    var refAudio: String?

    @Option(help: ArgumentHelp("What the recording says; the likeness is better with it.", valueName: "text"))
    var refText: String?

    func validate() throws {
        guard [voice, describe, refAudio].compactMap({ $0 }).count <= 1 else {
            throw ValidationError("Give one of --voice, --describe and --ref-audio.")
        }
        guard refText == nil || refAudio != nil else {
            throw ValidationError("--ref-text is what --ref-audio says; give both.")
        }
        for (name, text) in [("--ref-text", refText), ("--describe", describe)] {
            guard text?.allSatisfy(\.isWhitespace) != true else {
                throw ValidationError("\(name) says nothing; leave it out.")
            }
        }
    }

    /// Whether any voice is asked for.
    var isGiven: Bool { voice != nil || describe != nil || refAudio != nil }

    /// Finds the model to speak with: the one named, else one that has the voice.
    func locate(_ library: ModelLibrary) -> (String?) throws -> ModelPlace {
        if refAudio != nil { return library.locateCloning }
        guard let voice, !Self.isPath(voice) else { return library.locate }
        return { try library.locate($0, speaking: voice) }
    }

    /// The recording of `--ref-audio`.
    func recording(quiet: Bool) throws -> Recording? {
        try refAudio.map { try RecordingFile.read($0, transcript: refText, quiet: quiet) }
    }

    /// The voice, as this model knows it.
    ///
    /// - Parameter recording: what `recording` gave.
    func resolve(for card: ModelCard, _ recording: Recording?, quiet: Bool) throws -> Voice {
        if let describe { return .described(describe) }
        if let recording { return .cloned(recording) }
        guard let voice else { return .standard }
        return try Self.voice(voice, for: card, quiet: quiet)
    }

    /// A voice by a preset's name, that of a kept voice, or a path: of a preset, or with `orRecording` of a sound file
    /// for a model that clones.
    static func voice(
        _ voice: String, for card: ModelCard, orRecording: Bool = false, quiet: Bool
    ) throws -> Voice {
        if let preset = card.speakers.first(where: { $0.lowercased() == voice.lowercased() }) {
            return .preset(preset)
        }
        if orRecording, card.clones, isPath(voice) {
            return .cloned(try RecordingFile.read(voice, transcript: nil, quiet: quiet))
        }
        if isPath(voice) { return .preset(voice) }
        return .prepared(try VoiceLibrary().voice(named: voice, besides: card.speakers).profile)
    }

    /// No voice's name has a point or a slash in it.
    private static func isPath(_ voice: String) -> Bool { voice.contains("/") || voice.contains(".") }
}

/// How codes are drawn.
struct SamplingOptions: ParsableArguments {
    @Option(help: "Same seed, same words, same sound. Drawn, and told, when left out.")
    var seed: UInt64?

    @Option(help: "Liveliness of the delivery; above 0. \(standard)")
    var temperature: Float?

    @Option(help: "Draw among this many of the likeliest; 0 is all. \(standard)")
    var topK: Int?

    @Option(help: "Draw among the likeliest of at least this share; 1 is all. \(standard)")
    var topP: Float?

    @Option(help: "Temperature of the fine codes, which carry the timbre.")
    var subTemperature: Float?

    @Option(help: "As --top-k, for the fine codes.")
    var subTopK: Int?

    @Option(help: "As --top-p, for the fine codes.")
    var subTopP: Float?

    @Option(help: "Above 1, codes that were drawn before become less likely.")
    var repetitionPenalty: Float?

    @Flag(help: "Always the likeliest code: the same sound every time, and often a dull one.")
    var greedy = false

    @Option(help: "Most tokens for one piece of text: a frame of sound each (12.5 a second), save the last.")
    var maxTokens: Int?

    @Option(help: "Fewest tokens before the speech may end.")
    var minTokens: Int?

    @Option(
        help: ArgumentHelp("Longest piece of text spoken in one go, in text tokens.", valueName: "tokens"))
    var segment = 200

    @Flag(inversion: .prefixedNo, help: "Show the model the whole text first, or a word at a time.")
    var wholeText: Bool?

    @Option(
        help: "Diffusion models: steps for each frame; fewer are faster. The authors' number when left out.")
    var steps: Int?

    @Option(
        help:
            "Diffusion models: how closely the text is followed; 1 is loosely. The authors' number when left out."
    )
    var guidance: Float?

    private static let standard = "The checkpoint's own when none of the three is given."

    func validate() throws {
        func check(_ name: String, _ value: Float?, _ range: ClosedRange<Float>) throws {
            guard let value, !range.contains(value) else { return }
            throw ValidationError(
                "--\(name) takes a number from \(range.lowerBound) to \(range.upperBound), not \(value).")
        }
        func check(_ name: String, _ value: Int?, atLeast least: Int) throws {
            guard let value, value < least else { return }
            throw ValidationError("--\(name) takes a whole number of at least \(least), not \(value).")
        }
        try check("temperature", temperature, 0.01...10)
        try check("sub-temperature", subTemperature, 0.01...10)
        try check("top-p", topP, 0.001...1)
        try check("sub-top-p", subTopP, 0.001...1)
        try check("repetition-penalty", repetitionPenalty, 0.1...10)
        try check("top-k", topK, atLeast: 0)
        try check("sub-top-k", subTopK, atLeast: 0)
        try check("max-tokens", maxTokens, atLeast: 2)
        try check("min-tokens", minTokens, atLeast: 0)
        if let minTokens, let maxTokens, minTokens > maxTokens {
            throw ValidationError("--min-tokens \(minTokens) is more than --max-tokens \(maxTokens).")
        }
        try check("steps", steps, atLeast: 1)
        try check("guidance", guidance, 0...20)
        try check("segment", segment, atLeast: 8)
        guard
            !greedy
                || [temperature, topP, subTemperature, subTopP].allSatisfy({ $0 == nil }) && topK == nil
                    && subTopK == nil
        else { throw ValidationError("--greedy draws nothing; leave the other sampling options out.") }
    }

    /// - Throws: `SpeechError` for what a model of this kind has no use for.
    func check(for card: ModelCard, named name: String) throws {
        let foreign: [(option: String, isGiven: Bool)] =
            switch card.generation {
            case .sampling: [("--steps", steps != nil), ("--guidance", guidance != nil)]
            case .diffusion:
                [
                    ("--temperature", temperature != nil), ("--top-k", topK != nil),
                    ("--top-p", topP != nil), ("--sub-temperature", subTemperature != nil),
                    ("--sub-top-k", subTopK != nil), ("--sub-top-p", subTopP != nil),
                    ("--repetition-penalty", repetitionPenalty != nil), ("--greedy", greedy),
                    ("--whole-text", wholeText != nil),
                ]
            }
        guard let option = foreign.first(where: \.isGiven)?.option else { return }
        let kind = card.generation == .sampling ? "draws codes, and is no diffusion" : "is a diffusion model"
        throw SpeechError(
            .unsupported, "'\(name)' \(kind): it has no use for \(option).", remedy: "Leave \(option) out.")
    }

    /// The options with a seed in them, so that it can be told.
    func options(framesPerChunk: Int) -> SynthesisOptions {
        var options = greedy ? SynthesisOptions.greedy : SynthesisOptions()
        options.seed = seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        if !greedy {
            options.sampling = Self.sampling(temperature, topK, topP)
            options.subSampling = Self.sampling(subTemperature, subTopK, subTopP)
        }
        options.repetitionPenalty = repetitionPenalty
        options.maximumTokens = maxTokens
        options.minimumTokens = minTokens
        options.wholeText = wholeText
        options.tokensPerSegment = segment
        options.framesPerChunk = framesPerChunk
        options.diffusionSteps = steps
        options.guidance = guidance
        return options
    }

    /// What is not given beside something that is: the numbers of the published checkpoints.
    private static func sampling(_ temperature: Float?, _ topK: Int?, _ topP: Float?) -> Sampling? {
        guard temperature != nil || topK != nil || topP != nil else { return nil }
        return Sampling(temperature: temperature ?? 0.9, topK: topK ?? 50, topP: topP ?? 1)
    }
}
