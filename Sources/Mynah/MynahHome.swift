public import Foundation

/// Where models and voices are kept.
public struct MynahHome: Sendable, Equatable {
    /// The folder itself.
    public let directory: URL

    /// `MYNAH_HOME`; else `mynah` in `XDG_DATA_HOME`; else in the user's data folder. Empty counts as unset.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let user = value("HOME") ?? NSHomeDirectory()
        directory =
            value("MYNAH_HOME").map { URL(fileURLWithPath: $0, isDirectory: true) }
            ?? URL(fileURLWithPath: value("XDG_DATA_HOME") ?? user + "/.local/share", isDirectory: true)
            .appendingPathComponent("mynah", isDirectory: true)
    }

    /// Folders of models, and models in one file.
    public var models: URL { directory.appendingPathComponent("models", isDirectory: true) }
    /// Files of voices.
    public var voices: URL { directory.appendingPathComponent("voices", isDirectory: true) }
}
