import CoreMetrics
import Foundation
import Logging
import SpeechCore

// What time brings: requests that are late, workers that hang, models nobody asks for, and the end.

extension ModelPool {
    /// Does what is due at a time.
    package func tidy(at now: ContinuousClock.Instant) {
        for resident in residents.values {
            dropLate(resident, now)
            endHung(resident, now)
            if resident.stage == .ready, resident.isIdle, now - resident.lastUse > settings.idleAfter {
                Task { await unload(resident) }
            }
            if let since = resident.wantsRoomSince, now - since > settings.yieldAfter {
                drainForRoom(resident)
            }
        }
        wakeRoomWaiters()
    }

    private func dropLate(_ resident: Resident, _ now: ContinuousClock.Instant) {
        for ticket in resident.waiting + resident.active.values {
            if now - ticket.asked > settings.deadline {
                let limit = Int(settings.deadline.seconds.rounded(.up))
                drop(ticket, resident, EngineError.late(seconds: limit), .late)
            } else if !ticket.isAdmitted, now - ticket.asked > settings.loadingWait {
                drop(ticket, resident, loading(resident), .refused)
            }
        }
    }

    /// What whoever asks for a model that is not ready is told.
    private func loading(_ resident: Resident) -> EngineError {
        let left = resident.progress.map { 1 - $0 } ?? 1
        return .loading(
            resident.name, progress: resident.progress, retryAfter: max(1, Int((left * 10).rounded(.up))))
    }

    /// A worker with work to do that has been silent too long is taken to hang.
    private func endHung(_ resident: Resident, _ now: ContinuousClock.Instant) {
        guard let worker = resident.worker, resident.stage == .loading || !resident.active.isEmpty,
            now - worker.lastSign > settings.hangAfter
        else { return }
        log.error(
            "A worker hangs and is killed",
            metadata: ["model": "\(resident.name)", "process": "\(worker.process)"])
        worker.kill()
    }

    /// The model that was asked longest ago takes no more requests until it has made room.
    private func drainForRoom(_ waiter: Resident) {
        let others = residents.values.filter { $0 !== waiter && $0.stage == .ready }
        guard !others.contains(where: \.isDraining),
            let least = others.min(by: { $0.active.count < $1.active.count })
        else { return }
        least.isDraining = true
        if least.active.isEmpty { wakeRoomWaiters() }
    }

    /// Takes no more requests, lets those that were taken in end, for a time, and ends every process.
    package func close(grace: Duration) async {
        isClosing = true
        if !residents.values.allSatisfy(\.isIdle) {
            let limit = Task {
                try await Task.sleep(for: grace)
                dropAll()
            }
            await withCheckedContinuation { closers.append($0) }
            limit.cancel()
        }
        for resident in residents.values where resident.stage == .loading { resident.worker?.kill() }
        await withTaskGroup { group in
            for (name, resident) in residents where resident.worker != nil {
                group.addTask { await self.unload(named: name) }
            }
        }
    }

    private func unload(named name: String) async {
        if let resident = residents[name] { await unload(resident) }
    }

    private func dropAll() {
        for resident in residents.values {
            for ticket in resident.waiting + resident.active.values {
                drop(ticket, resident, EngineError.closing, .failed)
            }
        }
        wakeClosers()
    }
}
