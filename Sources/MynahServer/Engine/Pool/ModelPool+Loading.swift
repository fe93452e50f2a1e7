import CoreMetrics
import Foundation
import Logging
import Mynah
import SpeechCore

// A model comes: its files are read by a process that may die of them, room is made, a process loads it.

extension ModelPool {
    /// Begins to load a model, unless that has begun.
    func load(_ resident: Resident) {
        guard resident.stage == .absent else { return }
        (resident.stage, resident.progress, resident.refusal) = (.loading, nil, nil)
        Task { await bringUp(resident) }
    }

    private func bringUp(_ resident: Resident) async {
        do {
            let need = try await facts(of: resident).footprint
            guard need <= settings.memoryBudget else {
                throw EngineError.speech(
                    .overBudget(resident.name, need: need, budget: settings.memoryBudget))
            }
            guard await makeRoom(for: resident, need) else { return }
            let worker = try await start(resident)
            resident.worker = worker
            (resident.nextNumber, resident.progress) = (1, 0)
            if isClosing { worker.kill() }
            Task { await watch(resident, worker) }
            try worker.send(.load(WorkerModel(path: resident.path, resident.options)))
        } catch {
            resident.reserved = 0
            rest(resident, because: error)
        }
    }

    private func start(_ resident: Resident) async throws -> WorkerProcess {
        resident.metrics.starts.increment()
        let worker = try await WorkerProcess.start(
            WorkerProcess.Launch(
                program: settings.program, environment: settings.environment, name: resident.name))
        log.info(
            "A worker started", metadata: ["model": "\(resident.name)", "process": "\(worker.process)"])
        return worker
    }

    /// What a model's files say of it, read by a process of its own: once for all who ask, until the files change.
    /// What could not be read is tried again after a minute at the earliest.
    func facts(of resident: Resident) async throws -> ModelFacts {
        let stamp = resident.stamp
        if let known = resident.reading, known.stamp == stamp, known.expires.map({ $0 > .now }) ?? true {
            return try await known.facts.value
        }
        let facts = Task {
            do { return try await inspect(resident) } catch {
                resident.reading?.expires = .now + .seconds(60)
                throw error
            }
        }
        resident.reading = Resident.Reading(facts: facts, stamp: stamp)
        return try await facts.value
    }

    private func inspect(_ resident: Resident) async throws -> ModelFacts {
        let worker: WorkerProcess
        do { worker = try await start(resident) } catch {
            throw EngineError.speech(SpeechError(describing: error))
        }
        try worker.send(.inspect(WorkerModel(path: resident.path, resident.options)))
        let limit = Task { [settings] in
            try await Task.sleep(for: settings.hangAfter)
            worker.kill()
        }
        defer { limit.cancel() }
        var result: Result<ModelFacts, EngineError> = .failure(.crashed(resident.name))
        for await event in worker.events {
            switch event {
            case .hello(let version) where version != workerProtocol:
                result = .failure(.speech(.otherVersion()))
                worker.kill()
            case .inspected(let facts):
                result = .success(facts)
                try? worker.send(.shutDown)
            case .refused(let error):
                result = .failure(.speech(error))
                try? worker.send(.shutDown)
            case .said(let line): tell(resident, worker, line)
            case .ended(let ending):
                if case .failure(.crashed) = result { tell(resident, worker, ending) }
            default: break
            }
        }
        return try result.get()
    }

    // MARK: room

    /// Waits until a model fits beside the others, for whose sake those go that nobody has used for longest. Gives
    /// false when nobody wants it any more.
    private func makeRoom(for resident: Resident, _ need: Int) async -> Bool {
        resident.wantsRoomSince = .now
        defer { resident.wantsRoomSince = nil }
        while residents.values.reduce(need, { $0 + $1.reserved }) > settings.memoryBudget {
            if resident.isIdle {
                resident.stage = .absent
                return false
            }
            if let victim = leastUsed(where: { $0.isIdle || $0.isDraining && $0.active.isEmpty }) {
                await unload(victim)
            } else {
                await withCheckedContinuation { roomWaiters.append($0) }
            }
        }
        resident.reserved = need
        return true
    }

    private func leastUsed(where condition: (Resident) -> Bool) -> Resident? {
        residents.values.filter { $0.stage == .ready && condition($0) }.min { $0.lastUse < $1.lastUse }
    }

    /// Ends a model's process, and returns when it has ended.
    func unload(_ resident: Resident) async {
        guard let worker = resident.worker else { return }
        if resident.stage != .leaving {
            log.info("A model is unloaded", metadata: ["model": "\(resident.name)"])
            resident.stage = .leaving
            try? worker.send(.shutDown)
        }
        let limit = Task {
            try await Task.sleep(for: .seconds(5))
            worker.kill()
        }
        await withCheckedContinuation { resident.farewells.append($0) }
        limit.cancel()
    }

    // MARK: what the process says

    private func watch(_ resident: Resident, _ worker: WorkerProcess) async {
        for await event in worker.events {
            switch event {
            case .hello(let version) where version != workerProtocol:
                resident.refusal = .speech(.otherVersion())
                worker.kill()
            case .hello, .inspected: break
            case .loading(let share): resident.progress = share
            case .loaded: opened(resident)
            case .refused(let error):
                resident.refusal = .speech(error)
                try? worker.send(.shutDown)
            case .beat(let bytes): resident.metrics.resident.record(bytes)
            case .settled(let number, let isAnswer): settle(number, isAnswer: isAnswer, resident)
            case .said(let line): tell(resident, worker, line)
            case .ended(let ending): ended(resident, worker, ending)
            }
        }
    }

    private func opened(_ resident: Resident) {
        guard resident.stage == .loading else { return }
        (resident.stage, resident.progress, resident.failures) = (.ready, nil, 0)
        resident.lastUse = .now
        for ticket in resident.waiting { ticket.admit() }
        pump(resident)
        if resident.isIdle { wakeRoomWaiters() }
    }

    private func ended(_ resident: Resident, _ worker: WorkerProcess, _ ending: WorkerEnding) {
        let stage = resident.stage
        (resident.worker, resident.reserved, resident.isDraining) = (nil, 0, false)
        resident.metrics.resident.record(0)
        if stage != .leaving, resident.refusal == nil {
            resident.metrics.crashes.increment()
            tell(resident, worker, ending)
        }
        if stage == .loading {
            rest(resident, because: resident.refusal ?? EngineError.crashed(resident.name))
        } else {
            resident.stage = .absent
            lose(resident, worker, ending)
            // Those who wait were not in it.
            if !resident.waiting.isEmpty { load(resident) }
        }
        let farewells = resident.farewells
        resident.farewells = []
        for farewell in farewells { farewell.resume() }
        wakeRoomWaiters()
        if isClosing, residents.values.allSatisfy(\.isIdle) { wakeClosers() }
    }

    /// Fails what was inside a process that ended.
    private func lose(_ resident: Resident, _ worker: WorkerProcess, _ ending: WorkerEnding) {
        var isBlamed = true
        if case .stopped = ending { isBlamed = false }
        let lost = resident.active.values
        resident.active = [:]
        for ticket in lost {
            if isBlamed { faults.note(ticket.digest) }
            _ = worker.forget(ticket.number)
            resident.metrics.ended(.crashed, since: ticket.asked)
            ticket.fail(EngineError.crashed(resident.name))
        }
    }

    /// A load failed: the model is not tried again for a while, longer each time.
    private func rest(_ resident: Resident, because error: any Error) {
        let error = error as? EngineError ?? .speech(SpeechError(describing: error))
        if case .speech = error { resident.refusal = error }
        resident.failures += 1
        let doubled = settings.restAfterFailure * (1 << min(resident.failures - 1, 6))
        resident.restsUntil = .now + min(doubled, max(.seconds(60), settings.restAfterFailure))
        (resident.stage, resident.progress) = (.resting, nil)
        log.warning(
            "A model could not be loaded", metadata: ["model": "\(resident.name)", "error": "\(error)"])
        let waiting = resident.waiting
        resident.waiting = []
        for ticket in waiting {
            resident.metrics.ended(.failed, since: ticket.asked)
            ticket.fail(error)
        }
        wakeRoomWaiters()
    }

    // MARK: the log

    private func tell(_ resident: Resident, _ worker: WorkerProcess, _ line: String) {
        log.notice(
            "\(line)", metadata: ["model": "\(resident.name)", "process": "\(worker.process)"])
    }

    private func tell(_ resident: Resident, _ worker: WorkerProcess, _ ending: WorkerEnding) {
        log.error(
            "A worker ended: \(ending)",
            metadata: ["model": "\(resident.name)", "process": "\(worker.process)"])
    }
}
