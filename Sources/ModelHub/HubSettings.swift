package import Foundation

/// Where the hub is and where its files are kept, by the variables that the hub's own tools read.
package struct HubSettings: Sendable, Equatable {
    /// Without a slash at its end.
    package let endpoint: String
    /// The folder that holds `models--…`.
    package let cache: URL
    /// The access token, or nil.
    package let token: String?
    /// Whether the network may not be used.
    package let isOffline: Bool

    /// Reads `HF_ENDPOINT`, `HF_HUB_CACHE` (or the older `HUGGINGFACE_HUB_CACHE`), `HF_HOME`, `XDG_CACHE_HOME`, `HOME`,
    /// `HF_TOKEN`, `HF_TOKEN_PATH` and `HF_HUB_OFFLINE`; empty counts as unset.
    package init(environment: [String: String]) {
        func value(_ name: String) -> String? {
            environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        let user = value("HOME") ?? NSHomeDirectory()
        func folder(_ path: String) -> URL {
            let isShort = path == "~" || path.hasPrefix("~/")
            return URL(fileURLWithPath: isShort ? user + path.dropFirst() : path, isDirectory: true)
        }
        let home =
            value("HF_HOME").map(folder)
            ?? folder(value("XDG_CACHE_HOME") ?? "~/.cache").appendingPathComponent("huggingface")
        cache =
            (value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE")).map(folder)
            ?? home.appendingPathComponent("hub")

        var address = value("HF_ENDPOINT") ?? "https://huggingface.co"
        while address.hasSuffix("/") { address.removeLast() }
        endpoint = address

        let tokenFile = value("HF_TOKEN_PATH").map(folder) ?? home.appendingPathComponent("token")
        let written = value("HF_TOKEN") ?? (try? String(contentsOf: tokenFile, encoding: .utf8)) ?? ""
        let trimmed = written.trimmingCharacters(in: .whitespacesAndNewlines)
        // Visible ASCII only: anything else could end the header and begin another.
        let isClean = !trimmed.isEmpty && trimmed.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        token = isClean ? trimmed : nil
        isOffline = ["1", "on", "yes", "true"].contains((value("HF_HUB_OFFLINE") ?? "").lowercased())
    }
}
