import Foundation
import Mynah
import SpeechCore

extension Settings {
    /// Holds the settings against this machine: its models, voices, devices and folders. Serving does not ask for as
    /// much, for what is not there yet may come.
    ///
    /// - Throws: `SettingProblems`, all there are.
    package func check(environment: [String: String]) throws {
        let library = ModelLibrary(environment: environment)
        let installed = library.installed().map { ($0.name, $0.path) }
        var problems: [SettingProblem] = []
        var cards: [String: ModelFacts.Card] = [:]
        for (name, path) in installed { cards[name] = try? library.facts(of: path).card }
        for (name, model) in models.sorted(by: { $0.key < $1.key }) {
            do {
                let card = try library.facts(of: model.path ?? name).card
                cards[name] = card
                if let problem = model.language.flatMap({ Self.problem($0, of: name, card) }) {
                    problems.append(problem)
                }
            } catch {
                let place = "models.\(name)" + (model.path == nil ? "" : ".path")
                problems.append(SettingProblem(place: place, message: SpeechError(describing: error).message))
            }
        }
        let names = Set(models.keys).union(installed.map(\.0)).sorted()
        for (place, name) in [("model", defaults.model), ("transcriber", defaults.transcriber)] {
            guard let name, !names.contains(name) else { continue }
            problems.append(.noModel("defaults.\(place)", name, known: names))
        }
        problems += voiceProblems(cards, MynahHome(environment: environment))
        let devices = ComputeDevice.names
        if !devices.contains(where: { $0.lowercased() == engine.device.lowercased() }) {
            problems.append(.noDevice(engine.device, known: devices))
        }
        guard problems.isEmpty else { throw SettingProblems(all: problems) }
    }

    private static func problem(_ language: String, of model: String, _ card: ModelFacts.Card)
        -> SettingProblem?
    {
        // A model that names no languages tells them from the text.
        guard case .speaks(let card) = card, !card.languageCodes.isEmpty,
            !card.languages.contains(card.language(language).name)
        else { return nil }
        return .noLanguage(language, of: model, known: card.languages)
    }

    private func voiceProblems(_ cards: [String: ModelFacts.Card], _ home: MynahHome) -> [SettingProblem] {
        var problems: [SettingProblem] = []
        if let directory = voices.directory {
            let parent = URL(fileURLWithPath: directory).deletingLastPathComponent().path
            if !FileManager.default.fileExists(atPath: parent) {
                problems.append(.missingPath("voices.directory", parent))
            }
        }
        guard let asked = defaults.voice else { return problems }
        do {
            let shelf = try VoiceShelf(self, home: home)
            let presets = cards.values.flatMap { card -> [String] in
                if case .speaks(let card) = card { card.speakers } else { [] }
            }
            let kept = try shelf.kept()
            let name = voices.aliases[asked] ?? asked
            let known = Set(presets + kept.map(\.name) + shelf.register.designs.map(\.name)).sorted()
            let others =
                kept.flatMap { [$0.id, $0.file] } + shelf.register.designs.map(\.id)
                + NameTable.openAIVoices + ["default", "auto"]
            let isThere = others.contains(name) || known.contains { $0.lowercased() == name.lowercased() }
            if !isThere { problems.append(.noVoice(asked, known: known)) }
        } catch {
            problems.append(
                SettingProblem(place: "voices.directory", message: SpeechError(describing: error).message))
        }
        return problems
    }
}
