/// A file written by `torch.save`: a zip archive of a pickle and the storages that it names.
///
/// The pickle is read as data. Python names outside a short list are refused with `forbiddenGlobal`, and those
/// on it only say which kind of plain value follows.
package struct PickleArchive: Sendable {
    /// Where the file is.
    package let path: String
    /// What was saved.
    package let root: PickleValue

    /// Opens the file at `path`.
    package init(path: String) throws(CheckpointError) {
        try self.init(MappedFile(path: path))
    }

    /// Reads a file that is already mapped.
    package init(_ file: MappedFile) throws(CheckpointError) {
        guard try CheckpointFile.Format(of: file) == .pytorch else {
            throw .malformed(path: file.path, offset: 0, what: "this is no zip archive")
        }
        let members = try ZipDirectory(file).members
        let prefix = try PickleArchive.prefix(members, file)
        guard let pickle = members[prefix + "data.pkl"] else {
            throw .malformed(path: file.path, offset: 0, what: "the archive has no data.pkl")
        }
        if let order = members[prefix + "byteorder"], !file.slice(order).elementsEqual("little".utf8) {
            throw .unsupported(path: file.path, what: "numbers that are not little-endian")
        }
        let machine = PickleMachine(file, PickleStorages(file, members, prefix: prefix))
        var reader = try PickleReader(machine, file, pickle)
        path = file.path
        root = try reader.value()
    }

    /// The one folder that all members are in, with its slash.
    private static func prefix(
        _ members: [String: Range<Int>], _ file: MappedFile
    ) throws(CheckpointError) -> String {
        let folders = Set(members.keys.map { String($0.prefix { $0 != "/" }) + "/" })
        guard folders.count == 1, let folder = folders.first else {
            throw .malformed(path: file.path, offset: 0, what: "the archive is not one folder")
        }
        return folder
    }

    private static let nameLimit = 1024
    private static let flatLimit = 100_000

    /// The tensors, named by the keys that lead to them, joined with dots, with an element of a list going by its
    /// number; the other values of dictionaries become metadata. Lists of other things are left to `root`.
    func flattened() throws(CheckpointError) -> CheckpointContents {
        var contents = CheckpointContents()
        try flatten(root, "", &contents)
        return contents
    }

    private func flatten(
        _ value: PickleValue, _ name: String, _ contents: inout CheckpointContents
    ) throws(CheckpointError) {
        try check(name.utf8.count, "the length of a name", PickleArchive.nameLimit)
        switch value {
        case .tensor(let tensor): contents.tensors.append(tensor.named(name))
        case .list(let elements), .tuple(let elements):
            for (index, element) in elements.enumerated() where element.holdsOthers {
                try flatten(element, join(name, "\(index)"), &contents)
            }
        case .dictionary(let entries):
            for entry in entries { try flatten(entry.value, join(name, entry.key.text), &contents) }
        case .object(let object):
            for entry in object.fields { try flatten(entry.value, join(name, entry.key.text), &contents) }
        default:
            guard let scalar = MetadataValue(value) else { return }
            guard contents.metadata.updateValue(scalar, forKey: name) == nil else {
                throw .duplicate(path: path, name: name)
            }
        }
        try check(contents.tensors.count, "the number of tensors", PickleArchive.flatLimit)
        try check(contents.metadata.count, "the number of metadata values", PickleArchive.flatLimit)
    }

    private func join(_ name: String, _ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }

    private func check(_ count: Int, _ what: String, _ limit: Int) throws(CheckpointError) {
        guard count <= limit else {
            throw .tooLarge(path: path, what: what, value: UInt64(count), limit: UInt64(limit))
        }
    }
}

extension PickleValue {
    /// Whether it is a tensor or may hold one.
    fileprivate var holdsOthers: Bool {
        switch self {
        case .tensor, .list, .tuple, .dictionary, .object: true
        case .none, .bool, .integer, .double, .string, .bytes: false
        }
    }
}

extension MetadataValue {
    /// A pickled number or text; nil for anything else.
    fileprivate init?(_ value: PickleValue) {
        switch value {
        case .bool(let bool): self = .bool(bool)
        case .integer(let integer): self = .int(integer)
        case .double(let double): self = .double(double)
        case .string(let string): self = .string(string)
        default: return nil
        }
    }
}
