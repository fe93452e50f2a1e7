import Configuration
import Foundation
import Mynah

/// Reads the configuration of every source: the file, then the environment, then flags, the later ones stronger.
package struct SettingsReader {
    private let file: String?
    private let environment: [String: String]
    private let flags: [String: String]
    private var problems: [SettingProblem] = []
    /// What the file holds, every value of the form its key asks for.
    private var values: [AbsoluteConfigKey: ConfigValue] = [:]
    /// Names that stand in the file where the table has a `*` or an object of free names.
    private var models: Set<String> = []
    private var aliases: Set<String> = []

    /// - Parameters:
    ///   - file: the path of `config.json`; nil is none.
    ///   - flags: values by key path.
    package init(file: String?, environment: [String: String], flags: [String: String]) {
        (self.file, self.environment, self.flags) = (file, environment, flags)
    }

    /// - Throws: `SettingProblems`, all there are.
    package mutating func read() throws -> Settings {
        readFile()
        checkTexts()
        guard problems.isEmpty else { throw SettingProblems(all: problems) }
        var settings = assembled()
        settings.server.keys += keys(of: settings)
        problems += settings.problems
        guard problems.isEmpty else { throw SettingProblems(all: problems) }
        return settings
    }

    // MARK: the file

    private mutating func readFile() {
        guard let file else { return }
        let root: JSONValue
        do {
            root = try JSONValue(Data(contentsOf: URL(fileURLWithPath: file)))
        } catch let problem as JSONProblem {
            problems.append(SettingProblem(place: file, message: problem.sentence))
            return
        } catch {
            problems.append(
                SettingProblem(place: file, message: "could not be read: \(error.localizedDescription)"))
            return
        }
        guard case .object(let fields) = root else {
            problems.append(SettingProblem(place: file, message: "expected an object, found \(root.kind)."))
            return
        }
        walk(fields, path: [])
    }

    private mutating func walk(_ fields: [String: JSONValue], path: [String]) {
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            let here = path + [name]
            let place = here.joined(separator: ".")
            if let key = SettingKey.all.first(where: { $0.matches(here) }) {
                take(value, key, here)
            } else if SettingKey.all.contains(where: { $0.isBelow(here) }) {
                guard case .object(let fields) = value else {
                    problems.append(
                        SettingProblem(place: place, message: "expected an object, found \(value.kind)."))
                    continue
                }
                if here.count == 2, here[0] == "models" { models.insert(name) }
                walk(fields, path: here)
            } else {
                problems.append(.unknown(place, known: known(beside: path)))
            }
        }
    }

    /// Every path that could stand at this depth, the name of a model put in.
    private func known(beside path: [String]) -> [String] {
        let names = SettingKey.all.compactMap { key -> String? in
            var parts = key.components
            if parts.count > 1, parts[0] == "models", path.count >= 2 { parts[1] = path[1] }
            guard parts.starts(with: path) || path.isEmpty else { return nil }
            return parts.prefix(path.count + 1).joined(separator: ".")
        }
        return Array(Set(names))
    }

    private mutating func take(_ value: JSONValue, _ key: SettingKey, _ path: [String]) {
        let place = path.joined(separator: ".")
        if case .names = key.form {
            guard case .object(let names) = value else {
                problems.append(.wrong(place, key, found: value.kind))
                return
            }
            for (name, value) in names.sorted(by: { $0.key < $1.key }) {
                guard let text = value.text else {
                    problems.append(
                        SettingProblem(
                            place: "\(place).\(name)", message: "expected a string, found \(value.kind)."))
                    continue
                }
                aliases.insert(name)
                values[AbsoluteConfigKey(path + [name])] = ConfigValue(.string(text), isSecret: false)
            }
            return
        }
        guard let content = key.content(of: value) else {
            problems.append(.wrong(place, key, found: value.shown))
            return
        }
        values[AbsoluteConfigKey(path)] = ConfigValue(content, isSecret: key.path == "server.api_keys")
    }

    // MARK: environment and flags

    private mutating func checkTexts() {
        for key in SettingKey.all {
            if let variable = key.variable, let text = environment[variable], !key.accepts(text) {
                problems.append(.wrong(variable, key, found: "'\(text)'"))
            }
            if let flag = key.flag, let text = flags[key.path], !key.accepts(text) {
                problems.append(.wrong(flag, key, found: "'\(text)'"))
            }
        }
        let known = SettingKey.all.compactMap(\.variable)
        let sections = Set(SettingKey.all.compactMap { $0.components.first?.uppercased() })
        for name in environment.keys.sorted() where !known.contains(name) {
            let parts = name.split(separator: "_", maxSplits: 2)
            guard parts.count > 2, parts[0] == "MYNAH" else { continue }
            // Another program's variables may begin so; one that is all but a section of ours is misspelt.
            let isOurs = sections.contains {
                $0 == parts[1] || $0.count > 4 && Spelling.distance($0, String(parts[1])) < 3
            }
            if isOurs { problems.append(.unknown(name, known: known)) }
        }
    }

    // MARK: the values

    /// The three sources, the strongest first.
    private var reader: ConfigReader {
        var given: [AbsoluteConfigKey: ConfigValue] = [:]
        var set: [AbsoluteConfigKey: ConfigValue] = [:]
        for key in SettingKey.all {
            if let text = flags[key.path], let content = key.content(of: text) {
                given[AbsoluteConfigKey(key.components)] = ConfigValue(content, isSecret: false)
            }
            if let variable = key.variable, let text = environment[variable],
                let content = key.content(of: text)
            {
                set[AbsoluteConfigKey(key.components)] = ConfigValue(
                    content, isSecret: key.path == "server.api_keys")
            }
        }
        return ConfigReader(providers: [
            InMemoryProvider(name: "flags", values: given),
            InMemoryProvider(name: "environment", values: set),
            InMemoryProvider(name: "config.json", values: values),
        ])
    }

    private func assembled() -> Settings {
        let source = SettingSource(reader: reader)
        var settings = Settings()
        source.fill(&settings)
        for name in models { settings.models[name] = source.model(name) }
        for name in aliases {
            settings.voices.aliases[name] = source.reader.string(
                forKey: ConfigKey(["voices", "aliases", name]))
        }
        return settings
    }

    private mutating func keys(of settings: Settings) -> [String] {
        guard let path = settings.server.keyFile else { return [] }
        do {
            let text = try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
            let keys = text.split(whereSeparator: \.isNewline)
                .map { $0.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces) }
                .filter { !$0.isEmpty }
            if keys.isEmpty { problems.append(.noKeys) }
            return keys
        } catch {
            problems.append(.unreadableKeys(path, error.localizedDescription))
            return []
        }
    }
}

extension Settings {
    /// What contradicts itself, or would be unsafe.
    fileprivate var problems: [SettingProblem] {
        var problems: [SettingProblem] = []
        if !server.isLoopback, server.keys.isEmpty, !server.isOpen { problems.append(.openAddress) }
        if let port = wyoming.port {
            let isOpen = !HostName(wyoming.host).isLoopback && server.keys.isEmpty && !server.isOpen
            if isOpen { problems.append(.openWyoming) }
            if port != 0, port == server.port { problems.append(.samePort(port)) }
        }
        if server.keys.contains(where: { $0.utf8.count < 16 }) { problems.append(.shortKey) }
        for origin in server.origins where !origin.isOrigin { problems.append(.badOrigin(origin)) }
        for (name, model) in models.sorted(by: { $0.key < $1.key }) {
            for (field, path) in [("path", model.path), ("voices", model.voices)] {
                guard let path, !FileManager.default.fileExists(atPath: path) else { continue }
                problems.append(.missingPath("models.\(name).\(field)", path))
            }
        }
        return problems
    }
}

extension String {
    /// `scheme://host` and perhaps a port, and nothing behind.
    fileprivate var isOrigin: Bool {
        guard let url = URL(string: self), let scheme = url.scheme, ["http", "https"].contains(scheme),
            let host = url.host(), !host.isEmpty
        else { return false }
        return url.path().isEmpty && url.query() == nil && !hasSuffix("/")
    }
}

extension JSONValue {
    /// As an error shows it: short values whole, others by kind.
    var shown: String {
        switch self {
        case .text(let text) where text.count <= 40: "'\(text)'"
        case .whole(let number): "\(number)"
        case .number(let number): "\(number)"
        case .truth(let truth): "\(truth)"
        default: kind
        }
    }
}
