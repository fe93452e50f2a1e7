import CoreMetrics
import Metrics

/// What each metric is, for the one who reads them and for the documentation.
package enum Help {
    package static let texts = [
        "mynah_http_requests_total": "Requests answered, by route, method and status.",
        "mynah_http_request_seconds": "Time from a request's head to the end of its answer, by route.",
        "mynah_requests_active": "Requests to speak or transcribe whose client is being served.",
        "mynah_heard_seconds_total": "Seconds of recordings taken in to be transcribed.",
        "mynah_clients_left_total": "Requests whose client left before the end.",
        "mynah_models": "Models, by their state.",
    ]
}

/// The numbers that the server counts.
package struct ServerMetrics: Sendable {
    package let registry: MetricsRegistry
    let active: Meter
    let heardSeconds: FloatingPointCounter
    let clientsLeft: Counter

    package init(_ registry: MetricsRegistry = MetricsRegistry()) {
        self.registry = registry
        active = Meter(label: "mynah_requests_active", factory: registry)
        heardSeconds = FloatingPointCounter(label: "mynah_heard_seconds_total", factory: registry)
        clientsLeft = Counter(label: "mynah_clients_left_total", factory: registry)
    }

    func answered(route: String, method: String, status: Int, after duration: Duration) {
        Counter(
            label: "mynah_http_requests_total",
            dimensions: [("route", route), ("method", method), ("status", "\(status)")], factory: registry
        ).increment()
        Timer(label: "mynah_http_request_seconds", dimensions: [("route", route)], factory: registry)
            .record(duration: duration)
    }

    func count(_ models: [EngineModel]) {
        for state in ["idle", "loading", "ready", "resting"] {
            Meter(label: "mynah_models", dimensions: [("state", state)], factory: registry)
                .set(models.count { $0.state.name == state })
        }
    }
}

extension EngineModel.State {
    /// As clients are told.
    var name: String {
        switch self {
        case .idle: "idle"
        case .loading: "loading"
        case .ready: "ready"
        case .resting: "resting"
        }
    }
}
