/// A message between the server and a worker: four bytes of length of what follows, a byte of kind, four bytes of
/// request, and the message's own.
package struct Frame: Equatable, Sendable {
    /// The most that one may be: a megabyte of samples, or any text, and room to spare. What is longer goes in pieces.
    package static let longest = 4 << 20
    /// Bytes of kind and request.
    static let head = 5

    package var kind: UInt8
    /// Whose message it is; zero is the worker's own.
    package var request: UInt32
    package var payload: ArraySlice<UInt8>

    package init(kind: UInt8, request: UInt32, payload: ArraySlice<UInt8>) {
        (self.kind, self.request, self.payload) = (kind, request, payload)
    }

    /// The frame as it is sent; nil when it is too long to be.
    package var bytes: [UInt8]? {
        guard Self.head + payload.count <= Self.longest else { return nil }
        var wire = WireWriter()
        wire.put(UInt32(Self.head + payload.count))
        wire.put(kind)
        wire.put(request)
        return wire.bytes + payload
    }
}

/// Cuts what comes through a pipe into frames, however it is parted.
package struct FrameReader {
    private var bytes: [UInt8] = []
    private var start = 0

    package init() {}

    package mutating func add(_ more: some Sequence<UInt8>) {
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            start = 0
        } else if start > Frame.longest {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    /// The next frame that is whole. The length is looked at before anything is waited for, so that no more is ever
    /// held than a frame may be and one read brings.
    package mutating func next() throws(WireError) -> Frame? {
        var wire = WireReader(bytes[start...])
        guard wire.left >= 4 else { return nil }
        let length = Int(try wire.get(UInt32.self))
        guard length <= Frame.longest else { throw .frameTooLong(length) }
        guard length >= Frame.head else { throw .frameTooShort(length) }
        guard wire.left >= length else { return nil }
        let (kind, request) = (try wire.byte(), try wire.get(UInt32.self))
        let end = start + 4 + length
        let payload = bytes[(start + 4 + Frame.head)..<end]
        start = end
        return Frame(kind: kind, request: request, payload: payload)
    }
}
