/// Writes GGUF files, version 3, with tensors on multiples of 32 bytes.
package struct GGUFWriter {
    /// The metadata, in the order of writing.
    private let metadata: [(key: String, value: MetadataValue)]

    /// A writer of files with that metadata. A whole number is stored in 32 bits where it fits, else in 64; a
    /// fraction in single precision where that is exact; an array in the type that fits all its elements.
    package init(metadata: [(key: String, value: MetadataValue)] = []) {
        self.metadata = metadata
    }

    /// Writes `tensors` in their order to `path`, which appears complete or not at all.
    ///
    /// Throws `duplicate`, `invalidTensor`, `unsupported` for a type that ggml lacks or an array of mixed or
    /// nested values, `system`, and whatever a tensor's source throws.
    package func write(_ tensors: [TensorSource], to path: String) throws {
        try TensorSource.checkNames(tensors, path)
        var header = Bytes()
        header.add(Array("GGUF".utf8))
        header.add(UInt32(3))
        header.add(UInt64(tensors.count))
        header.add(UInt64(metadata.count))
        try addMetadata(to: &header, path)
        try addEntries(tensors, to: &header, path)
        var file = try AtomicFile(path: path)
        try file.write(header.padded())
        for tensor in tensors {
            let count = try tensor.byteCount(path)
            try tensor.write(to: &file, count: count, path: path)
            try file.write([UInt8](repeating: 0, count: GGUFWriter.aligned(count) - count))
        }
        try file.commit()
    }

    private static func aligned(_ count: Int) -> Int {
        (count + GGUFReader.defaultAlignment - 1) / GGUFReader.defaultAlignment * GGUFReader.defaultAlignment
    }

    private func addMetadata(to header: inout Bytes, _ path: String) throws(CheckpointError) {
        var keys: Set<String> = []
        for (key, value) in metadata {
            guard keys.insert(key).inserted else { throw .duplicate(path: path, name: key) }
            guard key != "general.alignment" || value == .uint(UInt64(GGUFReader.defaultAlignment)) else {
                throw .unsupported(path: path, what: "an alignment other than \(GGUFReader.defaultAlignment)")
            }
            header.add(key)
            guard let type = GGUFWriter.type([value]) else {
                throw .unsupported(path: path, what: "the value of '\(key)'")
            }
            header.add(type.rawValue)
            if case .array(let elements) = value {
                guard let type = GGUFWriter.type(elements), type != .array else {
                    throw .unsupported(path: path, what: "the array '\(key)' of mixed or nested values")
                }
                header.add(type.rawValue)
                header.add(UInt64(elements.count))
                for element in elements { header.add(element, as: type) }
            } else {
                header.add(value, as: type)
            }
        }
    }

    private func addEntries(_ tensors: [TensorSource], to header: inout Bytes, _ path: String)
        throws(CheckpointError)
    {
        var offset = 0
        for tensor in tensors {
            func invalid(_ fault: CheckpointError.TensorFault) -> CheckpointError {
                .invalidTensor(path: path, name: tensor.name, fault: fault)
            }
            guard (1...GGUFReader.nameLimit).contains(tensor.name.utf8.count) else { throw invalid(.badName) }
            guard tensor.shape.count <= 4 else { throw invalid(.tooManyDimensions(tensor.shape.count)) }
            guard let code = tensor.type.ggmlCode else {
                throw .unsupported(path: path, what: "\(tensor.type.rawValue) numbers in GGUF")
            }
            header.add(tensor.name)
            header.add(UInt32(tensor.shape.count))
            let count = try tensor.byteCount(path)
            for dimension in tensor.shape.reversed() { header.add(UInt64(dimension)) }
            header.add(code)
            header.add(UInt64(offset))
            // No file comes near the 2^63 bytes at which this sum would wrap; a shape in memory might.
            guard count <= Int.max / 2 - offset else { throw invalid(.badShape(tensor.shape)) }
            offset += GGUFWriter.aligned(count)
        }
    }

    /// The narrowest type that holds all of `values`; nil if none does.
    private static func type(_ values: [MetadataValue]) -> GGUFValueType? {
        var types: Set<GGUFValueType> = []
        for value in values {
            switch value {
            case .string: types.insert(.string)
            case .bool: types.insert(.bool)
            case .array: types.insert(.array)
            case .int(let number): types.insert(Int32(exactly: number) == nil ? .int64 : .int32)
            case .uint(let number): types.insert(UInt32(exactly: number) == nil ? .uint64 : .uint32)
            case .double(let number):
                types.insert(Double(Float(number)).bitPattern == number.bitPattern ? .float32 : .float64)
            }
        }
        switch types {
        case []: return .uint32
        case [.int32, .int64]: return .int64
        case [.uint32, .uint64]: return .uint64
        case [.float32, .float64]: return .float64
        default: return types.count == 1 ? types.first : nil
        }
    }

    /// The head of the file as it grows.
    private struct Bytes {
        private var bytes: [UInt8] = []

        mutating func add(_ more: [UInt8]) { bytes.append(contentsOf: more) }

        mutating func add(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }

        mutating func add(_ text: String) {
            add(UInt64(text.utf8.count))
            bytes.append(contentsOf: text.utf8)
        }

        mutating func add(_ value: MetadataValue, as type: GGUFValueType) {
            switch value {
            case .string(let text): add(text)
            case .bool(let bool): add(UInt8(bool ? 1 : 0))
            case .int(let number): type == .int32 ? add(Int32(number)) : add(number)
            case .uint(let number): type == .uint32 ? add(UInt32(number)) : add(number)
            case .double(let number):
                type == .float32 ? add(Float(number).bitPattern) : add(number.bitPattern)
            case .array: preconditionFailure("an array is added by its elements")
            }
        }

        /// The bytes, with zeros up to where the tensors start.
        func padded() -> [UInt8] {
            bytes + [UInt8](repeating: 0, count: GGUFWriter.aligned(bytes.count) - bytes.count)
        }
    }
}
