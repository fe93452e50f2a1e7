import Foundation
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The status and headers of an answer.
struct AnswerHead: Sendable {
    let status: Int
    private let headers: [String: String]

    init(_ response: HTTPURLResponse) {
        status = response.statusCode
        var headers: [String: String] = [:]
        for (name, value) in response.allHeaderFields {
            headers[String(describing: name).lowercased()] = String(describing: value)
        }
        self.headers = headers
    }

    /// A header by its name in any case.
    subscript(_ name: String) -> String? { headers[name.lowercased()] }
}

/// Where an answer's body goes as it arrives.
protocol BodySink: Sendable {
    /// The head came; bytes follow.
    func begin(_ head: AnswerHead) throws(HubError)
    /// Bytes, in order.
    func receive(_ bytes: Data) throws(HubError)
}

/// A body kept in memory, up to a limit.
final class MemorySink: BodySink {
    private let limit: Int
    private let bytes = Mutex(Data())

    init(limit: Int) { self.limit = limit }

    var data: Data { bytes.withLock { $0 } }

    func begin(_ head: AnswerHead) { bytes.withLock { $0 = Data() } }

    func receive(_ more: Data) throws(HubError) {
        let fits = bytes.withLock { bytes in
            guard bytes.count + more.count <= limit else { return false }
            bytes.append(more)
            return true
        }
        guard fits else { throw .malformedAnswer("an answer of more than \(limit) bytes") }
    }
}

/// One request and its answer, without redirects: those are followed above, where it is known who may see the token.
struct Transport: Sendable {
    private let session: URLSession
    private let exchanges = ExchangeTable()

    init() {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        configuration.httpShouldSetCookies = false
        // Between two pieces of a body; there is no limit on the whole.
        configuration.timeoutIntervalForRequest = 60
        configuration.timeoutIntervalForResource = 30 * 24 * 3600
        session = URLSession(configuration: configuration, delegate: exchanges, delegateQueue: nil)
    }

    /// Ends the session, which would otherwise live for ever.
    func close() { session.invalidateAndCancel() }

    /// Sends the request; the body goes to `sink`.
    func send(_ request: URLRequest, into sink: any BodySink) async throws(HubError) -> AnswerHead {
        let address = request.url?.absoluteString ?? ""
        let task = session.dataTask(with: request)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                exchanges.add(task, Exchange(sink: sink, address: address, continuation: continuation))
                task.resume()
            }
        } onCancel: {
            task.cancel()
        }
        if Task.isCancelled { throw .cancelled }
        return try result.get()
    }
}

/// An exchange under way.
private struct Exchange {
    let sink: any BodySink
    let address: String
    let continuation: CheckedContinuation<Result<AnswerHead, HubError>, Never>
    var head: AnswerHead?
    var failure: HubError?
}

/// The session's delegate: hands what arrives to the exchange it belongs to.
private final class ExchangeTable: NSObject, URLSessionDataDelegate, Sendable {
    private let exchanges = Mutex<[Int: Exchange]>([:])

    func add(_ task: URLSessionTask, _ exchange: Exchange) {
        exchanges.withLock { $0[task.taskIdentifier] = exchange }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        guard let response = response as? HTTPURLResponse else { return completionHandler(.cancel) }
        let head = AnswerHead(response)
        exchanges.withLock { $0[dataTask.taskIdentifier]?.head = head }
        let isWanted = deliver(to: dataTask) { sink throws(HubError) in try sink.begin(head) }
        completionHandler(isWanted ? .allow : .cancel)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isWanted = deliver(to: dataTask) { sink throws(HubError) in try sink.receive(data) }
        if !isWanted { dataTask.cancel() }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let exchange = exchanges.withLock({ $0.removeValue(forKey: task.taskIdentifier) }) else {
            return
        }
        let head = exchange.head ?? (task.response as? HTTPURLResponse).map(AnswerHead.init)
        if let failure = exchange.failure {
            exchange.continuation.resume(returning: .failure(failure))
        } else if let error {
            let detail = (error as? URLError)?.localizedDescription ?? String(describing: error)
            exchange.continuation.resume(
                returning: .failure(.network(address: exchange.address, detail: detail)))
        } else if let head {
            exchange.continuation.resume(returning: .success(head))
        } else {
            let failure = HubError.network(address: exchange.address, detail: "no answer")
            exchange.continuation.resume(returning: .failure(failure))
        }
    }

    /// Runs `body` on the task's sink, and keeps what it throws. False once something was thrown.
    private func deliver(
        to task: URLSessionTask, _ body: (any BodySink) throws(HubError) -> Void
    ) -> Bool {
        let sink = exchanges.withLock { exchanges -> (any BodySink)? in
            guard let exchange = exchanges[task.taskIdentifier], exchange.failure == nil else { return nil }
            return exchange.sink
        }
        guard let sink else { return false }
        do {
            try body(sink)
            return true
        } catch {
            exchanges.withLock { $0[task.taskIdentifier]?.failure = error }
            return false
        }
    }
}
