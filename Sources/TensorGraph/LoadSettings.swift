/// How a model is loaded.
package struct LoadSettings: Sendable {
    /// How weights are held.
    package var precision: Precision
    /// Where it runs.
    package var device: Device.Choice
    /// Threads on the processor; nil for the physical cores this process may use.
    package var threads: Int?
    /// Requests that may step together.
    package var sessions: Int
    /// Whether our own kernels serve; without, the same operations are composed of ggml's, which is their test.
    package var kernels: Bool

    package init(
        precision: Precision = .stored, device: Device.Choice = .automatic, threads: Int? = nil,
        sessions: Int = 1,
        kernels: Bool = true
    ) {
        self.precision = precision
        self.device = device
        self.threads = threads
        self.sessions = sessions
        self.kernels = kernels
    }
}
