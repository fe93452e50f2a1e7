package import Foundation

/// The program that is built beside the tests.
package enum TestProgram {
    /// `mynah`; nil when it was not built.
    package static let mynah: URL? = {
        var folder = Bundle.main.executableURL?.deletingLastPathComponent()
        for bundle in [Bundle.main] + Bundle.allBundles where bundle.bundlePath.hasSuffix(".xctest") {
            folder = bundle.bundleURL.deletingLastPathComponent()
        }
        for _ in 0..<3 {
            let candidate = folder?.appendingPathComponent("mynah")
            if let candidate, FileManager.default.isExecutableFile(atPath: candidate.path) {
                return candidate
            }
            folder = folder?.deletingLastPathComponent()
        }
        return nil
    }()
}
