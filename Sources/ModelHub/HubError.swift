/// Why the hub's files could not be had.
package enum HubError: Error, Equatable, Sendable {
    /// Neither a short name of the catalogue nor `organisation/name`.
    case invalidName(String)
    /// `HF_ENDPOINT` is no http or https address.
    case invalidEndpoint(String)
    /// No such repository, revision or file, or a private one we have no token for.
    case notFound(repository: String, file: String?)
    /// The model's licence must be accepted first, and the token must be of who accepted it.
    case gated(repository: String)
    /// The hub refused the token, or wants one.
    case unauthorised(repository: String, status: Int, sentToken: Bool)
    /// `HF_HUB_OFFLINE` is set, and the model is not in the cache.
    case offline(repository: String)
    /// The bytes are not those the hub names. What came was deleted.
    case hashMismatch(file: String, expected: String, actual: String)
    /// The server sent more bytes than the file has.
    case tooLong(file: String, expected: Int64)
    /// The server has fewer bytes than it listed.
    case tooShort(file: String, expected: Int64, actual: Int64)
    /// Bytes still to be written, and what the file system has left.
    case diskFull(needed: Int64, available: Int64, folder: String)
    /// The connection could not be made, broke off, or timed out, every time.
    case network(address: String, detail: String)
    /// An answer that is neither success nor any of the above. `retryAfter` in seconds, where the server says so.
    case server(status: Int, address: String, retryAfter: Int?)
    /// More than five redirects, or one to something that is not the web, or from https to http.
    case refusedRedirect(String)
    /// The answer of the hub's interface could not be understood.
    case malformedAnswer(String)
    /// A name in the listing that would be written elsewhere, or nowhere.
    case hostileFileName(String)
    /// The cache could not be read or written.
    case file(path: String, detail: String)
    /// The task was cancelled. What came so far is kept, and resumed next time.
    case cancelled

    /// Whether the same request may well succeed later.
    var isPassing: Bool {
        switch self {
        case .network: true
        case .server(let status, _, _): status >= 500 || status == 429 || status == 408
        default: false
        }
    }
}
