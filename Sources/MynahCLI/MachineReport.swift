import AudioDSP
import CMynahKernels
import Foundation
import ModelHub
import Mynah
import TensorGraph

/// What `doctor` finds.
struct MachineReport: Encodable {
    let version = Program.version
    let system = ProcessInfo.processInfo.operatingSystemVersionString
    let swift = Self.toolchain()
    let ggml = Device.libraryVersion
    let libav = AudioFile.libraryVersion
    let devices = Device.offered.map {
        ComputeListing(
            name: $0.name, description: $0.description, freeBytes: $0.freeBytes, totalBytes: $0.totalBytes,
            isAccelerator: $0.isAccelerator, isSoftware: $0.isSoftware)
    }
    let noAccelerator = Device.absence
    let processorFeatures = String(cString: mynah_cpu_description())
    let threads = ProcessorBudget.threads
    let processors = ProcessInfo.processInfo.activeProcessorCount
    let availableMemory = MemoryBudget.available
    let physicalMemory = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    let controlGroup = Self.controlGroup()
    let home = MynahHome().directory.path
    let hubCache = ModelLibrary().hub.cache.path
    let models = ModelLibrary().installed().map(\.name)
    let voices = (try? VoiceLibrary().names()) ?? []
    /// Without the one that plays to nobody.
    let audioDevices = LoudspeakerPlayer.devices().filter { $0 != "null" }
    var smoke: SmokeTest.Outcome?

    struct ComputeListing: Encodable {
        let name, description: String
        let freeBytes, totalBytes: Int
        let isAccelerator, isSoftware: Bool

        var sentence: String {
            guard isAccelerator else { return "\(name): \(description)" }
            let memory = "\(freeBytes.asMegabytes) free of \(totalBytes.asMegabytes)"
            return "\(name): \(description), \(memory)"
                + (isSoftware ? "; computes on the processor, so 'auto' leaves it out" : "")
        }
    }

    /// For people: a subject and what there is of it.
    var rows: [[String]] {
        var rows = [
            ["mynah", version], ["system", system],
            ["swift", swift ?? "not installed (needed to build only)"],
            ["ggml", ggml], ["libav", libav],
        ]
        rows += devices.map { ["device", $0.sentence] }
        if let noAccelerator { rows.append(["accelerator", "none: \(noAccelerator)"]) }
        rows += [
            [
                "processor",
                processorFeatures.isEmpty ? "no vector extensions that we use" : processorFeatures,
            ],
            ["threads", "\(threads) of \(processors) processors"],
            ["memory", "\(availableMemory.asMegabytes) available of \(physicalMemory.asMegabytes)"],
            ["control group", controlGroup ?? "no limits"],
            ["home", home], ["hub cache", hubCache],
            ["models", models.isEmpty ? "none, not even the bundled one" : models.joined(separator: ", ")],
            ["voices", voices.isEmpty ? "none kept" : voices.joined(separator: ", ")],
            [
                "loudspeakers",
                audioDevices.isEmpty ? "none: --play is not possible" : audioDevices.joined(separator: ", "),
            ],
        ]
        if let smoke {
            rows.append(["smoke test", (smoke.passed ? "passed: " : "FAILED: ") + smoke.message])
            if let remedy = smoke.remedy { rows.append(["", remedy]) }
        }
        return rows
    }

    /// The first line of `swift --version`, where there is a toolchain.
    private static func toolchain() -> String? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["swift", "--version"]
        let output = Pipe()
        (process.standardOutput, process.standardError) = (output, FileHandle.nullDevice)
        guard (try? process.run()) != nil else { return nil }
        let data = (try? output.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { return nil }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").first.map(String.init)
    }

    /// Limits of the control group (version 2), where it has any.
    private static func controlGroup() -> String? {
        func value(_ name: String) -> String? {
            let text = try? String(contentsOfFile: "/sys/fs/cgroup/\(name)", encoding: .utf8)
            return text.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.flatMap {
                $0.hasPrefix("max") ? nil : $0
            }
        }
        let limits = [
            value("cpu.max").map { "cpu \($0)" },
            value("memory.max").flatMap(Int.init).map { "memory \($0.asMegabytes)" },
        ]
        let found = limits.compactMap { $0 }
        return found.isEmpty ? nil : found.joined(separator: ", ")
    }
}
