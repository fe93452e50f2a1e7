/// Why bytes from the other process cannot be read.
package enum WireError: Error, Sendable, Equatable {
    /// A frame that says it is longer than any may be.
    case frameTooLong(Int)
    /// A frame too short for its own head.
    case frameTooShort(Int)
    /// Bytes end before what they hold does.
    case truncated
    /// Bytes are left over after what they hold.
    case leftOver(Int)
    /// A number that stands for nothing of this kind.
    case unknown(String, UInt64)
    /// A value that cannot be what it says it is.
    case invalid(String)
}

/// Something that goes between the server and a worker: what is written is read back the same, and anything else is
/// an error. Numbers are little-endian, and a count precedes what is counted.
package protocol WireForm {
    init(from wire: inout WireReader) throws(WireError)
    func write(to wire: inout WireWriter)
}

/// Bytes being written.
package struct WireWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func put(_ byte: UInt8) { bytes.append(byte) }

    package mutating func put(_ value: some WireForm) { value.write(to: &self) }

    fileprivate mutating func put(number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    fileprivate mutating func put(raw: UnsafeRawBufferPointer) { bytes.append(contentsOf: raw) }

    /// Samples, as 32-bit floats.
    package mutating func put(samples: some Collection<Float>) {
        put(UInt32(samples.count))
        bytes.reserveCapacity(bytes.count + 4 * samples.count)
        #if _endian(little)
            let isDone: Void? = samples.withContiguousStorageIfAvailable {
                put(raw: UnsafeRawBufferPointer($0))
            }
            if isDone != nil { return }
        #endif
        for sample in samples { put(number: sample.bitPattern) }
    }
}

/// Bytes being read, which may hold anything.
package struct WireReader {
    private let bytes: ArraySlice<UInt8>
    private var index: Int

    package init(_ bytes: ArraySlice<UInt8>) { (self.bytes, index) = (bytes, bytes.startIndex) }

    /// Bytes not read yet.
    package var left: Int { bytes.endIndex - index }

    package mutating func get<Value: WireForm>(_: Value.Type = Value.self) throws(WireError) -> Value {
        try Value(from: &self)
    }

    package mutating func byte() throws(WireError) -> UInt8 {
        guard left > 0 else { throw .truncated }
        defer { index += 1 }
        return bytes[index]
    }

    package mutating func samples() throws(WireError) -> [Float] {
        let count = Int(try get(UInt32.self))
        let slice = try take(count.multipliedReportingOverflow(by: 4))
        return slice.withUnsafeBytes { raw in
            (0..<count).map {
                Float(
                    bitPattern: UInt32(
                        littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
            }
        }
    }

    /// - Throws: unless everything was read.
    package func end() throws(WireError) {
        guard left == 0 else { throw .leftOver(left) }
    }

    /// A count of things, each of which takes at least a byte.
    fileprivate mutating func count() throws(WireError) -> Int {
        let count = Int(try get(UInt32.self))
        guard count <= left else { throw .truncated }
        return count
    }

    fileprivate mutating func take(_ size: (partialValue: Int, overflow: Bool)) throws(WireError)
        -> ArraySlice<UInt8>
    {
        guard !size.overflow, size.partialValue <= left else { throw .truncated }
        defer { index += size.partialValue }
        return bytes[index..<index + size.partialValue]
    }

    fileprivate mutating func number<Number: FixedWidthInteger>() throws(WireError) -> Number {
        try take((MemoryLayout<Number>.size, false)).withUnsafeBytes {
            Number(littleEndian: $0.loadUnaligned(as: Number.self))
        }
    }
}

// MARK: numbers, text and their collections

extension WireForm where Self: FixedWidthInteger {
    package init(from wire: inout WireReader) throws(WireError) { self = try wire.number() }
    package func write(to wire: inout WireWriter) { wire.put(number: self) }
}

extension UInt32: WireForm {}
extension UInt64: WireForm {}
extension Int32: WireForm {}
extension Int64: WireForm {}

extension Int: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        let number = try wire.get(Int64.self)
        guard let value = Int(exactly: number) else { throw .invalid("a number") }
        self = value
    }
    package func write(to wire: inout WireWriter) { wire.put(Int64(self)) }
}

extension Bool: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        switch try wire.byte() {
        case 0: self = false
        case 1: self = true
        case let other: throw .unknown("truth", UInt64(other))
        }
    }
    package func write(to wire: inout WireWriter) { wire.put(UInt8(self ? 1 : 0)) }
}

extension Float: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self.init(bitPattern: try wire.get(UInt32.self))
    }
    package func write(to wire: inout WireWriter) { wire.put(bitPattern) }
}

extension Double: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self.init(bitPattern: try wire.get(UInt64.self))
    }
    package func write(to wire: inout WireWriter) { wire.put(bitPattern) }
}

extension String: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        let slice = try wire.take((wire.count(), false))
        guard let text = String(validating: slice, as: UTF8.self) else { throw .invalid("text") }
        self = text
    }
    package func write(to wire: inout WireWriter) {
        var text = self
        text.withUTF8 { utf8 in
            wire.put(UInt32(utf8.count))
            wire.put(raw: UnsafeRawBufferPointer(utf8))
        }
    }
}

extension Optional: WireForm where Wrapped: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self = try wire.get(Bool.self) ? .some(try wire.get()) : .none
    }
    package func write(to wire: inout WireWriter) {
        wire.put(self != nil)
        if let value = self { wire.put(value) }
    }
}

extension Array: WireForm where Element: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self = []
        for _ in 0..<(try wire.count()) { append(try wire.get()) }
    }
    package func write(to wire: inout WireWriter) {
        wire.put(UInt32(count))
        for element in self { wire.put(element) }
    }
}

extension WireForm {
    /// Reads a value that is one of few, told by its own raw value.
    static func named<Raw: RawRepresentable<String>>(_ kind: Raw.Type, in wire: inout WireReader)
        throws(WireError)
        -> Raw
    {
        guard let value = Raw(rawValue: try wire.get()) else { throw .invalid("\(kind)") }
        return value
    }
}
