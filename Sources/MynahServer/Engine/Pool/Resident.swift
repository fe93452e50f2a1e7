import CoreMetrics
import Foundation
import Mynah
import SpeechCore

/// A model of the pool and what becomes of it. Used by the pool only.
final class Resident {
    /// Facts, or why there are none.
    struct Reading {
        let facts: Task<ModelFacts, any Error>
        /// The files' when they were read.
        let stamp: [Date?]
        /// When it is to be tried again; nil where it went well.
        var expires: ContinuousClock.Instant?
    }

    /// How it stands.
    enum Stage { case absent, loading, ready, leaving, resting }

    let name: String
    let path: String
    let options: LoadOptions
    let listens: Bool
    let metrics: ModelMetrics

    var stage = Stage.absent
    var progress: Double?
    var worker: WorkerProcess?
    /// Bytes counted against the budget.
    var reserved = 0
    /// Those who wait for a place, and those whose requests the worker has.
    var waiting: [Ticket] = [] { didSet { metrics.queueLength.record(waiting.count) } }
    var active: [UInt32: Ticket] = [:] { didSet { metrics.active.record(active.count) } }
    /// The number of the next request to this worker.
    var nextNumber: UInt32 = 1
    var lastUse = ContinuousClock.now
    /// Since when it waits for others to make room.
    var wantsRoomSince: ContinuousClock.Instant?
    /// Whether it takes no more requests until it has made room.
    var isDraining = false
    /// Loads that failed since one did not, when it may be tried again, and why it failed.
    var failures = 0
    var restsUntil = ContinuousClock.now
    var refusal: EngineError?
    /// Seconds that a request takes lately.
    var pace = 2.0
    /// What was read of the files, or is being read.
    var reading: Reading?
    /// Whoever waits for the process to end.
    var farewells: [CheckedContinuation<Void, Never>] = []

    init(name: String, path: String, options: LoadOptions, listens: Bool) {
        (self.name, self.path, self.options, self.listens) = (name, path, options, listens)
        metrics = ModelMetrics(model: name)
    }

    /// Requests the worker is given at once.
    var places: Int { listens ? 1 : max(1, options.sessions) }

    var isIdle: Bool { waiting.isEmpty && active.isEmpty }

    /// A guess at how long the queue takes to move on, in seconds.
    var retryAfter: Int {
        let rounds = Double(waiting.count + active.count) / Double(places)
        return min(60, max(1, Int((pace * rounds / 2).rounded(.up))))
    }

    func took(_ seconds: Double) { pace += (seconds - pace) / 8 }

    /// Changes when the model's files do.
    var stamp: [Date?] {
        ["", "/config.json", "/model.safetensors"].map { file in
            (try? FileManager.default.attributesOfItem(atPath: path + file))?[.modificationDate] as? Date
        }
    }

    var state: EngineModel.State {
        switch stage {
        case .absent, .leaving: .idle
        case .loading: .loading(progress)
        case .ready: .ready
        case .resting: .resting(max(0, (restsUntil - .now).seconds))
        }
    }
}
