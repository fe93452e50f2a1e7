import CWorker
import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The process that `mynah serve` starts for a model: orders come and reports go through descriptor 0, a socket, and
/// what it says to people goes through 1 and 2 to the server's log. It ends with the server, whatever it is doing.
package enum WorkerProgram {
    /// Serves until the server says or goes. Gives false when no server started this process.
    package static func run() async -> Bool {
        var (kind, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        guard getsockopt(0, SOL_SOCKET, SO_TYPE, &kind, &size) == 0 else { return false }
        mynah_worker_confine()
        let link = WorkerLink()
        link.send(.hello(version: workerProtocol))
        let host = WorkerHost(link)
        for await (order, request) in link.orders() { await host.take(order, request) }
        return true
    }

    /// Ends the process at once: destructors would take from under a model that is at work what it works with.
    static func leave() -> Never { _exit(0) }

    /// Bytes that this process holds in memory; zero where the system does not say.
    static var resident: UInt64 {
        #if os(Linux)
            let counts = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
            let pages = counts.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0
            return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
        #else
            return 0
        #endif
    }
}
