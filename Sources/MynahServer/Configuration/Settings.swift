package import Mynah

/// What the server was told, of every source together.
package struct Settings: Sendable, Equatable {
    package var server = Server.standard
    package var log = Log()
    package var defaults = Defaults()
    package var voices = Voices()
    /// By the model's name.
    package var models: [String: Model] = [:]
    package var limits = Limits.standard
    package var engine = Engine.standard
    package var wyoming = Wyoming()
    package var servesMetrics = true
    package var servesPage = true

    package init() {}

    package struct Server: Sendable, Equatable {
        package var host = "127.0.0.1"
        package var port = 8_080
        /// From every place they may stand in; empty means that nobody is asked for one.
        package var keys: [String] = []
        package var keyFile: String?
        package var isOpen = false
        package var hosts: [String] = []
        package var origins: [String] = []
        package var graceSeconds = 30

        static let standard = Server()

        /// Whether only this machine reaches the address.
        package var isLoopback: Bool { HostName(host).isLoopback }
    }

    package struct Log: Sendable, Equatable {
        static let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
        package var level = "info"
        package var content = false
    }

    package struct Defaults: Sendable, Equatable {
        package var model: String?
        package var transcriber: String?
        package var voice: String?
    }

    package struct Voices: Sendable, Equatable {
        package var directory: String?
        package var aliases: [String: String] = [:]
        package var requireConsent = true
    }

    package struct Model: Sendable, Equatable {
        static let quantizations = Quantization.allCases.map(\.rawValue)
        package var path: String?
        package var quantization: Quantization?
        package var sessions: Int?
        package var voices: String?
        package var language: String?
        package var temperature: Double?
        package var topK: Int?
        package var topP: Double?
        package var guidance: Double?
        package var steps: Int?

        package init() {}
    }

    package struct Limits: Sendable, Equatable {
        package var connections = 256
        package var headerBytes = 16 << 10
        package var jsonBytes = 1 << 20
        package var uploadBytes = 25 << 20
        package var voiceBytes = 10 << 20
        package var temporaryBytes = 1 << 30
        package var parts = 64
        package var textCharacters = 4_096
        package var recordingSeconds = 3_600
        package var referenceSeconds = 120
        package var requestsPerKey = 128
        package var queue = 64
        package var requestSeconds = 600
        package var receiveSeconds = 120
        package var idleSeconds = 60
        package var writeSeconds = 30
        package var pingSeconds = 15

        static let standard = Limits()
    }

    package struct Engine: Sendable, Equatable {
        package var memoryMegabytes: Int?
        package var idleSeconds = 900
        package var device = "auto"
        package var threads: Int?

        static let standard = Engine()
    }

    package struct Wyoming: Sendable, Equatable {
        package var host = "127.0.0.1"
        package var port: Int?
    }
}
