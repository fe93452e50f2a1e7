import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A file of a repository as the hub lists it.
struct RemoteFile: Sendable, Equatable {
    /// Relative to the repository's root, checked to stay inside it.
    let path: String
    /// In bytes.
    let size: Int64
    /// SHA-256 of large files, git's SHA-1 of others, in hexadecimal: the name of the blob in the cache.
    let hash: String
}

/// A repository at one commit.
struct RemoteListing: Sendable {
    /// 40 hexadecimal digits.
    let commit: String
    let files: [RemoteFile]
}

/// The hub's routes.
struct HubClient: Sendable {
    private let endpoint: URL
    private let token: String?
    private let transport = Transport()
    private static let redirectLimit = 5
    private static let listingLimit = 16 << 20

    /// - Throws: `invalidEndpoint`.
    init(_ settings: HubSettings) throws(HubError) {
        guard let url = URL(string: settings.endpoint), Self.isWeb(url), url.host?.isEmpty == false else {
            throw .invalidEndpoint(settings.endpoint)
        }
        (endpoint, token) = (url, settings.token)
    }

    /// Ends all connections.
    func close() { transport.close() }

    /// Asks what a model consists of; only the files that `HubModel.wants` are in the answer.
    func listing(of model: HubModel) async throws(HubError) -> RemoteListing {
        let path = "api/models/\(model.repository)/revision/\(Self.escaped(model.revision))?blobs=true"
        let sink = MemorySink(limit: Self.listingLimit)
        let head = try await send("GET", path, into: sink)
        try check(head, model.repository, file: nil, address: path)
        let answer = try ListingAnswer(sink.data)
        var files: [RemoteFile] = []
        for entry in answer.entries where model.wants(entry.path) {
            if let size = entry.size, let hash = entry.hash {
                files.append(RemoteFile(path: entry.path, size: size, hash: hash))
            } else {
                files.append(try await remoteFile(entry.path, of: model.repository, commit: answer.commit))
            }
        }
        return RemoteListing(commit: answer.commit, files: files)
    }

    /// Asks for one file's size and hash, for hubs whose listing lacks them.
    private func remoteFile(
        _ path: String, of repository: String, commit: String
    ) async throws(HubError) -> RemoteFile {
        let route = Self.route(to: path, of: repository, commit: commit)
        // The hub's own answer carries the headers; where it sends us for the bytes does not.
        let head = try await send("HEAD", route, into: MemorySink(limit: 1 << 16)) { head in
            head["X-Linked-Etag"] == nil
        }
        if head["X-Linked-Etag"] == nil { try check(head, repository, file: path, address: route) }
        guard let hash = (head["X-Linked-Etag"] ?? head["ETag"]).flatMap(ListingAnswer.hash(ofEntityTag:)),
            let size = (head["X-Linked-Size"] ?? head["Content-Length"]).flatMap({ Int64($0) }), size >= 0
        else { throw .malformedAnswer("'\(path)' has no size or hash") }
        if let named = head["X-Repo-Commit"], named != commit {
            throw .malformedAnswer("'\(path)' is of commit \(named) and not \(commit)")
        }
        return RemoteFile(path: path, size: size, hash: hash)
    }

    /// Fetches a file's bytes in `range` into `sink`, which takes those of the final answer only. The status is 200,
    /// 206 or 416.
    func bytes(
        _ range: Range<Int64>, of file: RemoteFile, in repository: String, commit: String,
        into sink: any BodySink
    ) async throws(HubError) -> AnswerHead {
        let route = Self.route(to: file.path, of: repository, commit: commit)
        let isWhole = range == 0..<file.size
        let range = isWhole ? [:] : ["Range": "bytes=\(range.lowerBound)-\(range.upperBound - 1)"]
        let head = try await send("GET", route, headers: range, into: sink)
        if head.status != 206 && head.status != 416 {
            try check(head, repository, file: file.path, address: route)
        }
        return head
    }

    /// Sends to the endpoint and follows redirects by hand while `follow` says so.
    private func send(
        _ method: String, _ path: String, headers: [String: String] = [:], into sink: any BodySink,
        follow: (AnswerHead) -> Bool = { _ in true }
    ) async throws(HubError) -> AnswerHead {
        guard var url = URL(string: "\(endpoint.absoluteString)/\(path)") else {
            throw .invalidEndpoint(endpoint.absoluteString)
        }
        for _ in 0...Self.redirectLimit {
            let head = try await transport.send(request(method, url, headers), into: sink)
            guard [301, 302, 303, 307, 308].contains(head.status), let target = head["Location"], follow(head)
            else { return head }
            guard let next = URL(string: target, relativeTo: url)?.absoluteURL, Self.isWeb(next),
                next.scheme?.lowercased() == "https" || url.scheme?.lowercased() == "http"
            else { throw .refusedRedirect(target) }
            url = next
        }
        throw .refusedRedirect(url.absoluteString)
    }

    private func request(_ method: String, _ url: URL, _ headers: [String: String]) -> URLRequest {
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.setValue("mynah", forHTTPHeaderField: "User-Agent")
        // Sizes and offsets are those of the file itself.
        request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        if let token, isOurs(url) {
            request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        }
        return request
    }

    /// Whether an address is the endpoint's own: only there is the token shown.
    private func isOurs(_ url: URL) -> Bool {
        func port(_ url: URL) -> Int { url.port ?? (url.scheme?.lowercased() == "https" ? 443 : 80) }
        return url.scheme?.lowercased() == endpoint.scheme?.lowercased()
            && url.host?.lowercased() == endpoint.host?.lowercased() && port(url) == port(endpoint)
    }

    /// Turns a status that is not success into what it means.
    private func check(
        _ head: AnswerHead, _ repository: String, file: String?, address: String
    ) throws(HubError) {
        switch (head.status, head["X-Error-Code"]) {
        case (200..<300, _): return
        case (401, "RepoNotFound"), (404, _): throw .notFound(repository: repository, file: file)
        case (_, "GatedRepo"): throw .gated(repository: repository)
        case (401, _), (403, _):
            throw .unauthorised(repository: repository, status: head.status, sentToken: token != nil)
        default:
            let wait = head["Retry-After"].flatMap { Int($0) }
            throw .server(
                status: head.status, address: "\(endpoint.absoluteString)/\(address)", retryAfter: wait)
        }
    }

    private static func isWeb(_ url: URL) -> Bool {
        ["http", "https"].contains(url.scheme?.lowercased() ?? "") && url.user == nil
    }

    private static func route(to path: String, of repository: String, commit: String) -> String {
        let escapedPath = path.split(separator: "/").map { escaped(String($0)) }.joined(separator: "/")
        return "\(repository)/resolve/\(commit)/\(escapedPath)"
    }

    /// Everything but RFC 3986's unreserved characters as percent escapes.
    private static func escaped(_ text: String) -> String {
        let unreserved = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
    }
}
