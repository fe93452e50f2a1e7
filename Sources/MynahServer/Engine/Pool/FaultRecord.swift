/// Which requests were inside a worker that ended, and which are refused for it.
///
/// A crash does not say whose fault it was. Whoever was inside is suspected, and runs alone when it is asked for
/// again: if it ends well it is cleared; if the worker ends again, nobody else can have done it, and the request is
/// refused from then on. So nobody is refused for having been in bad company, nor because somebody outside ended the
/// worker, which is no crash.
struct FaultRecord {
    /// Requests that are remembered; the oldest are forgotten first.
    static let most = 1024

    private var crashes: [OrderDigest: Int] = [:]
    private var order: [OrderDigest] = []

    /// Whether it must run alone.
    func isSuspect(_ digest: OrderDigest) -> Bool { crashes[digest] != nil }

    /// Whether it is refused.
    func isQuarantined(_ digest: OrderDigest) -> Bool { crashes[digest, default: 0] >= 2 }

    /// It was inside a worker that ended.
    mutating func note(_ digest: OrderDigest) {
        if crashes[digest] == nil {
            order.append(digest)
            if order.count > Self.most { crashes[order.removeFirst()] = nil }
        }
        crashes[digest, default: 0] += 1
    }

    /// It ran to its end.
    mutating func clear(_ digest: OrderDigest) {
        guard crashes.removeValue(forKey: digest) != nil else { return }
        order.removeAll { $0 == digest }
    }
}
