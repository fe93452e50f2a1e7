import Foundation
package import Mynah

/// What the server's configuration says of models.
package struct PoolSettings: Sendable {
    /// A model that the configuration names.
    package struct Model: Sendable {
        /// The name that requests use.
        package var name: String
        /// Where it is: a path, a name that `ModelLibrary.installed` lists, or a hub repository; nil is `name`.
        package var source: String?
        /// How it is loaded; `sessions` is how many requests it works on at once.
        package var options: LoadOptions

        package init(name: String, source: String? = nil, options: LoadOptions = LoadOptions()) {
            (self.name, self.source, self.options) = (name, source, options)
        }
    }

    /// In the order in which one is chosen when none is named.
    package var models: [Model] = []
    /// Whether what else is installed is listed after them, loaded with `options`.
    package var includesInstalled = true
    package var options = LoadOptions()
    /// Bytes that all loaded models together may take.
    package var memoryBudget = Int(clamping: ProcessInfo.processInfo.physicalMemory / 4 * 3)
    /// How long a model that nobody asks is kept.
    package var idleAfter = Duration.seconds(600)
    /// How long a request waits for a model to be loaded before it is told to come again.
    package var loadingWait = Duration.seconds(2)
    /// Requests to one model that may wait while others have its places.
    package var waiting = 64
    /// How long a request may take, waiting included.
    package var deadline = Duration.seconds(600)
    /// How long a worker with work may be silent before it is taken to hang. Longer than its longest step.
    package var hangAfter = Duration.seconds(300)
    /// How long a model that must make room for another is left to those who keep asking it.
    package var yieldAfter = Duration.seconds(15)
    /// How long a model that could not be loaded is left alone; twice as long each time, up to a minute.
    package var restAfterFailure = Duration.seconds(1)
    /// The program that runs a model, which is this one.
    package var program = Bundle.main.executablePath ?? "mynah"
    /// Variables that workers are given, less those that hold keys.
    package var environment = ProcessInfo.processInfo.environment

    package init() {}
}
