import Configuration
import Foundation
import Mynah

/// The values of every source, by path, as the typed settings take them.
struct SettingSource {
    let reader: ConfigReader

    func fill(_ settings: inout Settings) {
        set("server.host", &settings.server.host)
        set("server.port", &settings.server.port)
        set("server.api_keys", &settings.server.keys)
        set("server.api_key_file", &settings.server.keyFile)
        set("server.insecure_no_auth", &settings.server.isOpen)
        set("server.hosts", &settings.server.hosts)
        set("server.origins", &settings.server.origins)
        set("server.grace_seconds", &settings.server.graceSeconds)
        set("log.level", &settings.log.level)
        set("log.content", &settings.log.content)
        set("metrics.enabled", &settings.servesMetrics)
        set("page.enabled", &settings.servesPage)
        set("wyoming.host", &settings.wyoming.host)
        set("wyoming.port", &settings.wyoming.port)
        set("defaults.model", &settings.defaults.model)
        set("defaults.transcriber", &settings.defaults.transcriber)
        set("defaults.voice", &settings.defaults.voice)
        set("voices.directory", &settings.voices.directory)
        set("voices.require_consent", &settings.voices.requireConsent)
        set("engine.memory_megabytes", &settings.engine.memoryMegabytes)
        set("engine.idle_seconds", &settings.engine.idleSeconds)
        set("engine.device", &settings.engine.device)
        set("engine.threads", &settings.engine.threads)
        fill(&settings.limits)
    }

    private func fill(_ limits: inout Settings.Limits) {
        set("limits.connections", &limits.connections)
        set("limits.header_bytes", &limits.headerBytes)
        set("limits.json_bytes", &limits.jsonBytes)
        set("limits.upload_bytes", &limits.uploadBytes)
        set("limits.voice_bytes", &limits.voiceBytes)
        set("limits.temporary_bytes", &limits.temporaryBytes)
        set("limits.parts", &limits.parts)
        set("limits.text_characters", &limits.textCharacters)
        set("limits.recording_seconds", &limits.recordingSeconds)
        set("limits.reference_seconds", &limits.referenceSeconds)
        set("limits.requests_per_key", &limits.requestsPerKey)
        set("limits.queue", &limits.queue)
        set("limits.request_seconds", &limits.requestSeconds)
        set("limits.receive_seconds", &limits.receiveSeconds)
        set("limits.idle_seconds", &limits.idleSeconds)
        set("limits.write_seconds", &limits.writeSeconds)
        set("limits.ping_seconds", &limits.pingSeconds)
    }

    func model(_ name: String) -> Settings.Model {
        func key(_ field: String) -> ConfigKey { ConfigKey(["models", name, field]) }
        var model = Settings.Model()
        model.path = reader.string(forKey: key("path"))
        model.quantization = reader.string(forKey: key("quantization")).flatMap { Quantization(rawValue: $0) }
        model.sessions = reader.int(forKey: key("sessions"))
        model.voices = reader.string(forKey: key("voices"))
        model.language = reader.string(forKey: key("language"))
        model.temperature = reader.double(forKey: key("temperature"))
        model.topK = reader.int(forKey: key("top_k"))
        model.topP = reader.double(forKey: key("top_p"))
        model.guidance = reader.double(forKey: key("cfg_scale"))
        model.steps = reader.int(forKey: key("steps"))
        return model
    }

    private func set(_ path: String, _ value: inout String) {
        value = reader.string(forKey: ConfigKey(path), default: value)
    }

    private func set(_ path: String, _ value: inout String?) {
        value = reader.string(forKey: ConfigKey(path)) ?? value
    }

    private func set(_ path: String, _ value: inout Int) {
        value = reader.int(forKey: ConfigKey(path), default: value)
    }

    private func set(_ path: String, _ value: inout Int?) {
        value = reader.int(forKey: ConfigKey(path)) ?? value
    }

    private func set(_ path: String, _ value: inout Bool) {
        value = reader.bool(forKey: ConfigKey(path), default: value)
    }

    private func set(_ path: String, _ value: inout [String]) {
        value = reader.stringArray(forKey: ConfigKey(path), default: value)
    }
}

// MARK: forms

extension SettingKey {
    /// Whether a path is this key's, a model's name standing for `*`.
    func matches(_ path: [String]) -> Bool {
        let own = components
        return own.count == path.count && zip(own, path).allSatisfy { $0 == "*" || $0 == $1 }
    }

    /// Whether this key stands somewhere beneath a path.
    func isBelow(_ path: [String]) -> Bool {
        let own = components
        return own.count > path.count && zip(own, path).allSatisfy { $0 == "*" || $0 == $1 }
    }

    /// A JSON value in this key's form; nil when it is of another.
    func content(of value: JSONValue) -> ConfigContent? {
        switch (form, value) {
        case (.text, .text(let text)): return .string(text)
        case (.choice(let choices), .text(let text)): return choices.contains(text) ? .string(text) : nil
        case (.whole(let range), .whole(let number)): return range.contains(number) ? .int(number) : nil
        case (.number(let range), .whole(let number)):
            return range.contains(Double(number)) ? .double(Double(number)) : nil
        case (.number(let range), .number(let number)): return range.contains(number) ? .double(number) : nil
        case (.truth, .truth(let truth)): return .bool(truth)
        case (.texts, .array(let values)):
            let texts = values.compactMap(\.text)
            return texts.count == values.count ? .stringArray(texts) : nil
        default: return nil
        }
    }

    /// A text of the environment or the command line in this key's form; nil when it cannot be.
    func content(of text: String) -> ConfigContent? {
        switch form {
        case .text, .choice: content(of: .text(text))
        case .whole: Int(text).flatMap { content(of: .whole($0)) }
        case .number: Double(text).flatMap { content(of: .number($0)) }
        case .truth: Self.truths[text.lowercased()].map { .bool($0) }
        case .texts:
            .stringArray(
                text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter {
                    !$0.isEmpty
                })
        case .names: nil
        }
    }

    func accepts(_ text: String) -> Bool { content(of: text) != nil }

    private static let truths = [
        "true": true, "yes": true, "on": true, "1": true, "false": false, "no": false, "off": false,
        "0": false,
    ]
}
