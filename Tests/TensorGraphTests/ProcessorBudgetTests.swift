import Foundation
import TensorGraph
import Testing

@Suite struct ProcessorBudgetTests {
    private let group = NSTemporaryDirectory() + "mynah-group-\(UUID().uuidString)"

    private func granted(_ files: [String: String]) throws -> Double? {
        let manager = FileManager.default
        try manager.createDirectory(atPath: group + "/cpu", withIntermediateDirectories: true)
        defer { try? manager.removeItem(atPath: group) }
        for (name, text) in files {
            try text.write(toFile: "\(group)/\(name)", atomically: true, encoding: .utf8)
        }
        return ProcessorBudget.grantedCores(in: group)
    }

    @Test func `a control group's quota of either version is cores' worth of time`() throws {
        #expect(try granted(["cpu.max": "150000 100000\n"]) == 1.5)
        #expect(try granted(["cpu.max": "max 100000\n"]) == nil)
        #expect(try granted(["cpu.max": "\n"]) == nil)
        #expect(try granted(["cpu.max": "100000 0\n"]) == nil)
        let old = ["cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"]
        #expect(try granted(old) == 0.5)
        #expect(try granted(["cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"]) == nil)
        #expect(try granted([:]) == nil)
    }

    @Test func `a begun core counts, none is no number of threads, and more than there are is no gain`() {
        #expect(ProcessorBudget.threads(cores: 8, quota: nil) == 8)
        #expect(ProcessorBudget.threads(cores: 8, quota: 1.5) == 2)
        #expect(ProcessorBudget.threads(cores: 8, quota: 0.2) == 1)
        #expect(ProcessorBudget.threads(cores: 2, quota: 6) == 2)
    }
}
