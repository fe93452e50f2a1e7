import CWorker
import Foundation
import Mynah
import MynahServer
import SpeechCore
import SpeechTesting
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A worker at the other end of a socket that a test holds itself.
private final class RawWorker {
    let process: pid_t
    private var isReaped = false
    private var socket: Int32
    private var frames = FrameReader()

    init() throws {
        var (ends, words): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        try #require(mynah_worker_socket_pair(&ends) == 0 && mynah_worker_pipe(&words) == 0)
        let program = try #require(TestProgram.mynah).path
        var arguments = [strdup(program), strdup("worker"), nil]
        var environment = [UnsafeMutablePointer<CChar>?.none]
        var started = pid_t()
        let error = mynah_worker_spawn(program, &arguments, &environment, ends[1], words[1], &started)
        for text in arguments { free(text) }
        for descriptor in [ends[1], words[0], words[1]] { close(descriptor) }
        (process, socket) = (started, ends[0])
        try #require(error == 0)
    }

    deinit {
        hangUp()
        if !isReaped { kill(process, SIGKILL) }
    }

    func send(_ order: WorkerOrder, request: UInt32 = 0) throws {
        send(try #require(order.bytes(request: request)))
    }

    func send(_ bytes: [UInt8]) { _ = bytes.withUnsafeBytes { write(socket, $0.baseAddress, $0.count) } }

    /// The next report of a kind; nil when the worker has gone.
    func next(where wanted: (WorkerReport) -> Bool = { _ in true }) throws -> WorkerReport? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            while let frame = try frames.next() {
                let report = try WorkerReport(frame)
                if wanted(report) { return report }
            }
            let count = read(socket, &buffer, buffer.count)
            guard count > 0 else { return nil }
            frames.add(buffer[..<count])
        }
    }

    func hangUp() {
        if socket >= 0 { close(socket) }
        socket = -1
    }

    /// Waits for the end, and gives the status as the system does.
    func status() -> Int32 {
        var status: Int32 = 0
        isReaped = waitpid(process, &status, 0) == process
        return status
    }
}

struct WorkerProgramTests {
    @Test func `a worker says its version first and ends when its server goes`() throws {
        let worker = try RawWorker()
        guard case .hello(workerProtocol) = try worker.next() else {
            Issue.record("the first report is a greeting")
            return
        }
        worker.hangUp()
        #expect(worker.status() == 0)
    }

    @Test func `a worker in the middle of a request ends when its server goes`() throws {
        let worker = try RawWorker()
        let bundled = try TestPool().library.locate("bundled").path
        try worker.send(.load(WorkerModel(path: bundled, LoadOptions(device: .cpu, threads: 1))))
        let order = TestPool.endless()
        try worker.send(.speak(SpokenTurns.parted(order.utterances).turns, order.options), request: 1)
        let chunk = try worker.next { if case .chunk = $0 { true } else { false } }
        #expect(chunk != nil)
        worker.hangUp()
        #expect(worker.status() == 0)
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `a signal that is sent to the server's whole group does not end a worker`(_ signal: Int32) throws {
        let worker = try RawWorker()
        let bundled = try TestPool().library.locate("bundled").path
        try worker.send(.load(WorkerModel(path: bundled, LoadOptions(device: .cpu, threads: 1))))
        let loaded = try worker.next { if case .loaded = $0 { true } else { false } }
        #expect(loaded != nil)
        kill(worker.process, signal)
        let order = TestPool.order("still there")
        try worker.send(.speak(SpokenTurns.parted(order.utterances).turns, order.options), request: 1)
        let last = try worker.next { if case .chunk(let chunk) = $0 { chunk.ending != nil } else { false } }
        #expect(last != nil)
        worker.hangUp()
        #expect(worker.status() == 0)
    }

    @Test func `a worker that is told nonsense ends`() throws {
        let worker = try RawWorker()
        worker.send([255, 255, 255, 255, 1, 2, 3])
        while try worker.next() != nil {}
        #expect(worker.status() == 0)
    }

    @Test func `a request to a worker without a model is refused`() throws {
        let worker = try RawWorker()
        try worker.send(.clone(sampleRate: 16_000, transcript: nil, name: "ann"), request: 3)
        guard case .failed = try worker.next(where: { if case .failed = $0 { true } else { false } }) else {
            Issue.record("it is refused")
            return
        }
    }
}
