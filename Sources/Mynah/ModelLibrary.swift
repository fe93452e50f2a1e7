import Checkpoints
public import Foundation
package import ModelHub
package import SpeechCore
package import TensorGraph

/// The models on this machine, by name.
public struct ModelLibrary: Sendable {
    /// The folder of models that Mynah keeps itself, beside the hub's cache.
    public let directory: URL
    /// What computes, unless a call says otherwise.
    public let device: ComputeDevice
    package let hub: ModelHub
    private let standard: String?
    /// Whether the environment names a model.
    var hasStandard: Bool { standard != nil }

    /// A library.
    ///
    /// - Parameters:
    ///   - directory: the folder of models; nil is `models` in `MynahHome`.
    ///   - device: what computes.
    ///   - environment: variables that name folders and the hub (`MYNAH_HOME`, `MYNAH_MODEL`, `HF_HOME` and others).
    public init(
        at directory: URL? = nil, device: ComputeDevice = .automatic,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.directory = directory ?? MynahHome(environment: environment).models
        self.device = device
        hub = ModelHub(environment: environment)
        standard = environment["MYNAH_MODEL"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Loads a model that speaks.
    ///
    /// - Parameters:
    ///   - name: a path, a name that `installed` lists, or a hub repository; nil is `MYNAH_MODEL`, else the first
    ///     installed, else the one that comes with the program.
    ///   - options: how it is loaded; nil leaves all to the machine.
    /// - Throws: `SpeechError`.
    public func synthesizer(_ name: String? = nil, options: LoadOptions? = nil) async throws -> SpeechModel {
        try await synthesizer(at: locate(name), options: options)
    }

    /// Loads a model that was located.
    package func synthesizer(at place: ModelPlace, options: LoadOptions? = nil) async throws -> SpeechModel {
        let options = options ?? LoadOptions(device: device)
        return try await SpeechModel.load(name: place.name) {
            let files = try place.files()
            let settings = try options.settings(for: files)
            do {
                return try Family.of(files).load(files, settings)
            } catch LoadError.doesNotFit(let need, let available) {
                throw doesNotFit(place, options, need: need, available: available)
            }
        }
    }

    /// Runs a checkpoint along a golden file and compares every stage.
    ///
    /// - Parameters:
    ///   - only: the one role of weights that is rounded; nil rounds all as far as they allow.
    ///   - kernels: whether our own kernels serve, or ggml's operations throughout.
    package func parity(
        _ checkpoint: String, golden: String, quantization: Quantization? = nil, only: WeightRole? = nil,
        kernels: Bool = true
    ) throws -> ParityReport {
        do {
            let files = try locate(checkpoint).files()
            let precision = quantization.map { Precision($0.precision.type, only: only) } ?? .exact
            let device = try Device(device.choice, kernels: kernels, exact: precision.isExact)
            let parity = try TranscriberFamily.of(files)?.parity ?? Family.of(files).parity
            let report = try parity(files, CheckpointFile(path: golden), precision, device)
            try device.check()
            return report
        } catch {
            throw SpeechError(describing: error)
        }
    }
}

extension ModelLibrary {
    /// The models on this machine, in the order in which one is chosen when none is named: the hub's in the order
    /// of the catalogue, then what else there is. The bundled one is last.
    public func installed() -> [ModelPlace] {
        let pulled = hub.installed()
        let order = HubModel.catalogue.map(\.repository)
        let ranked = pulled.sorted { a, b in
            (order.firstIndex(of: a.repository) ?? .max, a.repository)
                < (order.firstIndex(of: b.repository) ?? .max, b.repository)
        }
        let cached = ranked.map { model in
            ModelPlace(
                name: model.names.first ?? model.repository, path: model.snapshot.path, origin: .hub,
                bytes: model.bytes, companion: model.tokenizer?.path)
        }
        return cached + kept() + [bundled()].compactMap { $0 }
    }

    /// Finds a model by path or name.
    ///
    /// - Throws: `SpeechError` that lists what there is.
    package func locate(_ name: String?) throws -> ModelPlace {
        guard let name = name ?? standard else {
            guard let first = installed().first(where: { !$0.listens }) else {
                throw SpeechError(
                    .missingFile, "No model is installed, and the program's own is missing.",
                    remedy: "Run 'mynah models pull qwen3-tts-0.6b'.")
            }
            return first
        }
        if let place = at(path: name) ?? kept().first(where: { $0.name == name }) { return place }
        if name == BundledVoice.name, let place = bundled() { return place }
        if let model = try? HubModel(name), let snapshot = hub.snapshot(of: model) {
            return ModelPlace(
                name: name, path: snapshot.path, origin: .hub, bytes: nil,
                companion: hub.tokenizer(of: model)?.path)
        }
        throw unknown(name)
    }

    /// Finds a model that takes a voice from a recording: the one named, else the standard one if it can, else the
    /// first installed that can.
    ///
    /// - Throws: `SpeechError` that lists what there is.
    package func locateCloning(_ name: String?) throws -> ModelPlace {
        if name != nil || hasStandard { return try locate(name) }
        guard let found = installed().first(where: { $0.voices?.clones == true }) else {
            throw SpeechError(
                .unknownModel, "No model that takes a voice from a recording is installed.",
                remedy: "Run 'mynah models pull qwen3-tts-0.6b-base', or name one with --model.")
        }
        return found
    }

    /// What a person should know before a model speaks.
    package static func notice(for place: ModelPlace) -> String? {
        place.origin == .bundled ? BundledVoice.notice : nil
    }

    private func at(path name: String) -> ModelPlace? {
        let path = (name as NSString).expandingTildeInPath
        guard !name.isEmpty, FileManager.default.fileExists(atPath: path) else { return nil }
        return ModelPlace(
            name: URL(fileURLWithPath: path).lastPathComponent, path: path, origin: .path, bytes: nil)
    }

    /// What the folder of models holds: folders with a configuration, and files of ours.
    private func kept() -> [ModelPlace] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        return names.sorted().compactMap { name in
            let path = directory.appendingPathComponent(name).path
            if name.hasSuffix(".gguf") {
                let facts = try? FileManager.default.attributesOfItem(atPath: path)
                return ModelPlace(
                    name: String(name.dropLast(5)), path: path, origin: .library,
                    bytes: (facts?[.size] as? Int).map { Int64($0) })
            }
            guard FileManager.default.fileExists(atPath: path + "/config.json") else { return nil }
            return ModelPlace(name: name, path: path, origin: .library, bytes: nil)
        }
    }

    private func bundled() -> ModelPlace? {
        BundledVoice.path().map {
            ModelPlace(name: BundledVoice.name, path: $0, origin: .bundled, bytes: nil)
        }
    }

    private func unknown(_ name: String) -> SpeechError {
        if ["/", "./", "../", "~"].contains(where: name.hasPrefix) {
            return SpeechError(.missingFile, "There is no model at '\(name)'.", remedy: "Check the path.")
        }
        let here = installed().map(\.name).joined(separator: ", ")
        if let known = try? HubModel(name) {
            return SpeechError(
                .unknownModel, "The model '\(name)' is not on this machine.",
                remedy: "Run 'mynah models pull \(known.name)', or choose one that is: \(here).")
        }
        let names = HubModel.catalogue.map(\.name).joined(separator: ", ")
        return SpeechError(
            .unknownModel, "There is no model named '\(name)'.",
            remedy: "On this machine: \(here). To be pulled: \(names).")
    }
}

extension ModelLibrary {
    /// Deletes a model that the hub's cache or the folder of models holds, and gives the bytes that were freed.
    ///
    /// - Throws: `SpeechError` when there is none, or it is not ours to delete.
    package func remove(_ name: String) throws -> Int64 {
        if let place = kept().first(where: { $0.name == name }) {
            do {
                let bytes = Self.size(of: place.path)
                try FileManager.default.removeItem(atPath: place.path)
                return bytes
            } catch {
                throw SpeechError(
                    .inputOutput, "The system could not delete '\(place.path)'.",
                    remedy: "Check who owns it.", underlying: error)
            }
        }
        guard let model = try? HubModel(name), hub.snapshot(of: model) != nil else {
            guard name == BundledVoice.name || at(path: name) != nil else { throw unknown(name) }
            throw SpeechError(
                .unsupported, "'\(name)' is not a model that Mynah keeps.",
                remedy: "Delete its files yourself.")
        }
        do { return try hub.remove(model) } catch { throw SpeechError(describing: error) }
    }

    private static func size(of path: String) -> Int64 {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []
        return ([path] + names.map { "\(path)/\($0)" }).reduce(0) { sum, name in
            let facts = try? FileManager.default.attributesOfItem(atPath: name)
            let isPlain = facts?[.type] as? FileAttributeType == .typeRegular
            return sum + (isPlain ? (facts?[.size] as? Int).map(Int64.init) ?? 0 : 0)
        }
    }
}
