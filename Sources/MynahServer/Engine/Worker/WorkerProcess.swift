import CWorker
import Foundation
package import Mynah
package import SpeechCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a worker does that concerns more than one request, in order.
package enum WorkerEvent: Sendable, Equatable {
    case hello(version: UInt32)
    case inspected(ModelFacts)
    case loading(Double)
    case loaded
    case refused(SpeechError)
    case beat(resident: UInt64)
    /// The request's last word was passed on. `isAnswer` is false when the worker said that it failed.
    case settled(UInt32, isAnswer: Bool)
    /// A line that the process said to people.
    case said(String)
    /// The process is gone, and so is its memory.
    case ended(WorkerEnding)
}

/// How a worker's process ended.
package enum WorkerEnding: Sendable, Equatable, CustomStringConvertible {
    case exited(Int32)
    /// It failed, or the system took its memory back, or it hung and was killed.
    case signalled(Int32)
    /// Somebody outside ended it: nothing that it was doing is to blame.
    case stopped(Int32)
    /// It sent what cannot be read, and was killed.
    case broken(WireError)

    package var description: String {
        switch self {
        case .exited(let status): "it exited with status \(status)"
        case .signalled(let number): "signal \(number) ended it"
        case .stopped(let number): "somebody ended it with signal \(number)"
        case .broken(let error): "it sent what cannot be read (\(error)) and was killed"
        }
    }
}

/// Where the answers to a request go. Called from the worker's thread.
package struct WorkerOutput: Sendable {
    /// What became of a report.
    package enum Step: Sendable { case goesOn, isLast, isForeign }
    /// Passes a report on.
    package let give: @Sendable (WorkerReport) -> Step
    /// Passes on that there will be none.
    package let fail: @Sendable (any Error) -> Void
}

/// A process that runs one model, as the server sees it.
///
/// A thread starts it, reads what it says, and reaps it: where the system kills a worker whose parent has gone, it
/// goes by the thread that started it, which must therefore live as long. Chunks of sound go from that thread
/// straight to whoever listens. Another line of work writes, so that a worker that does not read holds up nobody.
package final class WorkerProcess: Sendable {
    package let process: Int32
    /// What concerns more than one request.
    package let events: AsyncStream<WorkerEvent>
    private let continuation: AsyncStream<WorkerEvent>.Continuation
    private let socket: Int32
    private let writer = DispatchQueue(label: "orders")
    private let state = Mutex(State())
    private let memoryKills = MemoryKills.count

    private struct State {
        var outputs: [UInt32: WorkerOutput] = [:]
        /// The highest number of a request so far.
        var highest: UInt32 = 0
        var lastSign = ContinuousClock.now
        var isReaped = false
        var closed = false
        /// Whether we ended it.
        var isKilled = false
    }

    /// How a worker is started.
    package struct Launch: Sendable {
        /// The program, which knows the command `worker`.
        package var program: String
        package var environment: [String: String]
        /// The model's name, for lists of processes.
        package var name: String

        package init(program: String, environment: [String: String], name: String) {
            (self.program, self.environment, self.name) = (program, environment, name)
        }
    }

    /// Starts a process.
    ///
    /// - Throws: `SpeechError` when the system does not.
    package static func start(_ launch: Launch) async throws -> WorkerProcess {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread {
                let started: WorkerProcess
                let words: Int32
                do {
                    (started, words) = try spawn(launch)
                } catch {
                    return continuation.resume(throwing: error)
                }
                continuation.resume(returning: started)
                started.read(words)
            }
            thread.name = "worker"
            thread.start()
        }
    }

    private init(process: pid_t, socket: Int32) {
        (self.process, self.socket) = (process, socket)
        (events, continuation) = AsyncStream<WorkerEvent>.makeStream()
    }

    // MARK: starting

    private static func spawn(_ launch: Launch) throws -> (WorkerProcess, words: Int32) {
        var (ends, pipes): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        var error = mynah_worker_socket_pair(&ends)
        if error == 0 { error = mynah_worker_pipe(&pipes) }
        var process = pid_t()
        if error == 0 {
            let arguments = cStrings([launch.program, "worker", launch.name])
            let environment = cStrings(launch.confined.map { "\($0)=\($1)" })
            defer { for text in arguments + environment { free(text) } }
            error = mynah_worker_spawn(launch.program, arguments, environment, ends[1], pipes[1], &process)
        }
        for descriptor in [ends[1], pipes[1]] where descriptor >= 0 { close(descriptor) }
        guard error == 0 else {
            for descriptor in [ends[0], pipes[0]] where descriptor >= 0 { close(descriptor) }
            throw SpeechError.workerNotStarted(launch.program, String(cString: strerror(error)))
        }
        return (WorkerProcess(process: process, socket: ends[0]), pipes[0])
    }

    /// Strings as C takes a list of them, to be freed.
    private static func cStrings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        texts.map { strdup($0) } + [nil]
    }

    // MARK: telling it

    /// Takes the answers to a request, until the last.
    package func register(_ request: UInt32, _ output: WorkerOutput) {
        state.withLock {
            $0.outputs[request] = output
            $0.highest = max($0.highest, request)
            if $0.outputs.count == 1 { $0.lastSign = .now }
        }
    }

    /// Lets go of a request: what the worker still says of it is heard by nobody.
    package func forget(_ request: UInt32) -> WorkerOutput? {
        state.withLock { $0.outputs.removeValue(forKey: request) }
    }

    /// Tells the worker. Orders arrive in the order they are given; to a worker that has ended, not at all.
    ///
    /// - Throws: `SpeechError` when the order is longer than any may be.
    package func send(_ order: WorkerOrder, request: UInt32 = 0) throws {
        guard let bytes = order.bytes(request: request) else { throw SpeechError.orderTooLong() }
        writer.async { [self] in
            if !state.withLock({ $0.closed }) { _ = SocketBytes.write(socket, bytes) }
        }
    }

    /// Ends the process at once.
    package func kill() {
        state.withLock { state in
            guard !state.isReaped else { return }
            state.isKilled = true
            _ = Foundation.kill(process, SIGKILL)
        }
    }

    /// When the worker last said anything, or was first given something to do.
    package var lastSign: ContinuousClock.Instant { state.withLock { $0.lastSign } }

    // MARK: hearing it

    /// Reads until the process ends. Runs on the worker's thread.
    private func read(_ words: Int32) {
        var (frames, lines) = (FrameReader(), WorkerWords())
        var polled = [socket, words].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        var buffer = [UInt8](repeating: 0, count: 1 << 17)
        var damage: WireError?
        reading: while damage == nil {
            if poll(&polled, nfds_t(polled.count), -1) < 0, errno != EINTR { break }
            if polled[1].revents != 0 {
                let count = Foundation.read(words, &buffer, buffer.count)
                if count <= 0 { polled[1].fd = -1 }
                for line in lines.take(buffer[..<max(0, count)]) { continuation.yield(.said(line)) }
            }
            guard polled[0].revents != 0 else { continue }
            guard let count = SocketBytes.read(socket, &buffer), count > 0 else { break reading }
            frames.add(buffer[..<count])
            do {
                while let frame = try frames.next() { try pass(WorkerReport(frame), frame.request) }
            } catch let error as WireError {
                damage = error
            } catch {
                break
            }
        }
        end(words, &lines, damage)
    }

    private func pass(_ report: WorkerReport, _ request: UInt32) throws {
        let output = try state.withLock { state -> WorkerOutput? in
            state.lastSign = .now
            guard request <= state.highest else { throw WireError.invalid("a request's number") }
            return state.outputs[request]
        }
        if request != 0 {
            guard let output else { return }
            let step = output.give(report)
            guard step != .isForeign else { throw WireError.invalid("an answer") }
            guard step == .isLast, forget(request) != nil else { return }
            if case .failed = report {
                continuation.yield(.settled(request, isAnswer: false))
            } else {
                continuation.yield(.settled(request, isAnswer: true))
            }
            return
        }
        switch report {
        case .hello(let version): continuation.yield(.hello(version: version))
        case .inspected(let facts): continuation.yield(.inspected(facts))
        case .loading(let share): continuation.yield(.loading(min(max(share, 0), 1)))
        case .loaded: continuation.yield(.loaded)
        case .refused(let error): continuation.yield(.refused(error))
        case .beat(let resident): continuation.yield(.beat(resident: resident))
        case .chunk, .event, .profile, .failed: throw WireError.invalid("a report of nobody's")
        }
    }

    private func end(_ words: Int32, _ lines: inout WorkerWords, _ damage: WireError?) {
        // It has ended, or will: what closes the socket is its end.
        _ = Foundation.kill(process, SIGKILL)
        mynah_worker_await(process)
        var status: Int32 = 0
        let isKilled = state.withLock { state in
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            (state.isReaped, state.closed) = (true, true)
            return state.isKilled
        }
        // What it said last may still be in the pipe; nothing that it started holds the other end, for it starts
        // nothing.
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        _ = fcntl(words, F_SETFL, O_NONBLOCK)
        while case let count = Foundation.read(words, &buffer, buffer.count), count > 0 {
            for line in lines.take(buffer[..<count]) { continuation.yield(.said(line)) }
        }
        close(words)
        shutdown(socket, Int32(SHUT_RDWR))
        writer.async { [socket] in close(socket) }
        let ending = damage.map(WorkerEnding.broken) ?? ending(status, isKilled: isKilled)
        continuation.yield(.ended(ending))
        continuation.finish()
    }

    private func ending(_ status: Int32, isKilled: Bool) -> WorkerEnding {
        let signal = status & 0x7f
        switch signal {
        case 0: return .exited(status >> 8 & 0xff)
        case SIGKILL where isKilled || MemoryKills.count != memoryKills: return .signalled(signal)
        case SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT: return .stopped(signal)
        default: return .signalled(signal)
        }
    }
}

/// Processes that the system has killed since it started to get their memory back; zero where it does not say.
private enum MemoryKills {
    static var count: Int {
        let counts = (try? String(contentsOfFile: "/proc/vmstat", encoding: .utf8)) ?? ""
        let line = counts.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
        return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
    }
}

extension WorkerProcess.Launch {
    /// The environment less what a worker has no use for: it runs files from strangers, and keys are not its business.
    /// A runtime that fails must end, not print what is in its memory.
    fileprivate var confined: [String: String] {
        var kept = environment.filter { name, _ in
            !["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL"].contains { name.uppercased().contains($0) }
        }
        kept["SWIFT_BACKTRACE"] = "enable=no"
        return kept
    }
}

/// What a worker says to people, cut into lines, each of them and all of them bounded.
private struct WorkerWords {
    private static let longest = 400, most = 1000
    private var line: [UInt8] = []
    private var said = 0

    mutating func take(_ bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte != UInt8(ascii: "\n") {
                if line.count < Self.longest { line.append(byte) }
                continue
            }
            said += 1
            if said <= Self.most, !line.isEmpty { lines.append(String(decoding: line, as: UTF8.self)) }
            line = []
        }
        return lines
    }
}
