import Synchronization

/// Voices that are being made. One that is asked for again meanwhile, as clients do that wait for long, is made once.
actor VoicesInMaking {
    private var running: [OrderDigest: Task<KeptVoice, any Error>] = [:]

    /// The voice of this digest, which `make` makes unless it is being made.
    func voice(
        _ digest: OrderDigest, make: @escaping @Sendable () async throws -> KeptVoice
    ) async throws -> KeptVoice {
        if let task = running[digest] { return try await task.value }
        let task = Task { try await make() }
        running[digest] = task
        defer { running[digest] = nil }
        return try await task.value
    }
}

/// Names of files that are taken for voices which are not kept yet.
final class FileNames: Sendable {
    private let taken = Mutex<Set<String>>([])

    /// A name, unless it is one of `kept` or somebody has it.
    func take(_ name: String, unless kept: Set<String>) -> Place? {
        guard !kept.contains(name), taken.withLock({ $0.insert(name).inserted }) else { return nil }
        return Place(name, self)
    }

    /// A name that nobody else makes.
    func take(_ name: String) -> Place {
        taken.withLock { _ = $0.insert(name) }
        return Place(name, self)
    }

    /// Given back when nobody holds it.
    final class Place: Sendable {
        let name: String
        private let names: FileNames

        fileprivate init(_ name: String, _ names: FileNames) { (self.name, self.names) = (name, names) }
        deinit { names.taken.withLock { _ = $0.remove(name) } }
    }
}
