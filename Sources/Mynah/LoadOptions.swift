import Checkpoints
import SpeechCore
package import TensorGraph

/// What computes.
public enum ComputeDevice: Sendable, Equatable {
    /// The first accelerator there is, else the processor.
    case automatic
    /// The processor.
    case cpu
    /// An accelerator by its name in `mynah doctor`.
    case named(String)

    /// A device as a person writes it: `auto`, `cpu`, or a name.
    public init(_ text: String) {
        self =
            switch Device.Choice(text) {
            case .automatic: .automatic
            case .cpu: .cpu
            case .named(let name): .named(name)
            }
    }

    /// What a person may write on this machine.
    package static var names: [String] { ["auto", "cpu"] + Device.accelerators.map(\.name) }

    package var choice: Device.Choice {
        switch self {
        case .automatic: .automatic
        case .cpu: .cpu
        case .named(let name): .named(name)
        }
    }
}

/// The type that weights are rounded to when a model is loaded, finest first. Not every tensor may be rounded so
/// far; what matters most stays finer.
public enum Quantization: String, Sendable, CaseIterable {
    /// 32-bit floats: as the authors' own code computes.
    case f32
    /// 16-bit floats.
    case f16
    /// The upper half of a 32-bit float.
    case bf16
    /// 8.5 bits a weight.
    case q8Zero = "q8_0"
    /// 6.6 bits a weight.
    case q6K = "q6_k"
    /// 5.5 bits a weight.
    case q5K = "q5_k"
    /// 4.5 bits a weight.
    case q4K = "q4_k"
    /// 4.5 bits a weight, in simpler blocks.
    case q4Zero = "q4_0"

    package var precision: Precision { Precision(ElementType(rawValue: rawValue)) }
}

/// Choices about loading a model.
public struct LoadOptions: Sendable {
    /// What weights are rounded to; nil takes a converted file as it was converted, and others as they are stored.
    public var quantization: Quantization?
    /// What computes.
    public var device: ComputeDevice
    /// Threads; nil takes as many as the process may use.
    public var threads: Int?
    /// Requests spoken at once, each of which takes memory.
    public var sessions: Int
    /// Told the share of the weights that is ready, from 0 to 1, on the thread that loads.
    public var progress: (@Sendable (Double) -> Void)?

    /// Options; what is not given is decided by the machine.
    public init(
        quantization: Quantization? = nil, device: ComputeDevice = .automatic, threads: Int? = nil,
        sessions: Int = 4, progress: (@Sendable (Double) -> Void)? = nil
    ) {
        self.quantization = quantization
        self.device = device
        self.threads = threads
        self.sessions = sessions
        self.progress = progress
    }

    func settings(for files: ModelFiles, sessions: Int? = nil) throws -> LoadSettings {
        LoadSettings(
            precision: try quantization?.precision ?? files.precision, device: device.choice,
            threads: threads,
            sessions: sessions ?? self.sessions, progress: progress)
    }
}

extension ModelFiles {
    /// How the weights are held when nobody says: those of a converted file as if they were rounded while loading,
    /// which goes for what the file keeps finer too.
    ///
    /// - Throws: `SpeechError` when the file says that it was converted to what nothing is converted to.
    var precision: Precision {
        get throws {
            guard let conversionType else { return .stored }
            guard let type = Precision.offered.first(where: { $0.rawValue == conversionType }) else {
                let known = Precision.offered.map(\.rawValue).joined(separator: ", ")
                throw SpeechError(
                    .unsupported,
                    "'\(path)' was converted to '\(conversionType)', which is no type of weights here.",
                    remedy: "Say with --quantize what it is, or convert it again. Types: \(known).")
            }
            return Precision(type)
        }
    }
}
