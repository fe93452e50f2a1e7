/// A run of numbers in an archive.
struct PickleStorage {
    let key: String
    let type: ElementType
    let count: Int
    let range: Range<Int>
}

/// The storages of a torch archive, and the tensors that view them.
struct PickleStorages {
    let file: MappedFile
    let members: [String: Range<Int>]
    /// The folder that all members are in, with its slash.
    let prefix: String
    /// What may still be copied to make tensors contiguous, in bytes. No more than the file holds is needed
    /// when each storage is seen by one tensor, as torch leaves it.
    private var copyBudget: Int
    static let dimensionLimit = 32

    init(_ file: MappedFile, _ members: [String: Range<Int>], prefix: String) {
        self.file = file
        self.members = members
        self.prefix = prefix
        copyBudget = file.bytes.count
    }

    /// The storage `key`, which must be a member of exactly `count` elements.
    func storage(_ key: String, _ type: ElementType, count: Int64) throws(CheckpointError) -> PickleStorage {
        let name = "\(prefix)data/\(key)"
        guard let range = members[name] else {
            throw .malformed(path: file.path, offset: 0, what: "there is no zip member '\(name)'")
        }
        guard let elements = Int(exactly: count), let bytes = type.byteCount([elements]) else {
            throw .invalidTensor(path: file.path, name: name, fault: .badShape([Int(clamping: count)]))
        }
        guard bytes == range.count else {
            throw .invalidTensor(
                path: file.path, name: name, fault: .sizeMismatch(expected: bytes, found: range.count))
        }
        return PickleStorage(key: key, type: type, count: elements, range: range)
    }

    /// The tensor that views `storage`, where it lies if it is contiguous there, else copied.
    mutating func tensor(
        _ storage: PickleStorage, offset: Int, shape: [Int], strides: [Int]
    ) throws(CheckpointError) -> StoredTensor {
        let path = file.path
        func invalid(_ fault: CheckpointError.TensorFault) -> CheckpointError {
            .invalidTensor(path: path, name: "\(prefix)data/\(storage.key)", fault: fault)
        }
        guard let count = ElementType.elementCount(shape) else { throw invalid(.badShape(shape)) }
        guard shape.count == strides.count, (0...storage.count).contains(offset) else {
            throw invalid(.badStrides(strides))
        }
        guard count > 0 else {
            let empty = storage.range.lowerBound..<storage.range.lowerBound
            return StoredTensor(name: "", type: storage.type, shape: shape, file: file, range: empty)
        }
        guard count <= storage.count else {
            throw invalid(.expandedView(elements: count, stored: storage.count))
        }
        let size = storage.type.blockBytes
        let view = StridedView(shape: shape, strides: strides, elementBytes: size)
        guard let span = view.span, span < storage.count - offset else { throw invalid(.badStrides(strides)) }
        let start = storage.range.lowerBound + offset * size
        if view.isContiguous {
            let range = start..<start + count * size
            return StoredTensor(name: "", type: storage.type, shape: shape, file: file, range: range)
        }
        guard count * size <= copyBudget else {
            throw .tooLarge(
                path: path, what: "the copies of strided tensors", value: UInt64(count * size),
                limit: UInt64(copyBudget))
        }
        copyBudget -= count * size
        let owned = OwnedBytes(count: count * size)
        view.gather(from: file.slice(start..<storage.range.upperBound), into: owned.memory)
        return StoredTensor(name: "", type: storage.type, shape: shape, owned: owned)
    }
}
