/// The host of an address or of a `Host` header, its port apart.
struct HostName: Sendable, Equatable {
    /// In lower case, without brackets and without a trailing dot.
    let name: String

    init(_ text: String) {
        var name = text.lowercased()
        if name.hasPrefix("["), let end = name.firstIndex(of: "]") {
            name = String(name[name.index(after: name.startIndex)..<end])
        } else if name.count(where: { $0 == ":" }) == 1, let colon = name.firstIndex(of: ":") {
            name = String(name[..<colon])
        }
        if name.hasSuffix(".") { name.removeLast() }
        self.name = name
    }

    /// Whether it is an address and not a name: nobody can make one resolve to another.
    var isAddress: Bool {
        if name.contains(":") {
            return name.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." || $0 == "%" }
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Whether it is this machine's own address, reached from nowhere else.
    var isLoopback: Bool {
        if name == "localhost" || name.hasSuffix(".localhost") || name == "::1" { return true }
        return isAddress && name.hasPrefix("127.")
    }
}
