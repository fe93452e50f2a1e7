import ArgumentParser
import Foundation
import Mynah
import MynahServer
import SpeechCore
import Synchronization

/// `mynah serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve OpenAI's speech API, and a page to use it from.",
        discussion: """
            Every installed model becomes a service for this machine, at http://127.0.0.1:8080:
              mynah serve
              curl http://127.0.0.1:8080/v1/audio/speech -H 'Content-Type: application/json' \\
                -d '{"input": "Good morning.", "voice": "alloy"}' -o morning.mp3
            For a whole network, with keys:
              MYNAH_API_KEYS=… mynah serve --host 0.0.0.0
            Settings come from config.json, from variables (MYNAH_…) and from flags, the later ones stronger. Look at
            them without serving:
              mynah serve --config config.json --check-config
            """)

    @Option(
        help: "Settings; else config.json in MYNAH_HOME, where there is one.",
        completion: .file(extensions: ["json"]))
    var config: String?

    @Flag(help: "Say what is wrong with the settings, and end.")
    var checkConfig = false

    @Option(help: "The address to listen on; any but this machine's own needs keys.")
    var host: String?

    @Option(help: "The port; 0 lets the system choose.")
    var port: String?

    @Option(help: ArgumentHelp("A file of API keys, one a line.", valueName: "file"), completion: .file())
    var apiKeyFile: String?

    @Flag(help: "Serve another address without keys.")
    var insecureNoAuth = false

    @Option(name: .shortAndLong, help: "The model that speaks when none is named.")
    var model: String?

    @Option(name: .shortAndLong, help: "The voice when none is named.")
    var voice: String?

    @Option(help: ArgumentHelp("The folder of kept voices.", valueName: "folder"), completion: .directory)
    var voices: String?

    @Option(help: ArgumentHelp("The address of the Wyoming listener.", valueName: "address"))
    var wyomingHost: String?

    @Option(help: ArgumentHelp("The port of the Wyoming listener; none without it.", valueName: "port"))
    var wyomingPort: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    @Flag(help: "Let texts stand in the log.")
    var logContent = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let settings: Settings
        do {
            var reader = SettingsReader(file: file(environment), environment: environment, flags: flags)
            settings = try reader.read()
            if checkConfig { try settings.check(environment: environment) }
        } catch let problems as SettingProblems {
            throw problems.error
        }
        if checkConfig { return Console.note("The settings are good.") }
        Interruption.patience.store(settings.server.graceSeconds + 5, ordering: .relaxed)
        let serving = try Serving(settings, environment: environment) { port in
            let host = settings.server.host.contains(":") ? "[\(settings.server.host)]" : settings.server.host
            Console.note("Listening at http://\(host):\(port)")
        }
        try await serving.run()
    }

    private func file(_ environment: [String: String]) -> String? {
        if let config { return config }
        let standard = MynahHome(environment: environment).directory.appendingPathComponent("config.json")
            .path
        return FileManager.default.fileExists(atPath: standard) ? standard : nil
    }

    /// What was given, by key path.
    private var flags: [String: String] {
        let given: [(String, String?)] = [
            ("server.host", host), ("server.port", port), ("server.api_key_file", apiKeyFile),
            ("server.insecure_no_auth", insecureNoAuth ? "true" : nil), ("defaults.model", model),
            ("defaults.voice", voice), ("voices.directory", voices), ("wyoming.host", wyomingHost),
            ("wyoming.port", wyomingPort), ("log.level", logLevel),
            ("log.content", logContent ? "true" : nil),
        ]
        return given.reduce(into: [:]) { flags, pair in flags[pair.0] = pair.1 }
    }
}
