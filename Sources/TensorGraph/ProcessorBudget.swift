#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How much of the machine this process may use.
package enum ProcessorBudget {
    /// Physical cores in the affinity mask, no more than the control group's quota grants.
    ///
    /// Two threads of one core share its multipliers, so a matrix product gains nothing from the second and its
    /// barriers lose; siblings are counted once.
    package static let threads = threads(cores: physicalCores, quota: grantedCores(in: "/sys/fs/cgroup"))

    /// - Parameter quota: cores' worth of time; a begun one counts.
    package static func threads(cores: Int, quota: Double?) -> Int {
        quota.map { max(1, min(cores, Int($0.rounded(.up)))) } ?? cores
    }

    /// Cores' worth of time that a control group grants by cgroup v2 (`cpu.max`) or v1 (`cfs_quota_us`), or nil
    /// without a limit.
    package static func grantedCores(in group: String) -> Double? {
        if let line = readLine(group + "/cpu.max") {
            let parts = line.split(separator: " ").map { Double($0) }
            guard parts.count == 2, let quota = parts[0], let period = parts[1], period > 0 else {
                return nil
            }
            return quota / period
        }
        guard let quota = readLine(group + "/cpu/cpu.cfs_quota_us").flatMap(Double.init), quota > 0,
            let period = readLine(group + "/cpu/cpu.cfs_period_us").flatMap(Double.init), period > 0
        else { return nil }
        return quota / period
    }

    #if os(Linux)
        private static var physicalCores: Int {
            let allowed = line("Cpus_allowed_list", in: "/proc/self/status").map(numbers) ?? []
            guard !allowed.isEmpty else { return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
            let cores = Set(
                allowed.map { cpu in
                    readLine("/sys/devices/system/cpu/cpu\(cpu)/topology/thread_siblings_list") ?? "\(cpu)"
                })
            return max(1, cores.count)
        }

        /// The numbers of a list such as `0-3,8`.
        private static func numbers(_ list: String) -> [Int] {
            list.split(separator: ",").flatMap { range -> [Int] in
                let ends = range.split(separator: "-").compactMap { Int($0) }
                guard let first = ends.first, let last = ends.last, first <= last, last < 1 << 16 else {
                    return []
                }
                return Array(first...last)
            }
        }

    #else
        private static var physicalCores: Int {
            var (count, size) = (Int32(0), MemoryLayout<Int32>.size)
            // Performance cores where the chip has two kinds: a barrier waits for the slowest.
            if sysctlbyname("hw.perflevel0.physicalcpu", &count, &size, nil, 0) == 0, count > 0 {
                return Int(count)
            }
            if sysctlbyname("hw.physicalcpu", &count, &size, nil, 0) == 0, count > 0 { return Int(count) }
            return 1
        }
    #endif

    /// The first line of a small system file, or nil where it is not there.
    static func readLine(_ path: String) -> String? { lines(path) { _ in true } }

    /// What follows `name:` in a proc file.
    static func line(_ name: String, in path: String) -> String? {
        lines(path) { $0.hasPrefix(name + ":") }.map { line in
            String(line.dropFirst(name.count + 1).drop(while: \.isWhitespace))
        }
    }

    private static func lines(_ path: String, first matches: (String) -> Bool) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 4096)
        while fgets(&buffer, Int32(buffer.count), file) != nil {
            let bytes = buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
            let line = String(decoding: bytes, as: UTF8.self)
            if matches(line) { return line }
        }
        return nil
    }
}

/// Memory this process may still take, in bytes.
package enum MemoryBudget {
    /// What the system says is available, no more than the control group leaves.
    package static var available: Int {
        #if os(Linux)
            let system = field("MemAvailable", in: "/proc/meminfo") ?? Int.max
            guard let limit = ProcessorBudget.readLine("/sys/fs/cgroup/memory.max").flatMap(Int.init),
                let used = ProcessorBudget.readLine("/sys/fs/cgroup/memory.current").flatMap(Int.init)
            else { return system }
            return min(system, max(0, limit - used))
        #else
            var (size, length) = (UInt64(0), MemoryLayout<UInt64>.size)
            return sysctlbyname("hw.memsize", &size, &length, nil, 0) == 0 ? Int(size) / 4 * 3 : Int.max
        #endif
    }

    /// Largest resident size this process has had, in bytes.
    package static var peakResident: Int {
        #if os(Linux)
            field("VmHWM", in: "/proc/self/status") ?? 0
        #else
            var usage = rusage()
            return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0
        #endif
    }

    #if os(Linux)
        /// A `Name:  123 kB` line of a proc file, in bytes.
        private static func field(_ name: String, in path: String) -> Int? {
            ProcessorBudget.line(name, in: path)?.split(separator: " ").first.flatMap { Int($0) }.map {
                $0 * 1024
            }
        }
    #endif
}
