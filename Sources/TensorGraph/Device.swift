import CGGML
import CMynahKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where graphs run: the processor alone, or an accelerator with the processor behind it for what it cannot do.
///
/// A device belongs to one loaded model, and computes one graph at a time.
package final class Device {
    /// What a person may ask for.
    package enum Choice: Equatable, Sendable {
        /// The first accelerator ggml was built with, else the processor.
        case automatic
        /// The processor.
        case cpu
        /// An accelerator by ggml's name for it (`CUDA0`, `Vulkan0`, `Metal`).
        case named(String)
    }

    /// ggml's name of what does the work.
    package let name: String
    /// Threads a graph is computed with on the processor.
    package let threads: Int
    /// Whether our own kernels serve the operations that have one. They run on the processor; elsewhere, and in
    /// tests, the same operations are composed from ggml's.
    package let usesKernels: Bool
    /// Whether weights must be copied to the accelerator's memory.
    package var isAccelerator: Bool { backends.count > 1 }

    let backends: [ggml_backend_t]
    /// Shares the work of our kernels; nil where ggml's own pool does all the work.
    let pool: OpaquePointer?

    package init(_ choice: Choice = .cpu, threads: Int? = nil, kernels: Bool = true) throws(DeviceError) {
        ggml_cpu_init()
        Self.quietLog
        let count = max(1, threads ?? ProcessorBudget.threads)
        guard let cpu = ggml_backend_cpu_init() else { throw .noProcessor }
        self.threads = count
        let accelerator = try Self.accelerator(choice)
        // With kernels, ggml walks the graph on one thread and each kernel shares its own work; see mynah_pool.h.
        let shared = accelerator == nil && kernels
        pool = shared ? mynah_pool_create(Int32(count)) : nil
        // The composed form alone is there to be compared with: ggml's spinning pool would only make comparisons
        // that run side by side wait for each other.
        ggml_backend_cpu_set_n_threads(cpu, accelerator == nil ? 1 : Int32(count))
        if let accelerator {
            guard let backend = ggml_backend_dev_init(accelerator, nil) else {
                throw .unavailable(asked: choice.label, offered: Self.offered.map(\.name))
            }
            backends = [backend, cpu]
            name = String(cString: ggml_backend_dev_name(accelerator))
            usesKernels = false
        } else {
            backends = [cpu]
            name = "CPU"
            usesKernels = kernels
        }
    }

    deinit {
        for backend in backends { ggml_backend_free(backend) }
        mynah_pool_destroy(pool)
    }

    var weightBufferType: ggml_backend_buffer_type_t { ggml_backend_get_default_buffer_type(backends[0]) }

    /// One accelerator or processor, as `doctor` lists it.
    package struct Listing: Sendable, Equatable {
        package let name, description: String
        package let freeBytes, totalBytes: Int
        package let isAccelerator: Bool
    }

    /// Every device that ggml was built with.
    package static var offered: [Listing] {
        (0..<ggml_backend_dev_count()).compactMap { index in
            guard let device = ggml_backend_dev_get(index) else { return nil }
            var (free, total) = (0, 0)
            ggml_backend_dev_memory(device, &free, &total)
            return Listing(
                name: String(cString: ggml_backend_dev_name(device)),
                description: String(cString: ggml_backend_dev_description(device)),
                freeBytes: free, totalBytes: total,
                isAccelerator: ggml_backend_dev_type(device) != GGML_BACKEND_DEVICE_TYPE_CPU)
        }
    }

    /// The version of ggml in this program.
    package static var libraryVersion: String { String(cString: ggml_version()) }

    private static func accelerator(_ choice: Choice) throws(DeviceError) -> ggml_backend_dev_t? {
        switch choice {
        case .cpu: return nil
        case .automatic: return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU)
        case .named(let name):
            if name.uppercased() == "CPU" { return nil }
            for index in 0..<ggml_backend_dev_count() {
                guard let device = ggml_backend_dev_get(index) else { continue }
                if String(cString: ggml_backend_dev_name(device)).lowercased() == name.lowercased() {
                    return device
                }
            }
            throw .unavailable(asked: name, offered: offered.map(\.name))
        }
    }

    /// ggml logs to stderr by default; only its errors are worth a person's eye.
    private static let quietLog: Void = {
        ggml_log_set(
            { level, text, _ in
                guard level == GGML_LOG_LEVEL_ERROR, let text else { return }
                write(STDERR_FILENO, text, strlen(text))
            }, nil)
    }()
}

extension Device.Choice {
    /// The choice as a person writes it.
    package init(_ text: String) {
        switch text.lowercased() {
        case "auto", "automatic": self = .automatic
        case "cpu": self = .cpu
        default: self = .named(text)
        }
    }

    package var label: String {
        switch self {
        case .automatic: "auto"
        case .cpu: "cpu"
        case .named(let name): name
        }
    }
}

/// Why a device cannot be used.
package enum DeviceError: Error, Equatable, Sendable {
    case noProcessor
    case unavailable(asked: String, offered: [String])
    case outOfMemory(bytes: Int)
}
