/// One tensor of a checkpoint, where it lies in the file.
package struct StoredTensor: Sendable {
    /// The name, as in the checkpoint; empty for the only tensor of a file that does not name it.
    package let name: String
    /// How its numbers are stored.
    package let type: ElementType
    /// The dimensions, row-major, as in the checkpoint.
    package let shape: [Int]
    /// The numbers, little-endian and row-major, `type.byteCount(shape)` bytes. The address has no alignment
    /// beyond what the file's writer gave it: read with `loadUnaligned`, or copy.
    // SAFETY: read-only memory that `owner` keeps alive.
    nonisolated(unsafe) package let bytes: UnsafeRawBufferPointer
    private let owner: any AnyObject & Sendable

    init(name: String, type: ElementType, shape: [Int], file: MappedFile, range: Range<Int>) {
        self.name = name
        self.type = type
        self.shape = shape
        bytes = file.slice(range)
        owner = file
    }

    init(name: String, type: ElementType, shape: [Int], owned: OwnedBytes) {
        self.name = name
        self.type = type
        self.shape = shape
        bytes = UnsafeRawBufferPointer(owned.memory)
        owner = owned
    }

    private init(name: String, as tensor: StoredTensor) {
        self.name = name
        type = tensor.type
        shape = tensor.shape
        bytes = tensor.bytes
        owner = tensor.owner
    }

    /// The same tensor under another name.
    package func named(_ name: String) -> StoredTensor {
        StoredTensor(name: name, as: self)
    }

    /// Whether the bytes are a file's own pages, which the system may drop and read again.
    package var isMapped: Bool { (owner as? MappedFile)?.isFileBacked ?? false }

    /// Calls `body` with the bytes, which stay mapped at least until it returns.
    package func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        defer { withExtendedLifetime(owner) {} }
        return try body(bytes)
    }
}

/// What a file says about itself beside its tensors.
package enum MetadataValue: Sendable, Equatable {
    case string(String)
    case int(Int64)
    case uint(UInt64)
    case double(Double)
    case bool(Bool)
    case array([MetadataValue])
}

/// A model file, memory-mapped, with every tensor checked to lie inside it.
package struct CheckpointFile: Sendable {
    /// A format we read.
    package enum Format: String, Sendable {
        case safetensors, gguf, pytorch, numpy
    }

    /// Where the file is.
    package let path: String
    /// What the first bytes say it is.
    package let format: Format
    /// The tensors in the order of the file.
    package let tensors: [StoredTensor]
    /// What the file says beside them.
    package let metadata: [String: MetadataValue]
    private let positions: [String: Int]

    /// Opens the file at `path`; its format is what its first bytes say, whatever its name.
    package init(path: String) throws(CheckpointError) {
        try self.init(MappedFile(path: path))
    }

    /// Reads a file that is already mapped.
    package init(_ file: MappedFile) throws(CheckpointError) {
        format = try Format(of: file)
        let contents: CheckpointContents =
            switch format {
            case .safetensors: try SafetensorsReader.read(file)
            case .gguf: try GGUFReader.read(file)
            case .pytorch: try PickleArchive(file).flattened()
            case .numpy: try NumpyReader.read(file)
            }
        path = file.path
        tensors = contents.tensors
        metadata = contents.metadata
        positions = try contents.positions(in: file.path)
    }

    /// The tensor of that name.
    package subscript(name: String) -> StoredTensor? {
        positions[name].map { tensors[$0] }
    }
}

/// What a reader finds in a file.
struct CheckpointContents {
    var tensors: [StoredTensor] = []
    var metadata: [String: MetadataValue] = [:]

    /// The index of each tensor by its name; throws `duplicate`.
    func positions(in path: String) throws(CheckpointError) -> [String: Int] {
        var positions: [String: Int] = [:]
        positions.reserveCapacity(tensors.count)
        for (index, tensor) in tensors.enumerated() {
            guard positions.updateValue(index, forKey: tensor.name) == nil else {
                throw .duplicate(path: path, name: tensor.name)
            }
        }
        return positions
    }
}

extension CheckpointFile.Format {
    /// The format that the first bytes of `file` announce; throws `unknownFormat`.
    init(of file: MappedFile) throws(CheckpointError) {
        func starts(_ magic: [UInt8]) -> Bool { file.bytes.starts(with: magic) }
        if starts(Array("GGUF".utf8)) {
            self = .gguf
        } else if starts(Array("PK".utf8) + [3, 4]) {
            self = .pytorch
        } else if starts([0x93] + Array("NUMPY".utf8)) {
            self = .numpy
        } else if file.bytes.count > 8, file.bytes[8] == UInt8(ascii: "{"),
            file.bytes[4..<8].allSatisfy({ $0 == 0 })
        {
            // Eight bytes of length stand before the header, which is a JSON object.
            self = .safetensors
        } else {
            throw .unknownFormat(path: file.path, content: CheckpointError.Content(of: file.bytes))
        }
    }
}

extension CheckpointError.Content {
    private static let signatures: [(bytes: [UInt8], content: CheckpointError.Content)] = [
        ([0x89] + Array("PNG\r\n".utf8), .png), ([0x1f, 0x8b, 8], .gzip), (Array("%PDF-".utf8), .pdf),
        (Array("RIFF".utf8), .wave), (Array("version https://git-lfs".utf8), .gitLFSPointer),
        ([0x80, 2, 0x8a, 10], .barePickle), ([0x80, 2], .barePickle), ([0x80, 3], .barePickle),
        ([0x80, 4, 0x95], .barePickle), ([0x80, 5, 0x95], .barePickle),
    ]

    /// What a file that starts with `bytes` seems to be.
    init(of bytes: UnsafeRawBufferPointer) {
        let spaces: Set<UInt8> = [0x20, 0x09, 0x0a, 0x0d]
        let text = bytes.prefix(256).drop { spaces.contains($0) }.prefix(15)
        let lowered = text.map { (0x41...0x5a).contains($0) ? $0 + 32 : $0 }
        if let known = CheckpointError.Content.signatures.first(where: { bytes.starts(with: $0.bytes) }) {
            self = known.content
        } else if lowered.starts(with: Array("<!doctype html".utf8))
            || lowered.starts(with: Array("<html".utf8))
        {
            self = .html
        } else if text.first == UInt8(ascii: "{") {
            self = .json
        } else {
            self = .unknown
        }
    }
}
