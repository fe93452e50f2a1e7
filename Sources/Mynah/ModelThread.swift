import Foundation

/// Runs an actor's jobs in order on a thread of its own, so that a model's arithmetic never holds a thread of the
/// shared pool.
final class ModelThread: SerialExecutor {
    private let jobs = JobQueue()

    /// Starts the thread. It ends when the executor is let go.
    init(name: String) {
        let thread = Thread { [jobs] in
            while let work = jobs.next() { work() }
        }
        thread.name = name
        // Parsers of configuration recurse; half a megabyte, the default on some systems, is little.
        thread.stackSize = 8 << 20
        thread.start()
    }

    deinit { jobs.close() }

    func enqueue(_ job: consuming ExecutorJob) {
        let (job, executor) = (UnownedJob(job), asUnownedSerialExecutor())
        jobs.add { job.runSynchronously(on: executor) }
    }

    /// Does something on the thread before there is an actor to do it. (An actor made for it would not serve: the
    /// optimiser leaves out the change of threads for a method that touches no state.)
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            jobs.add { continuation.resume(with: Swift.Result { try body() }) }
        }
    }
}

/// Jobs waiting for the thread.
// SAFETY: every stored property is used only while `condition` is locked.
private final class JobQueue: @unchecked Sendable {
    private let condition = NSCondition()
    private var entries: [@Sendable () -> Void] = []
    private var isClosed = false

    func add(_ work: @escaping @Sendable () -> Void) {
        condition.withLock {
            entries.append(work)
            condition.signal()
        }
    }

    /// The oldest job, waited for; nil once closed and empty.
    func next() -> (@Sendable () -> Void)? {
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
