import CGGML
import CMynahKernels

/// Where graphs run: the processor alone, or an accelerator with the processor behind it for what it cannot do.
///
/// A device belongs to one loaded model, and computes one graph at a time.
package final class Device {
    /// What a person may ask for.
    package enum Choice: Equatable, Sendable {
        /// The first graphics card that ggml offers, else the processor. An accelerator that shares the processor's
        /// memory, or is a program on the processor itself, is used when it is named.
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

    /// Whether products of float32 are made of factors rounded to 16 bits or so; see ``Backends/open(_:exact:)``.
    package var roundsProducts: Bool { isAccelerator && !Backends.multipliesExactly }

    let backends: [ggml_backend_t]
    private var failure: DeviceError?
    /// Shares the work of our kernels; nil where ggml's own pool does all the work.
    let pool: OpaquePointer?

    /// - Parameter exact: whether an accelerator is to multiply float32 as float32; see ``Backends/open(_:exact:)``.
    package init(
        _ choice: Choice = .cpu, threads: Int? = nil, kernels: Bool = true, exact: Bool = false
    ) throws(DeviceError) {
        let count = max(1, threads ?? ProcessorBudget.threads)
        self.threads = count
        var opened: [ggml_backend_t] = []
        if let accelerator = try Self.accelerator(choice) {
            opened = [try Backends.open(accelerator, exact: exact)]
            name = String(cString: ggml_backend_dev_name(accelerator))
        } else {
            name = "CPU"
        }
        usesKernels = kernels && opened.isEmpty
        // With kernels, ggml walks the graph on one thread and each kernel shares its own work; see mynah_pool.h.
        // The composed form alone is there to be compared with: ggml's spinning pool would only make comparisons
        // that run side by side wait for each other.
        guard let cpu = Backends.processor(threads: opened.isEmpty ? 1 : count) else { throw .noProcessor }
        backends = opened + [cpu]
        pool = usesKernels ? mynah_pool_create(Int32(count)) : nil
    }

    deinit {
        for backend in backends { ggml_backend_free(backend) }
        mynah_pool_destroy(pool)
    }

    var weightBufferType: ggml_backend_buffer_type_t { ggml_backend_get_default_buffer_type(backends[0]) }

    /// Called where a graph cannot be laid out or computed. What reads its results gets zeros, until ``check()``.
    func fail(_ error: DeviceError) {
        precondition(isAccelerator, "the processor could not do its work: \(error)")
        failure = failure ?? error
    }

    /// Throws what went wrong since it was last asked. A step of a model ends with it: an accelerator's memory is
    /// shared with other programs, so any graph may find none left.
    package func check() throws(DeviceError) {
        guard let failure else { return }
        self.failure = nil
        throw failure
    }

    /// Bytes that weights, caches and activations may take where they live.
    package var availableBytes: Int {
        guard isAccelerator, let device = ggml_backend_get_device(backends[0]) else {
            return MemoryBudget.available
        }
        var (free, total) = (0, 0)
        ggml_backend_dev_memory(device, &free, &total)
        return free
    }

    private static func accelerator(_ choice: Choice) throws(DeviceError) -> ggml_backend_dev_t? {
        switch choice {
        case .cpu: return nil
        case .automatic:
            return Backends.devices.first {
                ggml_backend_dev_type($0) == GGML_BACKEND_DEVICE_TYPE_GPU && !Listing($0).isSoftware
            }
        case .named(let name):
            if name.uppercased() == "CPU" { return nil }
            let found = Backends.devices.first {
                let listing = Listing($0)
                return listing.isAccelerator && listing.name.lowercased() == name.lowercased()
            }
            guard let found else { throw .unavailable(asked: name, offered: accelerators.map(\.name)) }
            return found
        }
    }
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

extension Device {
    /// A device as `doctor` lists it.
    package struct Listing: Sendable, Equatable {
        package let name, description: String
        package let freeBytes, totalBytes: Int
        /// Whether graphs can be sent to it; the processor and its helpers (a BLAS) are none.
        package let isAccelerator: Bool
        /// Whether it is a driver that computes on the processor, and so is slower than the processor itself.
        package var isSoftware: Bool { Self.isSoftware(description) }

        /// ggml does not tell what kind of device Vulkan says it is; these are the drivers there are.
        package static func isSoftware(_ description: String) -> Bool {
            ["llvmpipe", "SwiftShader", "Microsoft Basic Render Driver"].contains { description.contains($0) }
        }

        init(_ device: ggml_backend_dev_t) {
            name = String(cString: ggml_backend_dev_name(device))
            description = String(cString: ggml_backend_dev_description(device))
            var (free, total) = (0, 0)
            ggml_backend_dev_memory(device, &free, &total)
            (freeBytes, totalBytes) = (free, total)
            let type = ggml_backend_dev_type(device)
            isAccelerator = type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU
        }
    }

    /// Every device that ggml offers, the processor among them.
    package static var offered: [Listing] { Backends.devices.map { Listing($0) } }

    /// Those a graph can be sent to.
    package static var accelerators: [Listing] { offered.filter(\.isAccelerator) }

    /// Why there is no accelerator; nil where there is one.
    package static var absence: String? {
        guard accelerators.isEmpty else { return nil }
        let reasons = Backends.complaints.split(separator: "\n").map(String.init)
        if !reasons.isEmpty { return reasons.joined(separator: "; ") }
        let idle = Backends.idle
        return idle.isEmpty
            ? "ggml was built without a backend for one"
            : "ggml's \(idle.joined(separator: " and ")) backend finds no device it would use"
    }

    /// The version of ggml in this program.
    package static var libraryVersion: String { String(cString: ggml_version()) }
}

/// Why a device cannot be used.
package enum DeviceError: Error, Equatable, Sendable {
    case noProcessor
    case unavailable(asked: String, offered: [String])
    /// - Parameter bytes: how much there was no room for, where it is known.
    case outOfMemory(bytes: Int?)
    case stopped(name: String, status: Int)
    /// Float32 was asked of a device that this process has opened to multiply in half precision.
    case rounds(name: String)
}
