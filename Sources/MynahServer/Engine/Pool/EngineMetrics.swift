import CoreMetrics
import SpeechCore

/// What is counted of one model. The names are part of the server's face:
///
/// | name | kind | of |
/// |---|---|---|
/// | `mynah_requests_total` | counter | requests, by `model` and `outcome` |
/// | `mynah_audio_seconds_total` | counter | seconds of sound made |
/// | `mynah_first_sound_seconds` | recorder | from asking to the first sound |
/// | `mynah_request_seconds` | recorder | from asking to the end |
/// | `mynah_queue_length` | gauge | requests that wait |
/// | `mynah_active_requests` | gauge | requests that a worker works on |
/// | `mynah_worker_starts_total` | counter | processes started for the model |
/// | `mynah_worker_crashes_total` | counter | processes that ended unasked |
/// | `mynah_worker_resident_bytes` | gauge | memory that the process holds |
///
/// The metrics system must be set up before the pool is made.
struct ModelMetrics: Sendable {
    /// How a request ended.
    enum Outcome: String { case done, failed, cancelled, crashed, late, refused }

    private let model: (String, String)
    private let audioSeconds: FloatingPointCounter
    private let firstSound: Recorder
    private let seconds: Recorder
    let queueLength: Gauge
    let active: Gauge
    let starts: Counter
    let crashes: Counter
    let resident: Gauge

    init(model name: String) {
        model = ("model", name)
        let labels = [model]
        audioSeconds = FloatingPointCounter(label: "mynah_audio_seconds_total", dimensions: labels)
        firstSound = Recorder(label: "mynah_first_sound_seconds", dimensions: labels)
        seconds = Recorder(label: "mynah_request_seconds", dimensions: labels)
        queueLength = Gauge(label: "mynah_queue_length", dimensions: labels)
        active = Gauge(label: "mynah_active_requests", dimensions: labels)
        starts = Counter(label: "mynah_worker_starts_total", dimensions: labels)
        crashes = Counter(label: "mynah_worker_crashes_total", dimensions: labels)
        resident = Gauge(label: "mynah_worker_resident_bytes", dimensions: labels)
    }

    /// Sound was made: the first of its request, when `asked` says when that came.
    func made(_ audio: AudioBuffer, firstSince asked: ContinuousClock.Instant?) {
        audioSeconds.increment(by: audio.duration)
        if let asked { firstSound.record((ContinuousClock.now - asked).seconds) }
    }

    func ended(_ outcome: Outcome, since asked: ContinuousClock.Instant) {
        Counter(label: "mynah_requests_total", dimensions: [model, ("outcome", outcome.rawValue)]).increment()
        if outcome == .done { seconds.record((ContinuousClock.now - asked).seconds) }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
