import Foundation

/// Voice presets as their authors publish them: other people's data, which is read where it lies.
package enum PublishedPresets {
    /// The folder that MYNAH_REAL_PRESETS names, or the one beside the project; nil where there is none.
    package static let folder: String? = {
        if let named = ProcessInfo.processInfo.environment["MYNAH_REAL_PRESETS"] { return named }
        let beside = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../shared/reference/data/vibevoice/real_presets")
            .standardizedFileURL.path
        return FileManager.default.fileExists(atPath: beside) ? beside : nil
    }()
    /// What a test that is skipped without them says.
    package static let missing = "no published presets: MYNAH_REAL_PRESETS names no folder"
}
