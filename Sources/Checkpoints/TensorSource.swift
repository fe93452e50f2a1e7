/// A tensor to be written, whose bytes are asked for when its turn comes.
package struct TensorSource {
    /// Takes the next piece of a tensor's bytes.
    package typealias Sink = (UnsafeRawBufferPointer) throws -> Void

    package let name: String
    package let type: ElementType
    /// The dimensions, row-major.
    package let shape: [Int]
    private let produce: (Sink) throws -> Void

    /// A tensor whose bytes, little-endian and row-major, `produce` gives to the sink in order, in as many pieces
    /// as it likes. It is called once, and its errors come out of the writer.
    package init(
        _ name: String, _ type: ElementType, _ shape: [Int], produce: @escaping (Sink) throws -> Void
    ) {
        self.name = name
        self.type = type
        self.shape = shape
        self.produce = produce
    }

    /// A tensor whose bytes are at hand.
    package init(_ name: String, _ type: ElementType, _ shape: [Int], bytes: [UInt8]) {
        self.init(name, type, shape) { sink in try bytes.withUnsafeBytes { try sink($0) } }
    }

    /// A tensor of a checkpoint, as it is.
    package init(_ tensor: StoredTensor) {
        self.init(tensor.name, tensor.type, tensor.shape) { sink in try tensor.withBytes { try sink($0) } }
    }

    /// The bytes that type and shape need; throws `invalidTensor` if there is no such number.
    func byteCount(_ path: String) throws(CheckpointError) -> Int {
        guard let count = type.byteCount(shape) else {
            throw .invalidTensor(path: path, name: name, fault: .badShape(shape))
        }
        return count
    }

    /// Writes the bytes, of which there must be `count`.
    func write(to file: inout AtomicFile, count: Int, path: String) throws {
        let start = file.count
        // The closure may not hold a noncopyable file, so the file is lent through a pointer for this call.
        try withUnsafeMutablePointer(to: &file) { file in
            try produce { piece in
                let written = file.pointee.count - start
                guard piece.count <= count - written else {
                    throw CheckpointError.invalidTensor(
                        path: path, name: name,
                        fault: .sizeMismatch(expected: count, found: written + piece.count))
                }
                try file.pointee.write(piece)
            }
        }
        guard file.count - start == count else {
            throw CheckpointError.invalidTensor(
                path: path, name: name, fault: .sizeMismatch(expected: count, found: file.count - start))
        }
    }

    /// Throws `duplicate` if two of `tensors` share a name.
    static func checkNames(_ tensors: [TensorSource], _ path: String) throws(CheckpointError) {
        var names: Set<String> = []
        for tensor in tensors {
            guard names.insert(tensor.name).inserted else { throw .duplicate(path: path, name: tensor.name) }
        }
    }
}
