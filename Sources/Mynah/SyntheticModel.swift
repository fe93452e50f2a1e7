import Foundation
package import Qwen3TTS
import VibeVoice

/// The checkpoints of random weights that can be made for measuring.
package enum SyntheticModel: String, CaseIterable, Sendable {
    case tiny
    case small = "0.6b"
    case large = "1.7b"
    case realtime = "0.5b"
    case long = "1.5b"
    case asr = "asr-7b"
    case tinyRealtime = "tiny-realtime"
    case tinyLong = "tiny-long"
    case tinyASR = "tiny-asr"

    /// Names of all, for a person.
    package static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// Whether it is of Qwen3-TTS, which has kinds.
    package var isQwen: Bool { [.tiny, .small, .large].contains(self) }

    /// Whether `folder` holds a checkpoint that `write` finished.
    package static func isWritten(to folder: String) -> Bool {
        // Every family writes the configuration last.
        FileManager.default.fileExists(atPath: folder + "/config.json")
    }

    /// Writes the checkpoint.
    ///
    /// - Parameter variant: of Qwen3-TTS.
    package func write(to folder: String, variant: SyntheticCheckpoint.Variant) throws {
        switch self {
        case .tiny: try SyntheticCheckpoint(size: .tiny, variant: variant).write(to: folder)
        case .small: try SyntheticCheckpoint(size: .small, variant: variant).write(to: folder)
        case .large: try SyntheticCheckpoint(size: .large, variant: variant).write(to: folder)
        case .realtime: try SyntheticVibeVoice(.realtime).write(to: folder)
        case .long: try SyntheticVibeVoice(.long).write(to: folder)
        case .asr: try SyntheticVibeVoice(.asr).write(to: folder)
        case .tinyRealtime: try SyntheticVibeVoice(.realtime, tiny: true).write(to: folder)
        case .tinyLong: try SyntheticVibeVoice(.long, tiny: true).write(to: folder)
        case .tinyASR: try SyntheticVibeVoice(.asr, tiny: true).write(to: folder)
        }
    }
}
