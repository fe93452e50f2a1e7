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

struct FaultTests {
    /// Speaks until the first sound, then ends the worker.
    private func crash(_ test: TestPool, _ order: SpeechOrder, signal: Int32 = SIGSEGV) async throws
        -> EngineError?
    {
        let stream = try await test.pool.speak(order)
        let process = try await test.worker()
        return await engineError {
            var heard = 0
            for try await _ in stream {
                heard += 1
                if heard == 1 { kill(process, signal) }
            }
        }
    }

    @Test func `a worker killed twenty times fails what was in it, and the pool answers throughout`()
        async throws
    {
        let test = try TestPool()
        let spoken = try await test.speak("The next.")
        for turn in 0..<20 {
            let signal = [SIGKILL, SIGABRT, SIGSEGV, SIGBUS][turn % 4]
            #expect(try await crash(test, TestPool.endless("\(turn)"), signal: signal) == .crashed("bundled"))
            #expect(try await test.speak("The next.") == spoken)
        }
        await test.pool.close(grace: .zero)
    }

    @Test func `those who wait are answered by the next process`() async throws {
        let test = try TestPool { $0.options.sessions = 1 }
        let first = try await test.pool.speak(TestPool.endless())
        let waiting = try await test.pool.speak(TestPool.order("waits"))
        kill(try await test.worker(), SIGKILL)
        #expect(try await !TestPool.all(waiting).isEmpty)
        await #expect(throws: EngineError.crashed("bundled")) { _ = try await TestPool.all(first) }
        await test.pool.close(grace: .zero)
    }

    @Test func `a request that ends the worker twice is refused, and no other`() async throws {
        let test = try TestPool()
        for _ in 0..<2 { #expect(try await crash(test, TestPool.endless("bad")) == .crashed("bundled")) }
        await #expect(throws: EngineError.quarantined("bundled")) {
            _ = try await test.pool.speak(TestPool.endless("bad"))
        }
        #expect(try await !test.speak("good").isEmpty)
        await test.pool.close(grace: .zero)
    }

    @Test func `a worker that somebody ends from outside is nobody's fault`() async throws {
        let test = try TestPool()
        let order = TestPool.order("innocent", frames: 3000)
        for _ in 0..<3 { #expect(try await crash(test, order, signal: SIGKILL) == .crashed("bundled")) }
        // Not even suspected: others are answered beside it.
        let long = try await test.pool.speak(order)
        #expect(try await !test.speak("beside").isEmpty)
        withExtendedLifetime(long) {}
        await test.pool.close(grace: .zero)
    }

    @Test func `who was in bad company runs alone once and is cleared`() async throws {
        let test = try TestPool()
        let good = TestPool.order("good", frames: 3000)
        for _ in 0..<3 {
            let innocent = try await test.pool.speak(good)
            var heard = innocent.makeAsyncIterator()
            _ = try await heard.next()
            #expect(try await crash(test, TestPool.endless("\(UUID())")) == .crashed("bundled"))
            await #expect(throws: EngineError.crashed("bundled")) { while try await heard.next() != nil {} }
            // Asked for again, it has the worker to itself: the other waits though there is a place.
            let again = try await test.pool.speak(good)
            let other = try await test.pool.speak(TestPool.order("other"))
            #expect(try await TestPool.all(again).count > 3000 * 1900)
            #expect(try await !TestPool.all(other).isEmpty)
        }
        await test.pool.close(grace: .zero)
    }

    @Test func `a worker that hangs is killed`() async throws {
        let test = try TestPool()
        let stream = try await test.pool.speak(TestPool.endless())
        let process = try await test.worker()
        kill(process, SIGSTOP)
        await test.pool.tidy(at: .now + .seconds(301))
        await #expect(throws: EngineError.crashed("bundled")) { _ = try await TestPool.all(stream) }
        #expect(!isAlive(process))
        #expect(try await !test.speak("next").isEmpty)
        await test.pool.close(grace: .zero)
    }

    @Test func `a program that ends while it loads is left alone for a while`() async throws {
        let test = try TestPool {
            $0.program = "/bin/false"
            $0.restAfterFailure = .seconds(3600)
        }
        #expect(await engineError { _ = try await test.speak("x") } == .crashed("bundled"))
        guard case .resting(let seconds) = await test.pool.models().first?.state else {
            Issue.record("it rests")
            return
        }
        #expect(seconds > 0)
        guard case .loading = await engineError({ _ = try await test.speak("x") }) else {
            Issue.record("it is not tried again at once")
            return
        }
    }

    @Test func `a program that is not there is told of`() async throws {
        let test = try TestPool { $0.program = "/nowhere/mynah" }
        guard case .speech(let error) = await engineError({ _ = try await test.speak("x") }) else {
            Issue.record("it cannot be started")
            return
        }
        #expect(error.message.contains("/nowhere/mynah"))
    }

    @Test func `a listener who leaves stops the work`() async throws {
        let test = try TestPool { $0.options.sessions = 1 }
        do {
            let stream = try await test.pool.speak(TestPool.endless())
            for try await _ in stream { break }
        }
        // There is one place: the next is answered only when the first has left it.
        #expect(try await !test.speak("next").isEmpty)
        await test.pool.close(grace: .zero)
    }
}
