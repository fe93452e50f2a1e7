import CGGML
import CMynahKernels
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// ggml's backends as this program has them: linked in (our own build of ggml), or loaded when the program runs
/// (Homebrew's). Everything of the processor's backend is reached through the registry, which serves both.
enum Backends {
    /// What backends complained of when they were looked up. No error of ours: a program that could use a graphics
    /// card runs on machines without one.
    static let complaints: String = {
        let heard = Complaints()
        // SAFETY: `heard` outlives the only calls that may log to it, those below.
        ggml_log_set(
            { level, text, heard in
                guard level == GGML_LOG_LEVEL_ERROR, let text, let heard else { return }
                Unmanaged<Complaints>.fromOpaque(heard).takeUnretainedValue().text += String(cString: text)
            }, Unmanaged.passUnretained(heard).toOpaque())
        if ggml_backend_dev_count() == 0 { ggml_backend_load_all() }
        // From here on ggml's errors go to stderr, and the rest of what it logs nowhere.
        ggml_log_set(
            { level, text, _ in
                guard level == GGML_LOG_LEVEL_ERROR, let text else { return }
                write(STDERR_FILENO, text, strlen(text))
            }, nil)
        return heard.text
    }()

    private final class Complaints {
        var text = ""
    }

    /// Every device of every backend.
    static var devices: [ggml_backend_dev_t] {
        _ = complaints
        return (0..<ggml_backend_dev_count()).compactMap { ggml_backend_dev_get($0) }
    }

    /// Names of the backends that found no device.
    static var idle: [String] {
        _ = complaints
        return (0..<ggml_backend_reg_count()).compactMap { ggml_backend_reg_get($0) }
            .filter { ggml_backend_reg_dev_count($0) == 0 }
            .map { String(cString: ggml_backend_reg_name($0)) }
    }

    /// The processor, computing on so many threads.
    static func processor(threads: Int) -> ggml_backend_t? {
        _ = complaints
        guard let backend = ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_CPU, nil) else { return nil }
        if let address = processorFunction("ggml_backend_set_n_threads") {
            let setThreads = unsafeBitCast(address, to: ggml_backend_set_n_threads_t.self)
            setThreads(backend, Int32(threads))
        }
        return backend
    }

    /// Opens an accelerator.
    ///
    /// Accelerators round the factors of a product of float32 matrices, Vulkan to float16 and CUDA to TF32, unless
    /// they are told otherwise before the first is opened. That then holds for the life of the process.
    static func open(_ device: ggml_backend_dev_t, exact: Bool) throws(DeviceError) -> ggml_backend_t {
        let name = String(cString: ggml_backend_dev_name(device))
        let isExact = openedExact.withLock { opened in
            if opened == nil && exact {
                setenv("GGML_VK_DISABLE_F16", "1", 1)
                setenv("NVIDIA_TF32_OVERRIDE", "0", 1)
            }
            let isExact = opened ?? (exact || getenv("GGML_VK_DISABLE_F16") != nil)
            opened = isExact
            return isExact
        }
        guard isExact || !exact else { throw .rounds(name: name) }
        guard let backend = ggml_backend_dev_init(device, nil) else {
            throw .unavailable(asked: name, offered: Device.accelerators.map(\.name))
        }
        return backend
    }

    private static let openedExact = Mutex<Bool?>(nil)

    /// Whether accelerators were opened so.
    static var multipliesExactly: Bool { openedExact.withLock { $0 ?? false } }

    /// How the processor's backend multiplies a row of `type`.
    static func rowProduct(of type: ggml_type) -> ggml_type_traits_cpu? { traits?(type)?.pointee }

    private static let traits: ggml_get_type_traits_cpu_t? = {
        if let linked = ggml_linked_type_traits_cpu() { return linked }
        // Not in the registry's table, but in the same library as what is.
        let neighbour = processorFunction("ggml_backend_set_n_threads")
        return mynah_symbol_beside(neighbour, "ggml_get_type_traits_cpu").map {
            unsafeBitCast($0, to: ggml_get_type_traits_cpu_t.self)
        }
    }()

    private static func processorFunction(_ name: String) -> UnsafeMutableRawPointer? {
        guard let device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) else { return nil }
        return ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device), name)
    }
}
