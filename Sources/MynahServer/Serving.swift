import CoreMetrics
import Logging
import Metrics
import Mynah
import NIOCore
import ServiceLifecycle
import SpeechCore

/// Everything that `mynah serve` runs: the models, HTTP, and Wyoming where it is asked for.
package struct Serving: Sendable {
    private let settings: Settings
    private let group: ServiceGroup
    private let pool: ModelPool

    /// Makes everything ready; nothing listens yet. Once in a process: the metrics are its own.
    ///
    /// - Parameter whenBound: told the port of HTTP, once connections are taken.
    package init(
        _ settings: Settings, environment: [String: String],
        whenBound: @escaping @Sendable (Int) async -> Void
    ) throws {
        self.settings = settings
        let metrics = ServerMetrics()
        MetricsSystem.bootstrap(metrics.registry)
        let level = Logger.Level(rawValue: settings.log.level) ?? .info
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        let home = MynahHome(environment: environment)
        pool = ModelPool(
            Self.pool(settings, environment), library: ModelLibrary(environment: environment),
            log: Logger(label: "mynah.models"))
        let engine = JoiningEngine(pool)
        let parts = try ServerParts(
            settings: settings, engine: engine, metrics: metrics, logger: Logger(label: "mynah.http"),
            home: home)
        var services: [any Service] = [SpeechServer(parts, whenBound: whenBound)]
        if let wyoming = WyomingServer(parts) { services.append(wyoming) }
        var configuration = ServiceGroupConfiguration(
            services: services, logger: Logger(label: "mynah.services"))
        configuration.maximumGracefulShutdownDuration = .seconds(settings.server.graceSeconds)
        group = ServiceGroup(configuration: configuration)
    }

    /// Serves until the task is cancelled; then what streams may end within the time of grace.
    package func run() async throws {
        let (group, pool) = (group, pool)
        let running = Task.detached { try await group.run() }
        let result = await withTaskCancellationHandler {
            await running.result
        } onCancel: {
            Task { await group.triggerGracefulShutdown() }
        }
        await pool.close(grace: .zero)
        do {
            try result.get()
        } catch let error as IOError {
            throw SpeechError(
                .inputOutput,
                "The server could not listen at \(settings.server.host), port \(settings.server.port).",
                remedy: "Choose another --port, or end what listens there.", underlying: error)
        }
    }

    /// What the pool is told of the settings.
    private static func pool(_ settings: Settings, _ environment: [String: String]) -> PoolSettings {
        var pool = PoolSettings()
        let engine = settings.engine
        pool.options = LoadOptions(
            quantization: nil, device: ComputeDevice(engine.device), threads: engine.threads)
        pool.models = settings.models.sorted { $0.key < $1.key }.map { name, model in
            var options = pool.options
            options.quantization = model.quantization
            if let sessions = model.sessions { options.sessions = sessions }
            return PoolSettings.Model(name: name, source: model.path, options: options)
        }
        if let megabytes = engine.memoryMegabytes { pool.memoryBudget = megabytes << 20 }
        pool.idleAfter = .seconds(engine.idleSeconds)
        pool.waiting = settings.limits.queue
        pool.deadline = .seconds(settings.limits.requestSeconds)
        pool.environment = environment.filter { !$0.key.hasPrefix("MYNAH_API_KEY") }
        return pool
    }
}
