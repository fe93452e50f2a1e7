import Foundation
import NIOCore

/// One message of the Wyoming protocol: a line of JSON, then a block of JSON, then a block of bytes, both of which
/// may be absent. What an event says may stand in the line, in the block, or in both; the block prevails.
struct WyomingEvent: Sendable, Equatable {
    var type: String
    /// Nil where what it says is not of the kind it should be.
    var data: Fields? = Fields()
    var payload: [UInt8] = []

    /// What any event that we take may say. What else it says is not for us.
    struct Fields: Decodable, Sendable, Equatable {
        var text: String?
        var voice: Voice?
        var format: String?
        var name: String?
        var names: [String]?
        var terms: [String]?
        var rate: Int?
        var width: Int?
        var channels: Int?

        enum CodingKeys: String, CodingKey {
            case text, voice, name, rate, width, channels
            case format = "text_format"
            case names = "transcript_names"
            case terms = "transcript_terms"
        }
    }

    /// A wish for a voice.
    struct Voice: Decodable, Sendable, Equatable {
        var name: String?
        var language: String?
        var speaker: String?
    }
}

extension WyomingEvent.Fields {
    /// These, and where they say nothing, the others.
    func over(_ others: Self) -> Self {
        Self(
            text: text ?? others.text, voice: voice ?? others.voice, format: format ?? others.format,
            name: name ?? others.name, names: names ?? others.names, terms: terms ?? others.terms,
            rate: rate ?? others.rate, width: width ?? others.width, channels: channels ?? others.channels)
    }
}

/// What is not an event at all: where the next one begins is not known after it.
enum WyomingFramingError: Error, Equatable {
    /// The line is no JSON object with a `type` and lengths.
    case malformed
    /// The line, its data or its payload is longer than may be.
    case tooLong(part: String, limit: Int)
}

/// Bytes to events. Nothing is set aside for a length that is beyond its limit.
struct WyomingDecoder: ByteToMessageDecoder {
    typealias InboundOut = WyomingEvent

    static let longestLine = 64 << 10
    static let longestData = 1 << 20
    static let longestPayload = 1 << 20

    /// An event whose line has been read.
    private struct Begun {
        var line: Line
        var dataLength: Int
        var payloadLength: Int
    }

    private struct Line: Decodable {
        var type: String
        var data: Said?
        var dataLength: Int?
        var payloadLength: Int?

        enum CodingKeys: String, CodingKey {
            case type, data
            case dataLength = "data_length"
            case payloadLength = "payload_length"
        }
    }

    /// Fields, or nothing where they cannot be read: the lengths beside them still can.
    private struct Said: Decodable {
        var fields: WyomingEvent.Fields?

        init(from decoder: any Decoder) { fields = try? WyomingEvent.Fields(from: decoder) }
    }

    private var begun: Begun?
    /// Bytes of the line looked at already, so that each is looked at once.
    private var searched = 0

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        guard let event = try next(&buffer) else { return .needMoreData }
        context.fireChannelRead(wrapInboundOut(event))
        return .continue
    }

    /// The event at the head of the bytes; nil until it is whole.
    mutating func next(_ buffer: inout ByteBuffer) throws(WyomingFramingError) -> WyomingEvent? {
        if begun == nil { begun = try line(&buffer) }
        guard let begun, buffer.readableBytes >= begun.dataLength + begun.payloadLength else { return nil }
        self.begun = nil
        var data = begun.line.data.map(\.fields) ?? WyomingEvent.Fields()
        if begun.dataLength > 0 {
            let block = try? Self.parse(WyomingEvent.Fields.self, buffer.readBytes(length: begun.dataLength))
            data = data.flatMap { block?.over($0) }
        }
        let payload = buffer.readBytes(length: begun.payloadLength) ?? []
        return WyomingEvent(type: begun.line.type, data: data, payload: payload)
    }

    private mutating func line(_ buffer: inout ByteBuffer) throws(WyomingFramingError) -> Begun? {
        let bytes = buffer.readableBytesView
        guard let end = bytes.dropFirst(searched).firstIndex(of: UInt8(ascii: "\n")) else {
            searched = bytes.count
            guard searched <= Self.longestLine else {
                throw .tooLong(part: "line", limit: Self.longestLine)
            }
            return nil
        }
        searched = 0
        let length = end - bytes.startIndex
        guard length <= Self.longestLine else { throw .tooLong(part: "line", limit: Self.longestLine) }
        let line = try Self.parse(Line.self, buffer.readBytes(length: length))
        buffer.moveReaderIndex(forwardBy: 1)
        return Begun(
            line: line,
            dataLength: try Self.length(line.dataLength, "data_length", Self.longestData),
            payloadLength: try Self.length(line.payloadLength, "payload_length", Self.longestPayload))
    }

    private static func length(
        _ value: Int?, _ name: String, _ limit: Int
    ) throws(WyomingFramingError) -> Int {
        guard let value else { return 0 }
        guard value >= 0 else { throw .malformed }
        guard value <= limit else { throw .tooLong(part: name, limit: limit) }
        return value
    }

    private static func parse<T: Decodable>(
        _ type: T.Type, _ bytes: [UInt8]?
    ) throws(WyomingFramingError) -> T {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes ?? []))
        } catch {
            throw .malformed
        }
    }
}

/// What we send.
struct WyomingReply<Content: Encodable> {
    var type: String
    var data: Content
    var payload: [UInt8] = []

    private struct Line: Encodable {
        let type: String
        let version = "1.10.2"
        let dataLength: Int
        let payloadLength: Int?
    }

    /// The bytes of the event, its data in a block of its own as the reference writes them.
    func buffer() throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let block = try encoder.encode(data)
        let line = try encoder.encode(
            Line(type: type, dataLength: block.count, payloadLength: payload.isEmpty ? nil : payload.count))
        var buffer = ByteBuffer()
        buffer.reserveCapacity(line.count + 1 + block.count + payload.count)
        buffer.writeBytes(line)
        buffer.writeInteger(UInt8(ascii: "\n"))
        buffer.writeBytes(block)
        buffer.writeBytes(payload)
        return buffer
    }
}
