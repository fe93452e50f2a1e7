import Foundation
package import Logging
package import Mynah

/// What every route works with.
package struct ServerParts: Sendable {
    package let settings: Settings
    package let engine: any SpeechEngine
    package let metrics: ServerMetrics
    package let logger: Logger
    let gate: Gate
    let uploads: TemporaryFiles
    let voices: VoiceShelf
    let names: NameTable
    /// When the server began, in seconds since 1970.
    let began: Int

    package init(
        settings: Settings, engine: any SpeechEngine, metrics: ServerMetrics, logger: Logger, home: MynahHome
    ) throws {
        (self.settings, self.engine, self.metrics, self.logger) = (settings, engine, metrics, logger)
        gate = Gate(settings)
        uploads = try TemporaryFiles(quota: settings.limits.temporaryBytes)
        voices = try VoiceShelf(settings, home: home)
        names = NameTable(settings: settings, engine: engine, voices: voices)
        began = Clock.now
    }
}

/// The time as the wire tells it.
enum Clock {
    /// Seconds since 1970.
    static var now: Int { Int(Date().timeIntervalSince1970) }
}
