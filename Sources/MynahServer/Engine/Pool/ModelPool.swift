package import Logging
package import Mynah
package import SpeechCore

/// The models of this machine, each in a process of its own while it is loaded.
///
/// Requests wait here, and a worker is given as many as its model has places; so a process that ends takes with it
/// only what it was working on.
package actor ModelPool: SpeechEngine {
    let settings: PoolSettings
    let library: ModelLibrary
    let log: Logger
    /// By name; `names` has them in order.
    var residents: [String: Resident] = [:]
    var names: [String] = []
    var faults = FaultRecord()
    var isClosing = false
    /// Whoever waits for memory, and whoever waits for the last request to end.
    var roomWaiters: [CheckedContinuation<Void, Never>] = []
    var closers: [CheckedContinuation<Void, Never>] = []
    private var housekeeping: Task<Void, Never>?

    package init(
        _ settings: PoolSettings, library: ModelLibrary = ModelLibrary(),
        log: Logger = Logger(label: "mynah.models")
    ) {
        (self.settings, self.library, self.log) = (settings, library, log)
    }

    deinit { housekeeping?.cancel() }

    // MARK: what there is

    package func models() async -> [EngineModel] {
        refresh()
        return names.compactMap { residents[$0] }.map {
            EngineModel(name: $0.name, listens: $0.listens, state: $0.state)
        }
    }

    package func card(of model: String) async throws -> EngineCard {
        switch try await facts(of: resident(named: model)).card {
        case .speaks(let card): .speaks(card)
        case .listens(let card): .listens(card)
        }
    }

    /// Processes of loaded models.
    package var workers: [String: Int32] {
        residents.compactMapValues { $0.worker?.process }
    }

    /// Looks again at what is installed.
    private func refresh() {
        var found: [String] = []
        func add(_ name: String, _ place: ModelPlace, _ options: LoadOptions) {
            guard !found.contains(name) else { return }
            found.append(name)
            if let known = residents[name], known.path == place.path || known.worker != nil { return }
            residents[name] = Resident(
                name: name, path: place.path, options: options, listens: place.listens)
        }
        for model in settings.models {
            if let place = try? library.locate(model.source ?? model.name) {
                add(model.name, place, model.options)
            }
        }
        if settings.includesInstalled {
            for place in library.installed() { add(place.name, place, settings.options) }
        }
        names = found
        // One whose files went stays until its process has.
        residents = residents.filter { found.contains($0.key) || $0.value.worker != nil || !$0.value.isIdle }
    }

    func resident(named name: String) throws -> Resident {
        if !names.contains(name) { refresh() }
        guard names.contains(name), let resident = residents[name] else {
            throw EngineError.unknownModel(name, known: names)
        }
        return resident
    }

    private func metrics(of model: String) throws -> ModelMetrics { try resident(named: model).metrics }

    // MARK: requests

    package nonisolated func speak(_ order: SpeechOrder) async throws
        -> AsyncThrowingStream<AudioChunk, any Error>
    {
        let (stream, continuation) = AsyncThrowingStream<AudioChunk, any Error>.makeStream()
        let output = WorkerOutput.sound(continuation, try await metrics(of: order.model))
        let request = EngineRequest(
            model: order.model, digest: OrderDigest(order), work: .speak(order.utterances, order.options),
            output: output)
        continuation.onTermination = leaving(request)
        try await admit(request)
        return stream
    }

    package nonisolated func transcribe(_ order: TranscriptionOrder) async throws
        -> AsyncThrowingStream<TranscriptionEvent, any Error>
    {
        let (stream, continuation) = AsyncThrowingStream<TranscriptionEvent, any Error>.makeStream()
        let request = EngineRequest(
            model: order.model, digest: OrderDigest(order), work: .transcribe(order.audio, order.options),
            output: .events(continuation))
        continuation.onTermination = leaving(request)
        try await admit(request)
        return stream
    }

    package nonisolated func clone(_ recording: Recording, name: String, model: String) async throws
        -> VoiceProfile
    {
        let (stream, continuation) = AsyncThrowingStream<VoiceProfile, any Error>.makeStream()
        let request = EngineRequest(
            model: model, digest: OrderDigest(recording, name: name, model: model),
            work: .clone(recording, name: name), output: .profile(continuation))
        continuation.onTermination = leaving(request)
        try await admit(request)
        for try await profile in stream { return profile }
        throw CancellationError()
    }

    private nonisolated func leaving<Element>(_ request: EngineRequest)
        -> @Sendable (AsyncThrowingStream<Element, any Error>.Continuation.Termination) -> Void
    {
        let (id, model) = (request.id, request.model)
        return { [weak self] reason in
            if case .cancelled = reason { Task { await self?.leave(id, model) } }
        }
    }

    /// Gives a request a place in its model's queue, and returns when the model is loaded.
    private func admit(_ request: EngineRequest) async throws {
        let resident = try admissible(request)
        let ticket = Ticket(request)
        ticket.isSuspect = faults.isSuspect(ticket.digest)
        resident.waiting.append(ticket)
        keepHouse()
        if resident.stage == .ready { return pump(resident) }
        load(resident)
        let (id, model) = (request.id, request.model)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { ticket.awaitAdmission($0) }
        } onCancel: {
            Task { await self.leave(id, model) }
        }
    }

    /// Refuses what cannot be taken in now.
    private func admissible(_ request: EngineRequest) throws -> Resident {
        let resident = try resident(named: request.model)
        func refuse(_ error: EngineError) -> EngineError {
            resident.metrics.ended(.refused, since: .now)
            return error
        }
        if isClosing { throw refuse(.closing) }
        guard resident.listens == request.work.listens else {
            throw refuse(.wrongKind(request.model, listens: resident.listens))
        }
        if faults.isQuarantined(request.digest) { throw refuse(.quarantined(request.model)) }
        if resident.stage == .resting {
            let rest = (resident.restsUntil - .now).seconds
            guard rest <= 0 else {
                let again = Int(rest.rounded(.up))
                throw refuse(resident.refusal ?? .loading(request.model, progress: nil, retryAfter: again))
            }
            resident.stage = .absent
        }
        let free = max(0, resident.places - resident.active.count)
        guard resident.waiting.count < settings.waiting + free else {
            throw refuse(.busy(request.model, retryAfter: resident.retryAfter))
        }
        return resident
    }

    /// Gives the worker as many requests as the model has places, in the order they came. A suspect runs alone.
    func pump(_ resident: Resident) {
        guard resident.stage == .ready, !resident.isDraining, let worker = resident.worker else { return }
        while let next = resident.waiting.first, resident.active.count < resident.places,
            resident.active.isEmpty || !next.isSuspect && !resident.active.values.contains(where: \.isSuspect)
        {
            resident.waiting.removeFirst()
            start(next, resident, worker)
        }
    }

    private func start(_ ticket: Ticket, _ resident: Resident, _ worker: WorkerProcess) {
        ticket.number = resident.nextNumber
        resident.nextNumber += 1
        ticket.started = .now
        resident.active[ticket.number] = ticket
        worker.register(ticket.number, ticket.output)
        do {
            try ticket.work.tell(worker, ticket.number)
        } catch {
            _ = worker.forget(ticket.number)
            resident.active[ticket.number] = nil
            ticket.fail(EngineError.speech(SpeechError(describing: error)))
        }
    }

    // MARK: endings

    /// The listener is gone.
    private func leave(_ id: UInt64, _ model: String) {
        guard let resident = residents[model],
            let ticket = (resident.waiting + resident.active.values).first(where: { $0.id == id })
        else { return }
        drop(ticket, resident, CancellationError(), .cancelled)
    }

    /// Takes a request out, wherever it is.
    func drop(
        _ ticket: Ticket, _ resident: Resident, _ error: any Error, _ outcome: ModelMetrics.Outcome
    ) {
        resident.waiting.removeAll { $0.id == ticket.id }
        if resident.active.removeValue(forKey: ticket.number) != nil, let worker = resident.worker {
            _ = worker.forget(ticket.number)
            try? worker.send(.cancel, request: ticket.number)
        }
        resident.metrics.ended(outcome, since: ticket.asked)
        ticket.fail(error)
        moveOn(resident)
    }

    /// The worker said the last of a request.
    func settle(_ number: UInt32, isAnswer: Bool, _ resident: Resident) {
        guard let ticket = resident.active.removeValue(forKey: number) else { return }
        faults.clear(ticket.digest)
        if isAnswer, let started = ticket.started { resident.took((ContinuousClock.now - started).seconds) }
        resident.metrics.ended(isAnswer ? .done : .failed, since: ticket.asked)
        moveOn(resident)
    }

    /// A place fell free.
    func moveOn(_ resident: Resident) {
        resident.lastUse = .now
        pump(resident)
        if resident.isIdle || resident.isDraining && resident.active.isEmpty { wakeRoomWaiters() }
        if isClosing, residents.values.allSatisfy(\.isIdle) { wakeClosers() }
    }

    func wakeRoomWaiters() {
        let waiters = roomWaiters
        roomWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    func wakeClosers() {
        let waiters = closers
        closers = []
        for waiter in waiters { waiter.resume() }
    }

    // MARK: housekeeping

    /// From the first request on, looks after deadlines a few times a second.
    private func keepHouse() {
        guard housekeeping == nil else { return }
        housekeeping = Task { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(200))
                guard let self else { return }
                await self.tidy(at: .now)
            }
        }
    }
}
