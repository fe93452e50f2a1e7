import Foundation
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1

// What the guard of a connection answers, with all that other answers have.

extension APIError {
    /// The head of an answer that ends the connection.
    func head(length: Int, tag: String) -> HTTPResponseHead {
        var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status.code))
        for field in headers { head.headers.add(name: field.name.rawName, value: field.value) }
        head.headers.replaceOrAdd(name: "connection", value: "close")
        head.headers.add(name: "content-length", value: "\(length)")
        head.headers.add(name: "date", value: Clock.date)
        head.headers.add(name: HTTPField.Name.requestID.rawName, value: tag)
        head.headers.add(name: HTTPField.Name.contentTypeOptions.rawName, value: "nosniff")
        return head
    }
}

extension RequestRecord {
    /// Where requests are put down.
    struct Place {
        let metrics: ServerMetrics
        let logger: Logger
    }

    /// Puts down a request that no route has seen.
    static func note(_ error: APIError, to head: HTTPRequestHead?, tag: String, _ place: Place) {
        var logger = place.logger
        logger[metadataKey: "request"] = .string(tag)
        let record = RequestRecord(
            metrics: place.metrics, logger: logger,
            method: HTTPRequest.Method(head?.method.rawValue ?? "none") ?? .get,
            route: "none", asked: head.map { String($0.uri.prefix { $0 != "?" }) } ?? "")
        (record.status, record.code) = (error.status.code, error.code)
        record.end()
    }
}

extension HTTPRequestHead {
    /// Makes a path of a target that is a whole address, whose host then stands for the one in the field.
    mutating func takeHostOfTarget() {
        let scheme = ["http://", "https://"].first { uri.lowercased().hasPrefix($0) }
        guard let scheme, headers["host"].count == 1 else { return }
        let rest = uri.dropFirst(scheme.count)
        let host = rest.prefix { $0 != "/" && $0 != "?" }
        guard !host.isEmpty, !host.contains("@") else { return }
        let path = rest.dropFirst(host.count)
        uri = path.hasPrefix("/") ? String(path) : "/" + path
        headers.replaceOrAdd(name: "host", value: String(host))
    }
}

extension HTTPServerRequestPart {
    /// Roughly what it takes to hold.
    var size: Int {
        switch self {
        case .head(let head):
            head.headers.reduce(head.uri.utf8.count) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        case .body(let buffer): buffer.readableBytes
        case .end: 0
        }
    }
}

extension Clock {
    /// The time as HTTP writes it.
    static var date: String {
        var (now, parts, text) = (time(nil), tm(), [CChar](repeating: 0, count: 40))
        gmtime_r(&now, &parts)
        strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
