package import Checkpoints
import Foundation
import SpeechCore
package import TensorGraph

/// A model on its way into one GGUF file of our own: what each tensor becomes, and the writing of it.
///
/// The file holds every tensor of the checkpoint under its upstream name and the text files beside them, so that
/// it is a model by itself. How far a tensor is rounded depends on what it is for (``WeightRole``).
package struct ModelConversion {
    /// The type asked for.
    package let type: ElementType
    /// Every tensor, in the order of the checkpoint.
    package let tensors: [Choice]
    private let files: ModelFiles
    private let texts: [(key: String, value: MetadataValue)]

    /// What one tensor becomes.
    package struct Choice: Sendable, Equatable {
        /// The upstream name.
        package let name: String
        /// What it is for; nil when no layer uses it, and it stays as it is.
        package let role: WeightRole?
        /// Row-major.
        package let shape: [Int]
        /// The type in the checkpoint, and in the file.
        package let from: ElementType, to: ElementType
        /// Bytes in the file.
        package let bytes: Int
    }

    /// Tensors that differ only in the numbers of their names, as a table shows them.
    package struct Group: Sendable, Equatable, Encodable {
        /// The role's name; `unused` for what no layer claims.
        package let role: String
        /// The name with `*` for every number.
        package let pattern: String
        package var count: Int
        package let from: String, to: String
        /// Bytes in the file.
        package var bytes: Int
    }

    /// Decides what every tensor of `files` becomes; nothing is written.
    ///
    /// - Parameter roles: what tensors are for; nil asks the checkpoint's family.
    /// - Throws: `SpeechError` when the source is quantised already, and what loading the checkpoint would throw.
    package init(
        _ files: ModelFiles, to type: ElementType,
        roles: ((ModelFiles) throws -> [String: WeightRole])? = nil
    ) throws {
        if let quantised = files.tensors.first(where: { $0.type.blockLength > 1 }) {
            throw SpeechError.alreadyQuantised(files.path, quantised.type)
        }
        (self.files, self.type) = (files, type)
        let (roles, precision) = (try roles?(files) ?? Self.roles(files), Precision(type))
        tensors = try files.tensors.map { tensor in
            let role = roles[tensor.name]
            let target = precision.fileType(for: role, stored: tensor.type, shape: tensor.shape)
            guard let bytes = target.byteCount(tensor.shape) else {
                throw CheckpointError.invalidTensor(
                    path: files.path, name: tensor.name, fault: .badShape(tensor.shape))
            }
            return Choice(
                name: tensor.name, role: role, shape: tensor.shape, from: tensor.type, to: target,
                bytes: bytes)
        }
        texts = try Self.metadata(files, type)
    }

    /// What tensors are for, by the checkpoint's family.
    private static func roles(_ files: ModelFiles) throws -> [String: WeightRole] {
        try TranscriberFamily.of(files)?.roles(files) ?? Family.of(files).roles(files)
    }

    /// Bytes of the tensors in the file.
    package var bytes: Int { tensors.reduce(0) { $0 + $1.bytes } }

    /// The choices, tensors of one kind together, in the order of the checkpoint.
    package var groups: [Group] {
        var groups: [Group] = []
        var places: [String: Int] = [:]
        for tensor in tensors {
            let (role, pattern) = (tensor.role?.rawValue ?? "unused", tensor.name.withNumbersStarred)
            let key = "\(role) \(pattern) \(tensor.from) \(tensor.to)"
            if let place = places[key] {
                groups[place].count += 1
                groups[place].bytes += tensor.bytes
            } else {
                places[key] = groups.count
                groups.append(
                    Group(
                        role: role, pattern: pattern, count: 1, from: tensor.from.rawValue,
                        to: tensor.to.rawValue,
                        bytes: tensor.bytes))
            }
        }
        return groups
    }

    /// How far the writing is.
    package struct Progress: Sendable, Equatable {
        /// Tensors begun, and how many there are.
        package let tensor: Int, count: Int
        /// The name of the tensor now being written.
        package let name: String
        /// Bytes written before it, and of all tensors.
        package let bytes: Int, total: Int
    }

    /// Writes the file, a tensor at a time; it appears complete or not at all.
    ///
    /// - Parameters:
    ///   - path: of the file; its folder must exist.
    ///   - replacing: whether a file that is there may be replaced.
    ///   - available: bytes free on the disk; nil asks the system.
    ///   - progress: called as each tensor begins.
    /// - Returns: the size of the file.
    /// - Throws: `SpeechError` when the file exists or does not fit, `CheckpointError` when the disk refuses.
    @discardableResult package func write(
        to path: String, replacing: Bool = false, available: Int? = nil,
        progress: @escaping (Progress) -> Void = { _ in }
    ) throws -> Int {
        try check(path, replacing: replacing, available: available)
        let total = bytes
        var (sources, before): ([TensorSource], Int) = ([], 0)
        for (index, choice) in tensors.enumerated() {
            let (tensor, start) = (files.tensors[index], before)
            sources.append(
                TensorSource(choice.name, choice.to, choice.shape) { sink in
                    progress(
                        Progress(
                            tensor: index + 1, count: tensors.count, name: choice.name, bytes: start,
                            total: total))
                    try Conversion.stream(tensor, to: choice.to, sink)
                })
            before += choice.bytes
        }
        try GGUFWriter(metadata: texts).write(sources, to: path)
        return try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? total
    }

    /// The name a converted file has when none is given: the model's, with the type.
    package func standardName(for model: ModelPlace) -> String {
        let name = model.name.split(separator: "/").last ?? "model"
        let stem =
            [".gguf", ".safetensors"].first(where: name.hasSuffix).map { name.dropLast($0.count) } ?? name
        return "\(stem)-\(type.rawValue).gguf"
    }

    private func check(_ path: String, replacing: Bool, available: Int?) throws {
        let manager = FileManager.default
        var isFolder: ObjCBool = false
        if manager.fileExists(atPath: path, isDirectory: &isFolder) {
            guard !isFolder.boolValue else { throw SpeechError.outputIsFolder(path) }
            guard replacing else { throw SpeechError.outputExists(path) }
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard manager.fileExists(atPath: folder) else { throw SpeechError.noFolder(folder) }
        // Names, shapes and padding come to a few hundred bytes a tensor; a megabyte is left for the file system.
        let texts = texts.reduce(0) {
            if case .string(let text) = $1.value { $0 + text.utf8.count } else { $0 }
        }
        let need = bytes + texts + tensors.count * 512 + (1 << 20)
        let free = available ?? Self.freeBytes(folder)
        guard need <= free else { throw SpeechError.diskFull(folder, need: need, available: free) }
    }

    private static func freeBytes(_ folder: String) -> Int {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder)
        return (attributes?[.systemFreeSize] as? NSNumber)?.intValue ?? .max
    }

    private static func metadata(
        _ files: ModelFiles, _ type: ElementType
    ) throws -> [(key: String, value: MetadataValue)] {
        struct Kind: Decodable {
            let modelType: String
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let kind = try? decoder.decode(Kind.self, from: files.data("config.json"))
        var entries: [(key: String, value: MetadataValue)] = [
            ("general.architecture", .string(kind?.modelType ?? "unknown")),
            ("general.quantization_version", .uint(2)), (ModelFiles.typeKey, .string(type.rawValue)),
        ]
        for name in ModelFiles.known where files.has(name) {
            guard let text = String(data: try files.data(name), encoding: .utf8) else {
                throw CheckpointError.unsupported(
                    path: files.path, what: "'\(name)' in an encoding other than UTF-8")
            }
            entries.append((ModelFiles.fileKey + name, .string(text)))
        }
        return entries
    }
}

extension String {
    /// `layers.12.self_attn` as `layers.*.self_attn`.
    fileprivate var withNumbersStarred: String {
        split(separator: ".", omittingEmptySubsequences: false)
            .map { $0.allSatisfy(\.isNumber) && !$0.isEmpty ? "*" : String($0) }.joined(separator: ".")
    }
}

extension SpeechError {
    fileprivate static func alreadyQuantised(_ path: String, _ type: ElementType) -> SpeechError {
        SpeechError(
            .unsupported, "'\(path)' is quantised already: it holds \(type.rawValue) weights.",
            remedy: "Start from the authors' own files; rounding twice would lose twice.")
    }

    fileprivate static func outputExists(_ path: String) -> SpeechError {
        SpeechError(
            .invalidInput, "'\(path)' exists.", remedy: "Give another name with -o, or --force to replace it."
        )
    }

    fileprivate static func outputIsFolder(_ path: String) -> SpeechError {
        SpeechError(.invalidInput, "'\(path)' is a folder.", remedy: "Give the name of a file with -o.")
    }

    fileprivate static func noFolder(_ path: String) -> SpeechError {
        SpeechError(
            .missingFile, "There is no folder '\(path)'.", remedy: "Make it first, or give another with -o.")
    }

    fileprivate static func diskFull(_ folder: String, need: Int, available: Int) -> SpeechError {
        SpeechError(
            .inputOutput,
            "The file needs \(need) bytes, and \(available) are free in '\(folder)'.",
            remedy: "Make room, give another folder with -o, or choose a smaller type.")
    }
}
