import Foundation

/// The model that comes with the program, so that it speaks before anything is fetched. It is tiny and untrained:
/// every stage runs, and what it says is noise.
enum BundledVoice {
    /// Its name in lists.
    static let name = "bundled"
    private static let folder = "bundled-voice"

    /// What a person should know when it speaks.
    static let notice = """
        No model is installed: the bundled one only shows that the program works, and what it says is noise. \
        For speech run 'mynah models pull qwen3-tts-0.6b'.
        """

    /// Where it is: beside the program, as the package manager lays it, or in `share` as an installer does.
    ///
    /// The package manager's own accessor ends the program when a folder is missing; here that is an error.
    static func path() -> String? {
        let program = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent()
        let places = [program, Bundle.main.bundleURL, Bundle.main.resourceURL].compactMap { $0 }
        let names = [
            "mynah_Mynah.resources", "mynah_Mynah.bundle", "mynah_Mynah.bundle/Contents/Resources",
            "../share/mynah",
        ]
        let candidates = places.flatMap { place in
            names.map { place.appendingPathComponent("\($0)/\(folder)").standardizedFileURL.path }
        }
        return candidates.first { FileManager.default.fileExists(atPath: $0 + "/config.json") }
    }
}
