import Foundation

/// What is wrong with a model file, or with what was asked of it.
package enum CheckpointError: Error, Equatable, Sendable {
    /// There is nothing at the path.
    case missingFile(path: String)
    /// The folder lacks a file that a model has.
    case incomplete(path: String, name: String)
    /// The file holds tensors, and not what model they are of.
    case notAModel(path: String)
    /// The path names a folder or a device.
    case notAFile(path: String)
    /// The file holds no bytes.
    case emptyFile(path: String)
    /// The system refused an operation, with its error number.
    case system(path: String, operation: String, code: Int32)
    /// The file changed its size while it was being opened.
    case changed(path: String)
    /// The first bytes are those of no format we read.
    case unknownFormat(path: String, content: Content)
    /// The file ends before `what`, which starts at `offset`, does.
    case truncated(path: String, offset: Int, what: String)
    /// What stands at `offset` breaks the format.
    case malformed(path: String, offset: Int, what: String)
    /// A quantity is over the limit that we set on files.
    case tooLarge(path: String, what: String, value: UInt64, limit: UInt64)
    /// Two tensors, keys or entries share a name.
    case duplicate(path: String, name: String)
    /// The description of one tensor contradicts itself or the file.
    case invalidTensor(path: String, name: String, fault: TensorFault)
    /// A feature of the format that we do not read or write.
    case unsupported(path: String, what: String)
    /// A pickle asks for a Python name outside the list of names that are only data.
    case forbiddenGlobal(path: String, name: String)
    /// A tensor that was asked for is not there.
    case missingTensor(path: String, name: String, expected: [Int])
    /// A tensor has not the shape that was asked for.
    case wrongShape(path: String, name: String, expected: [Int], found: [Int])
    /// Tensors that nobody claimed, sorted.
    case unclaimed(path: String, names: [String])

    /// What an unreadable file seems to hold.
    package enum Content: String, Sendable {
        case barePickle = "a pickle outside a zip archive, as torch wrote before version 1.6"
        case gitLFSPointer = "a git-lfs pointer, not the file it stands for"
        case gzip = "a gzip archive"
        case html = "a web page"
        case json = "JSON text"
        case pdf = "a PDF document"
        case png = "a PNG picture"
        case unknown = "data of an unknown kind"
        case wave = "a WAV recording"
    }

    /// What is wrong with one tensor.
    package enum TensorFault: Equatable, Sendable {
        /// The size in bytes overflows, a dimension is negative, or the last is not whole blocks.
        case badShape([Int])
        /// Shape and type need `expected` bytes; the file gives `found`.
        case sizeMismatch(expected: Int, found: Int)
        /// The bytes do not lie inside the file.
        case outsideFile(offset: UInt64, bytes: UInt64)
        /// The bytes are also those of another tensor.
        case overlaps(other: String)
        /// Bytes before this tensor, or after the last one, belong to nobody.
        case gap(offset: Int)
        /// The offset is no multiple of the file's alignment.
        case misaligned(offset: UInt64, alignment: Int)
        /// A type of number that we do not read.
        case unknownType(String)
        /// The name is empty, too long, or not UTF-8.
        case badName
        /// More dimensions than the format has.
        case tooManyDimensions(Int)
        /// Strides reach outside the storage.
        case badStrides([Int])
        /// The view repeats elements of its storage.
        case expandedView(elements: Int, stored: Int)
    }
}

extension CheckpointError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missingFile(let path): "There is no file '\(path)'."
        case .incomplete(let path, let name): "'\(path)' is not a whole model: it has no '\(name)'."
        case .notAModel(let path):
            "'\(path)' is not a model by itself: it does not say of what kind its tensors are."
        case .notAFile(let path): "'\(path)' is not a file."
        case .emptyFile(let path): "'\(path)' is empty."
        case .system(let path, let operation, let code):
            "The system could not \(operation) '\(path)': \(String(cString: strerror(code)))."
        case .changed(let path): "'\(path)' changed while it was being opened."
        case .unknownFormat(let path, let content):
            "'\(path)' is not a model file: it holds \(content.rawValue)."
        case .truncated(let path, let offset, let what):
            "'\(path)' is cut short: \(what) at byte \(offset) is not all there."
        case .malformed(let path, let offset, let what): "'\(path)' is damaged at byte \(offset): \(what)."
        case .tooLarge(let path, let what, let value, let limit):
            "'\(path)' is refused: \(what) is \(value), over the limit of \(limit)."
        case .duplicate(let path, let name): "'\(path)' names '\(name)' twice."
        case .invalidTensor(let path, let name, let fault): "Tensor '\(name)' in '\(path)' \(fault)."
        case .unsupported(let path, let what): "'\(path)' needs \(what), which is not supported."
        case .forbiddenGlobal(let path, let name):
            "'\(path)' asks for the Python name '\(name)', which is not plain data."
        case .missingTensor(let path, let name, let expected):
            "'\(path)' has no tensor '\(name)' of shape \(expected)."
        case .wrongShape(let path, let name, let expected, let found):
            "Tensor '\(name)' in '\(path)' has shape \(found), not \(expected)."
        case .unclaimed(let path, let names):
            "'\(path)' holds tensors that the model does not use: \(names.joined(separator: ", "))."
        }
    }
}

extension CheckpointError.TensorFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .badShape(let shape): "has the impossible shape \(shape)"
        case .sizeMismatch(let expected, let found): "needs \(expected) bytes and is given \(found)"
        case .outsideFile(let offset, let bytes): "lies outside the file: \(bytes) bytes at \(offset)"
        case .overlaps(let other): "shares bytes with '\(other)'"
        case .gap(let offset): "stands next to bytes that belong to no tensor, at byte \(offset)"
        case .misaligned(let offset, let alignment): "lies at \(offset), no multiple of \(alignment)"
        case .unknownType(let type): "has the unknown type \(type)"
        case .badName: "has a name that is empty, too long, or not UTF-8"
        case .tooManyDimensions(let count): "has \(count) dimensions, more than the format allows"
        case .badStrides(let strides): "has strides \(strides) that leave its storage"
        case .expandedView(let elements, let stored): "views \(stored) stored elements as \(elements)"
        }
    }
}
