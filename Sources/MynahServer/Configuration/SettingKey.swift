/// A value that the configuration may hold: where it stands, what it may be, and what it is for.
package struct SettingKey: Sendable {
    /// What a value may be.
    package enum Form: Sendable {
        case text
        case choice([String])
        case whole(ClosedRange<Int>)
        case number(ClosedRange<Double>)
        case truth
        case texts
        /// An object of texts, its keys being free.
        case names
    }

    /// The path in `config.json`; `*` stands for the name of a model.
    package let path: String
    package let form: Form
    /// The value when nobody says otherwise, as the documentation shows it; nil where there is none.
    package let standard: String?
    /// The flag of `mynah serve` that sets it.
    package let flag: String?
    package let meaning: String

    init(_ path: String, _ form: Form, standard: String? = nil, flag: String? = nil, _ meaning: String) {
        (self.path, self.form, self.standard, self.flag) = (path, form, standard, flag)
        self.meaning = meaning
    }

    /// The parts of the path.
    var components: [String] { path.split(separator: ".").map(String.init) }

    /// The environment variable that sets it; nil for what belongs to a name and stands in the file alone.
    package var variable: String? {
        if path.contains("*") { return nil }
        if case .names = form { return nil }
        return "MYNAH_"
            + (Self.shortVariables[path] ?? path.uppercased().replacing(".", with: "_"))
    }

    /// Variables that people set by hand go by a shorter name.
    private static let shortVariables = [
        "server.host": "HOST", "server.port": "PORT", "server.api_keys": "API_KEYS",
        "server.api_key_file": "API_KEY_FILE", "server.insecure_no_auth": "INSECURE_NO_AUTH",
        "log.level": "LOG_LEVEL", "log.content": "LOG_CONTENT", "defaults.model": "MODEL",
    ]

    /// What a value may be, in words.
    package var expectation: String {
        switch form {
        case .text: "a string"
        case .choice(let choices): "one of " + choices.joined(separator: ", ")
        case .whole(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .truth: "true or false"
        case .texts: "an array of strings"
        case .names: "an object of strings"
        }
    }
}

extension SettingKey {
    /// Every key, in the order of the documentation.
    package static let all: [SettingKey] = serverKeys + modelKeys + limitKeys + engineKeys

    private static let serverKeys: [SettingKey] = [
        SettingKey(
            "server.host", .text, standard: Settings.Server.standard.host, flag: "--host",
            "The address to listen on. Any but a loopback address needs API keys."),
        SettingKey(
            "server.port", .whole(0...65_535), standard: "\(Settings.Server.standard.port)", flag: "--port",
            "The port; 0 lets the system choose."),
        SettingKey(
            "server.api_keys", .texts, "Keys that clients may show. Better kept in a file or the environment."
        ),
        SettingKey(
            "server.api_key_file", .text, flag: "--api-key-file",
            "A file of API keys, one a line; `#` begins a comment."),
        SettingKey(
            "server.insecure_no_auth", .truth, standard: "false", flag: "--insecure-no-auth",
            "Serve another address than loopback to anybody, without keys."),
        SettingKey(
            "server.hosts", .texts,
            "Names by which the server may be called besides `localhost`, its host and any address."),
        SettingKey(
            "server.origins", .texts,
            "Origins of web pages that may call the server (CORS); none when left out."),
        SettingKey(
            "server.grace_seconds", .whole(0...3_600), standard: "\(Settings.Server.standard.graceSeconds)",
            "How long streams may go on after a signal to end."),
        SettingKey(
            "log.level", .choice(Settings.Log.levels), standard: "info", flag: "--log-level",
            "How much is logged."),
        SettingKey(
            "log.content", .truth, standard: "false", flag: "--log-content",
            "Whether texts may stand in the log."),
        SettingKey(
            "metrics.enabled", .truth, standard: "true", "Whether `/metrics` answers."),
        SettingKey(
            "page.enabled", .truth, standard: "true", "Whether `/` serves the page."),
        SettingKey(
            "wyoming.host", .text, standard: "127.0.0.1", flag: "--wyoming-host",
            "The address of the Wyoming listener, which knows no keys."),
        SettingKey(
            "wyoming.port", .whole(0...65_535), flag: "--wyoming-port",
            "The port of the Wyoming listener; none when left out."),
    ]

    private static let modelKeys: [SettingKey] = [
        SettingKey(
            "defaults.model", .text, flag: "--model",
            "The model that speaks when none, or one of OpenAI's, is named; else the first installed."),
        SettingKey(
            "defaults.transcriber", .text,
            "The model that listens when none, or one of OpenAI's, is named; else the first installed."),
        SettingKey(
            "defaults.voice", .text, flag: "--voice",
            "The voice when none is named; else the model's own choice."),
        SettingKey(
            "voices.directory", .text, flag: "--voices",
            "The folder of kept voices; else `voices` in `MYNAH_HOME`."),
        SettingKey(
            "voices.aliases", .names,
            "Other names for voices. OpenAI's that are not named here stand for the voices a model has, "
                + "in order."
        ),
        SettingKey(
            "voices.require_consent", .truth, standard: "true",
            "Whether a voice is kept only with a consent beside it."),
        SettingKey(
            "models.*.path", .text, "A folder or file of a model, listed under this name."),
        SettingKey(
            "models.*.quantization", .choice(Settings.Model.quantizations),
            "Rounds the weights to this type while loading."),
        SettingKey(
            "models.*.sessions", .whole(1...64), "How many requests the model works on at once."),
        SettingKey(
            "models.*.voices", .text, "A folder of kept voices for this model alone."),
        SettingKey("models.*.language", .text, "The language when a request names none."),
        SettingKey("models.*.temperature", .number(0.01...10), "Sampling, when a request does not say."),
        SettingKey("models.*.top_k", .whole(0...1_000_000), "Sampling, when a request does not say."),
        SettingKey("models.*.top_p", .number(0.001...1), "Sampling, when a request does not say."),
        SettingKey(
            "models.*.cfg_scale", .number(0...20),
            "Guidance of a diffusion model, when a request does not say."),
        SettingKey(
            "models.*.steps", .whole(1...1_000), "Steps of a diffusion model, when a request does not say."),
    ]

    private static func limit(
        _ name: String, _ range: ClosedRange<Int>, _ value: KeyPath<Settings.Limits, Int>, _ meaning: String
    ) -> SettingKey {
        SettingKey(
            "limits.\(name)", .whole(range), standard: "\(Settings.Limits.standard[keyPath: value])", meaning)
    }

    private static let limitKeys: [SettingKey] = [
        limit("connections", 1...100_000, \.connections, "Connections at once; others wait to be accepted."),
        limit("header_bytes", 1_024...1_048_576, \.headerBytes, "Head of a request."),
        limit(
            "json_bytes", 1_024...1_073_741_824, \.jsonBytes,
            "JSON body of a request, a recording in it apart."),
        limit("upload_bytes", 1_024...8_589_934_592, \.uploadBytes, "Recording to be transcribed."),
        limit("voice_bytes", 1_024...1_073_741_824, \.voiceBytes, "Recording of a voice or a consent."),
        limit(
            "temporary_bytes", 1_024...1_099_511_627_776, \.temporaryBytes,
            "Uploads at once: on disk, and as much again in memory by Wyoming."),
        limit("parts", 1...10_000, \.parts, "Parts of a form."),
        limit("text_characters", 1...10_000_000, \.textCharacters, "Characters of `input`."),
        limit(
            "recording_seconds", 1...86_400, \.recordingSeconds,
            "Decoded length of a recording to transcribe."),
        limit(
            "reference_seconds", 1...3_600, \.referenceSeconds, "Decoded length of a recording of a voice."),
        limit(
            "requests_per_key", 1...100_000, \.requestsPerKey,
            "Requests at once under one key, or from all without keys."),
        limit("queue", 0...100_000, \.queue, "Requests that wait for one model."),
        limit("request_seconds", 1...86_400, \.requestSeconds, "Seconds a request may take."),
        limit("receive_seconds", 1...86_400, \.receiveSeconds, "Seconds a request may take to arrive."),
        limit("idle_seconds", 1...86_400, \.idleSeconds, "Seconds a connection may say nothing."),
        limit(
            "write_seconds", 1...86_400, \.writeSeconds,
            "Seconds a client may take nothing of what waits for it."),
        limit(
            "ping_seconds", 1...3_600, \.pingSeconds,
            "Seconds of silence between comments in a stream of events."),
    ]

    private static let engineKeys: [SettingKey] = [
        SettingKey(
            "engine.memory_megabytes", .whole(64...16_777_216),
            "Memory for models together; the least recently used make room. "
                + "Else most of what the machine has."
        ),
        SettingKey(
            "engine.idle_seconds", .whole(1...31_536_000),
            standard: "\(Settings.Engine.standard.idleSeconds)",
            "After this long without a request a model is unloaded."),
        SettingKey(
            "engine.device", .text, standard: "auto",
            "What computes: `auto`, `cpu`, or a name that `mynah doctor` lists."),
        SettingKey(
            "engine.threads", .whole(1...1_024),
            "Threads of a model; as many as there are cores when left out."),
    ]
}
