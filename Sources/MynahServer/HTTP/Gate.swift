import HTTPTypes
import Hummingbird
import HummingbirdCore
import ModelHub
import Synchronization

/// Who may ask: by name of host, origin of page, key, and number at once.
struct Gate: Sendable {
    private let hosts: Set<String>
    private let origins: Set<String>
    /// Digests of the keys: what is compared has one length, and says nothing of a key.
    private let keys: [[UInt8]]
    private let most: Int
    private let busy = Busy()

    init(_ settings: Settings) {
        let names = settings.server.hosts + [settings.server.host, "localhost"]
        hosts = Set(names.map { HostName($0).name })
        origins = Set(settings.server.origins.map { $0.lowercased() })
        keys = settings.server.keys.map(Self.digest)
        most = settings.limits.requestsPerKey
    }

    var asksForKeys: Bool { !keys.isEmpty }

    /// - Throws: `APIError` when the server does not go by the name that the client used: a page whose own name was
    ///   made to resolve to this machine.
    func checkHost(_ request: Request) throws {
        guard let authority = request.head.authority, !authority.isEmpty else { return }
        let host = HostName(authority)
        guard hosts.contains(host.name) || host.isAddress else { throw APIError.wrongHost(authority) }
    }

    /// Whether the request comes from a page that was let in.
    ///
    /// - Throws: `APIError` for a page of another origin.
    func checkOrigin(_ request: Request) throws -> String? {
        guard let origin = request.headers[.origin] else { return nil }
        if origins.contains(origin.lowercased()) { return origin }
        let own = request.head.authority?.lowercased()
        if let own, ["http://\(own)", "https://\(own)"].contains(origin.lowercased()) { return nil }
        if [.get, .head].contains(request.method) { return nil }
        throw APIError.wrongOrigin(origin)
    }

    /// - Returns: which key was shown; nil where none is asked for.
    /// - Throws: `APIError` of status 401.
    func checkKey(_ request: Request) throws -> Int? {
        guard !keys.isEmpty else { return nil }
        let words = (request.headers[.authorization] ?? "").split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else {
            throw APIError.noKey(wasGiven: false)
        }
        let shown = Self.digest(String(words[1]))
        var found: Int?
        // Every key is looked at, whole: the time tells nothing.
        for (index, key) in keys.enumerated() where Self.isEqual(key, shown) { found = index }
        guard let found else { throw APIError.noKey(wasGiven: true) }
        return found
    }

    /// A place among the requests of a key, held as long as what is returned.
    func enter(_ key: Int?) throws -> Place {
        guard busy.enter(key ?? -1, most: most) else { throw APIError.tooManyRequests(most) }
        return Place(key ?? -1, busy)
    }

    private static func digest(_ key: String) -> [UInt8] {
        var digest = MessageDigest<SHA256>()
        digest.update(Array(key.utf8))
        return Array(digest.hexadecimal().utf8)
    }

    private static func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// How many requests of each key are being worked on.
    fileprivate final class Busy: Sendable {
        private let counts = Mutex<[Int: Int]>([:])

        func enter(_ key: Int, most: Int) -> Bool {
            counts.withLock { counts in
                guard counts[key, default: 0] < most else { return false }
                counts[key, default: 0] += 1
                return true
            }
        }

        func leave(_ key: Int) { counts.withLock { $0[key, default: 1] -= 1 } }
    }

    /// Given back when nobody holds it.
    final class Place: Sendable {
        private let key: Int
        private let busy: Busy

        fileprivate init(_ key: Int, _ busy: Busy) { (self.key, self.busy) = (key, busy) }
        deinit { busy.leave(key) }
    }
}
