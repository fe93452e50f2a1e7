import CMynahKernels
import Dispatch
import Foundation
import TensorGraph

/// The machine a measurement was made on, and the limits that no program on it can pass.
package struct BenchMachine: Codable, Sendable {
    /// The processor by name, and what the kernels use of it.
    package var processor: String, features: String
    /// Physical cores this process may use, and threads it was measured with.
    package var cores: Int, threads: Int
    /// Caches as the system lists them, such as `L2 1024K`.
    package var caches: [String]
    package var memoryBytes: UInt64
    /// Bytes a second that all threads together read from memory.
    package var bandwidth: Double
    /// Multiply-adds a second of all threads together; zero where there is no such instruction.
    package var floatPeak: Double, halfPeak: Double, bytePeak: Double
    /// Processes that wanted to run in the last minute when measuring began.
    package var load: Double

    /// Measures this machine with `threads` threads, about a second.
    package init(threads: Int) {
        processor = Self.processorName
        features = String(cString: mynah_cpu_description())
        cores = ProcessorBudget.threads
        self.threads = threads
        caches = Self.cacheSizes
        memoryBytes = ProcessInfo.processInfo.physicalMemory
        load = Self.loadAverage
        bandwidth = Self.measureBandwidth(threads)
        floatPeak = Self.measurePeak(MYNAH_PEAK_F32_FMA, threads)
        halfPeak = Self.measurePeak(MYNAH_PEAK_BF16_DOT, threads)
        bytePeak = Self.measurePeak(MYNAH_PEAK_INT8_DOT, threads)
    }

    /// The most multiply-adds a second on operands rounded to bfloat16, or on float32 where that is all there is.
    package var convolutionPeak: Double { max(halfPeak, floatPeak) }

    /// Processes that wanted to run, averaged over the last minute.
    package static var loadAverage: Double {
        var loads = [Double](repeating: 0, count: 1)
        return getloadavg(&loads, 1) == 1 ? loads[0] : 0
    }

    // MARK: measuring

    private static func seconds(_ work: () -> Void) -> Double {
        let start = ContinuousClock.now
        work()
        let (whole, rest) = (ContinuousClock.now - start).components
        return Double(whole) + Double(rest) * 1e-18
    }

    /// The best of many short passes, each over another part of a buffer far larger than any cache: short, so that
    /// some fall between the turns of other programs.
    private static func measureBandwidth(_ threads: Int) -> Double {
        let passes = 8
        let slice = (512 << 20) / passes / threads / 4096 * 4096
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: slice * passes * threads, alignment: 4096)
        defer { buffer.deallocate() }
        guard let base = buffer.baseAddress else { return 0 }
        // SAFETY: threads write disjoint parts before any reads, and the buffer outlives them.
        nonisolated(unsafe) let address = base
        DispatchQueue.concurrentPerform(iterations: threads) { index in
            memset(address + index * slice * passes, 1 + Int32(index), slice * passes)
        }
        let best =
            (0..<passes * 8).map { pass in
                seconds {
                    DispatchQueue.concurrentPerform(iterations: threads) { index in
                        _ = mynah_measure_bandwidth(address + (index * passes + pass % passes) * slice, slice)
                    }
                }
            }.min() ?? 1
        return Double(slice * threads) / max(best, 1e-9)
    }

    /// The best of many short rounds of register-only arithmetic.
    private static func measurePeak(_ kind: mynah_peak, _ threads: Int) -> Double {
        let iterations: Int64 = 500_000
        let products = mynah_measure_peak(kind, 1) * Double(iterations)
        guard products > 0 else { return 0 }
        let best =
            (0..<40).map { _ in
                seconds {
                    DispatchQueue.concurrentPerform(iterations: threads) { _ in
                        _ = mynah_measure_peak(kind, iterations)
                    }
                }
            }.min() ?? 1
        return products * Double(threads) / max(best, 1e-9)
    }

    // MARK: naming

    #if os(Linux)
        private static var processorName: String {
            let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
            func field(_ name: String) -> String? {
                text.split(separator: "\n").first { $0.hasPrefix(name) }?.split(separator: ":").last
                    .map { $0.trimmingCharacters(in: .whitespaces) }
            }
            guard let model = field("model name") else { return "unknown" }
            // Rented machines hide the model; family and number still tell the generation.
            guard let family = field("cpu family"), let number = field("model\t") else { return model }
            return "\(model) (family \(family), model \(number))"
        }

        private static var cacheSizes: [String] {
            (0..<8).compactMap { index in
                let folder = "/sys/devices/system/cpu/cpu0/cache/index\(index)/"
                func read(_ name: String) -> String? {
                    (try? String(contentsOfFile: folder + name, encoding: .utf8))?
                        .trimmingCharacters(in: .whitespacesAndNewlines)
                }
                guard let level = read("level"), let type = read("type"), let size = read("size") else {
                    return nil
                }
                return type == "Instruction" ? nil : "L\(level) \(size)"
            }
        }
    #else
        private static var processorName: String { systemString("machdep.cpu.brand_string") ?? "unknown" }

        private static var cacheSizes: [String] {
            [("L1", "hw.l1dcachesize"), ("L2", "hw.l2cachesize"), ("L3", "hw.l3cachesize")].compactMap {
                level, name in
                var (size, length) = (Int64(0), MemoryLayout<Int64>.size)
                return sysctlbyname(name, &size, &length, nil, 0) == 0 && size > 0
                    ? "\(level) \(size >> 10)K" : nil
            }
        }

        private static func systemString(_ name: String) -> String? {
            var length = 0
            guard sysctlbyname(name, nil, &length, nil, 0) == 0, length > 0 else { return nil }
            var bytes = [UInt8](repeating: 0, count: length)
            guard sysctlbyname(name, &bytes, &length, nil, 0) == 0 else { return nil }
            return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    #endif
}
