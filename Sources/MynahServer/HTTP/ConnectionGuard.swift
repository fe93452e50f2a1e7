import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1

/// Stands between the parser of HTTP and everything else: answers what is not proper HTTP in the form clients read,
/// holds back what could be understood in two ways and what is sent before its turn, and bounds how slowly a client may
/// send and take.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    let connection = Connection()
    private let limits: Settings.Limits
    private let records: RequestRecord.Place
    /// A request is on its way in; an answer to one is owed; its head has left.
    private var isReceiving = false, owesAnswer = false, hasBegunAnswer = false
    /// The request that is received or answered, and whether somebody beyond has seen its head.
    private var head: HTTPRequestHead?
    private var isForwarded = false
    private var closesAfterAnswer = false
    /// What was sent before the last request was answered, and what the parser found wrong behind it.
    private var held = CircularBuffer<HTTPServerRequestPart>(), heldBytes = 0
    private var heldError: APIError?
    /// Somebody beyond asked for more while enough was held.
    private var wantsRead = false
    /// What still arrives is thrown away until the client is done with the answer.
    private var isDiscarding = false, discarded = 0
    private var receiveDeadline: Scheduled<Void>?
    private var writeDeadline: Scheduled<Void>?

    /// Bytes of requests to come that are taken while one is answered.
    private static let mostHeld = 64 << 10

    /// A loop may hold a connection's guard longer than the server lasts: no more of the server is kept than this.
    init(_ parts: ServerParts) {
        limits = parts.settings.limits
        records = RequestRecord.Place(metrics: parts.metrics, logger: parts.logger)
    }

    // MARK: in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if isDiscarding { return discard(part, context) }
        if isAnswering || !held.isEmpty {
            held.append(part)
            heldBytes += part.size
        } else {
            take(part, context)
        }
    }

    /// Whether a request has arrived whole and its answer has not left.
    private var isAnswering: Bool { owesAnswer && !isReceiving }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head): begin(head, context)
        case .body: context.fireChannelRead(wrapInboundOut(part))
        case .end:
            isReceiving = false
            receiveDeadline?.cancel()
            context.fireChannelRead(wrapInboundOut(part))
        }
    }

    /// Goes on with what was sent before its turn. Its time to arrive begins now.
    private func release(_ context: ChannelHandlerContext) {
        while !isAnswering, !isDiscarding, let part = held.popFirst() {
            heldBytes -= part.size
            take(part, context)
        }
        if !isAnswering, !isDiscarding, let error = heldError {
            heldError = nil
            answer(error, context)
        }
        context.fireChannelReadComplete()
        if wantsRead { read(context: context) }
    }

    func read(context: ChannelHandlerContext) {
        wantsRead = heldBytes > Self.mostHeld && !isDiscarding
        if !wantsRead { context.read() }
    }

    /// Takes what is still sent, that the answer may arrive, but not without end.
    private func discard(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        if case .body(let buffer) = part { discarded += buffer.readableBytes }
        if discarded > 4 << 20 { context.close(promise: nil) }
    }

    private func begin(_ given: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var head = given
        head.takeHostOfTarget()
        // Both who answer, this and what is beyond, call the request by one id.
        let tag = RequestTag.accepted(head.headers.first(name: "x-request-id")) ?? RequestTag.made()
        head.headers.replaceOrAdd(name: "x-request-id", value: tag)
        (isReceiving, owesAnswer, hasBegunAnswer, isForwarded) = (true, true, false, false)
        (self.head, closesAfterAnswer) = (head, !head.isKeepAlive)
        if let error = refusal(of: head) { return answer(error, context) }
        let seconds = limits.receiveSeconds
        let bound = NIOLoopBound((guard: self, context: context), eventLoop: context.eventLoop)
        receiveDeadline = context.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) {
            bound.value.guard.answer(.tooSlow(seconds), bound.value.context)
        }
        if head.headers[canonicalForm: "expect"].contains(where: { $0.lowercased() == "100-continue" }) {
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
        }
        isForwarded = true
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    /// What must not reach a route.
    private func refusal(of head: HTTPRequestHead) -> APIError? {
        let lengths = head.headers["content-length"],
            codings = head.headers[canonicalForm: "transfer-encoding"]
        if !codings.isEmpty, !lengths.isEmpty {
            return .malformed("it states both a length and a transfer coding")
        }
        if !codings.isEmpty, codings.map({ $0.lowercased() }) != ["chunked"] {
            return .malformed("its transfer coding is not 'chunked'")
        }
        if lengths.count > 1 { return .malformed("it states its length more than once") }
        if let length = lengths.first {
            guard let bytes = Int(length), bytes >= 0, length.utf8.allSatisfy({ (48...57).contains($0) })
            else {
                return .malformed("its length is no number")
            }
            if bytes > limits.largestBody { return .bodyTooLarge(limit: limits.largestBody) }
        }
        let hosts = head.headers["host"]
        if hosts.count > 1 || (!head.version.isOld && hosts.isEmpty) {
            return .malformed("it must name one host")
        }
        if head.version.isOld, head.method != .GET, head.method != .HEAD { return .oldVersion() }
        if head.version.major != 1 { return .oldVersion() }
        guard head.uri.hasPrefix("/") || head.method == .OPTIONS else {
            return .malformed("its target is no path")
        }
        guard head.uri.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return .malformed("its target holds what no address may")
        }
        return nil
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if isDiscarding { context.read() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError || error is NIOHTTPDecoderError else {
            connection.leave()
            return context.fireErrorCaught(error)
        }
        guard !isDiscarding else { return }
        var told = APIError.malformed("\(error)")
        if case HTTPParserError.headerOverflow = error { told = .headerTooLarge() }
        if isAnswering || !held.isEmpty { heldError = told } else { answer(told, context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { connection.leave() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        receiveDeadline?.cancel()
        writeDeadline?.cancel()
        connection.leave()
        context.fireChannelInactive()
    }

    // MARK: out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isDiscarding else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            hasBegunAnswer = true
            if head.headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "close" }) {
                closesAfterAnswer = true
            }
            context.write(data, promise: promise)
        case .body:
            // An answer to HEAD has the length that it would have, and nothing behind its head.
            guard head?.method != .HEAD else { return promise?.succeed() ?? () }
            context.write(data, promise: promise)
        case .end:
            (owesAnswer, isForwarded, head) = (false, false, nil)
            guard closesAfterAnswer || isReceiving else {
                context.write(data, promise: promise)
                guard !held.isEmpty || heldError != nil else { return }
                let bound = NIOLoopBound((guard: self, context: context), eventLoop: context.eventLoop)
                // Not before whoever wrote this is done with it.
                return context.eventLoop.execute { bound.value.guard.release(bound.value.context) }
            }
            context.writeAndFlush(data, promise: promise)
            linger(context)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writeDeadline?.cancel()
        if !context.channel.isWritable {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            writeDeadline = context.eventLoop.scheduleTask(in: .seconds(Int64(limits.writeSeconds))) {
                bound.value.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    /// Answers in place of a route, and ends the connection.
    private func answer(_ error: APIError, _ context: ChannelHandlerContext) {
        guard !hasBegunAnswer || !owesAnswer else { return context.close(promise: nil) }
        let body = error.body.encoded()
        let tag = head?.headers.first(name: "x-request-id") ?? RequestTag.made()
        context.write(wrapOutboundOut(.head(error.head(length: body.count, tag: tag))), promise: nil)
        if head?.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        linger(context)
        // Whoever still reads the body of this request is to stop, and writes down what was answered.
        connection.leave()
        if isForwarded {
            context.fireErrorCaught(error)
        } else {
            RequestRecord.note(error, to: head, tag: tag, records)
        }
    }

    /// Closes in such a way that the answer arrives: a close while bytes come in would take it back.
    private func linger(_ context: ChannelHandlerContext) {
        isDiscarding = true
        held.removeAll()
        receiveDeadline?.cancel()
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .seconds(2)) { bound.value.close(promise: nil) }
        context.read()
    }
}

extension Settings.Limits {
    /// The largest body that any route takes; more is refused before it is read.
    var largestBody: Int {
        max(uploadBytes, voiceBytes, speechBytes) + formBytes
    }

    /// A request to speak may carry a recording, in base64.
    var speechBytes: Int { jsonBytes + voiceBytes / 3 * 4 + 4 }

    /// What a form may hold beside its file.
    var formBytes: Int { jsonBytes }
}

extension HTTPVersion {
    /// HTTP/1.0, which knows no chunks.
    fileprivate var isOld: Bool { major == 1 && minor == 0 }
}
