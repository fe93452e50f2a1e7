import Foundation

/// Runs an actor's jobs in order on a thread of its own, so that a model's arithmetic never holds a thread of the
/// shared pool.
final class ModelThread: SerialExecutor {
    private let jobs = JobQueue()

    /// Starts the thread. It ends when the executor is let go.
    init(name: String) {
        let thread = Thread { [jobs] in
            while let next = jobs.next() { next.job.runSynchronously(on: next.executor) }
        }
        thread.name = name
        // Parsers of configuration recurse; half a megabyte, the default on some systems, is little.
        thread.stackSize = 8 << 20
        thread.start()
    }

    deinit { jobs.close() }

    func enqueue(_ job: consuming ExecutorJob) {
        jobs.add(UnownedJob(job), on: asUnownedSerialExecutor())
    }
}

/// Jobs waiting for the thread.
// SAFETY: every stored property is used only while `condition` is locked.
private final class JobQueue: @unchecked Sendable {
    typealias Entry = (job: UnownedJob, executor: UnownedSerialExecutor)

    private let condition = NSCondition()
    private var entries: [Entry] = []
    private var isClosed = false

    func add(_ job: UnownedJob, on executor: UnownedSerialExecutor) {
        condition.withLock {
            entries.append((job, executor))
            condition.signal()
        }
    }

    /// The oldest job, waited for; nil once closed and empty.
    func next() -> Entry? {
        condition.withLock {
            while entries.isEmpty && !isClosed { condition.wait() }
            return entries.isEmpty ? nil : entries.removeFirst()
        }
    }

    func close() {
        condition.withLock {
            isClosed = true
            condition.signal()
        }
    }
}
