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
    /// Told the share of the weights, in whole hundredths, that is ready.
    package var progress: (@Sendable (Double) -> Void)?

    package init(
        precision: Precision = .stored, device: Device.Choice = .automatic, threads: Int? = nil,
        sessions: Int = 1,
        kernels: Bool = true, progress: (@Sendable (Double) -> Void)? = nil
    ) {
        self.precision = precision
        self.device = device
        self.threads = threads
        self.sessions = sessions
        self.kernels = kernels
        self.progress = progress
    }

    /// The device as these settings want it.
    package func makeDevice() throws(DeviceError) -> Device {
        try Device(device, threads: threads, kernels: kernels, exact: precision.isExact)
    }
}
