import Foundation
import Mynah
import Qwen3TTS
import SpeechCore
import Testing

@Suite struct BenchTests {
    @Test func `best and median of repeats`() {
        #expect(BenchReport.Measure([3, 1, 2]).best == 1)
        #expect(BenchReport.Measure([3, 1, 2]).median == 2)
        #expect(BenchReport.Measure([4, 1, 2, 3]).median == 2.5)
        #expect(BenchReport.Measure([3, 1, 2], more: true).best == 3)
        #expect(BenchReport.Measure([]).best == 0)
    }

    @Test func `a bench measures every stage and every number of listeners`() throws {
        let folder = NSTemporaryDirectory() + "mynah-bench-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try SyntheticCheckpoint(size: .tiny, variant: .customVoice).write(to: folder)
        var bench = Bench(checkpoint: folder)
        (bench.frames, bench.repeats, bench.threads, bench.listeners) = (6, 2, 1, [1, 2])
        let report = try bench.run()
        let run = try #require(report.runs.first)
        for measure in [
            run.prefill, run.talker, run.predictor, run.codec, run.codecSingle, run.total, run.firstSound,
        ] {
            #expect(measure.best > 0 && measure.best.isFinite)
        }
        #expect(run.promptRows > 10, "words of its own keep a prompt from being found in the cache")
        #expect(run.listeners.map(\.count) == [1, 2])
        #expect(run.level > 0.01 && run.clipped < 0.01)
        #expect(run.limits != nil)
        #expect(report.machine.bandwidth > 1e8 && report.machine.floatPeak > 1e8)
        #expect(
            report.tables.allSatisfy { table in table.rows.allSatisfy { $0.count == table.rows[0].count } })
    }

    @Test(arguments: [SyntheticModel.tinyRealtime, .tinyLong])
    func `a model that speaks by diffusion is measured by its own stages`(_ kind: SyntheticModel) throws {
        let folder = NSTemporaryDirectory() + "mynah-bench-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try kind.write(to: folder, variant: .base)
        var bench = Bench(checkpoint: folder)
        (bench.frames, bench.repeats, bench.threads, bench.listeners) = (7, 1, 1, [2])
        bench.steps = [2, 3]
        let report = try bench.run()
        #expect(report.runs.map(\.steps) == [2, 3])
        for run in report.runs {
            for measure in [run.prefill, run.talker, run.predictor, run.codec, run.total, run.firstSound] {
                #expect(measure.best > 0 && measure.best.isFinite)
            }
            #expect((run.listener.best > 0) == (kind == .tinyLong))
            #expect((run.limits?.predictorSeconds ?? 0) > 0 && (run.limits?.singleFactor ?? 0) > 0)
            #expect(run.listeners.map(\.count) == [2])
        }
        #expect(
            report.tables.allSatisfy { table in table.rows.allSatisfy { $0.count == table.rows[0].count } })
    }

    @Test func `a model that listens is measured by what it hears and writes`() throws {
        let folder = NSTemporaryDirectory() + "mynah-bench-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try SyntheticModel.tinyASR.write(to: folder, variant: .base)
        var bench = Bench(checkpoint: folder)
        (bench.frames, bench.repeats, bench.threads, bench.seconds) = (4, 1, 1, 2)
        let report = try bench.run()
        let run = try #require(report.listening.first)
        #expect(abs(run.heardSeconds - 2) < 1e-6 && run.promptRows > 15 && run.tokens == 4)
        for measure in [run.encodeSpeed, run.prefill, run.writing] {
            #expect(measure.best > 0 && measure.best.isFinite)
        }
        #expect((run.limits?.tokens ?? 0) > 0)
        #expect(report.tables.count == 1)
    }

    @Test(arguments: [nil, "one"])
    func `measurements replace what stands between the marks, and nothing else`(_ section: String?) throws {
        let path = NSTemporaryDirectory() + "mynah-bench-\(UUID().uuidString).md"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let document = BenchDocument(path: path, section: section)
        let other = BenchDocument(path: path, section: "another")
        let kept = "\(other.start)\nkept\n\(other.end)\n"
        let text = "before\n\(document.start)\nold\n\(document.end)\nafter\n\(kept)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let report = BenchReport(machine: BenchMachine(threads: 1), checkpoint: "x", frames: 2, repeats: 1)
        try document.insert(report)
        let filled = try String(contentsOfFile: path, encoding: .utf8)
        #expect(filled.hasPrefix("before\n\(document.start)\n"))
        #expect(filled.hasSuffix("\(document.end)\nafter\n\(kept)"))
        #expect(!filled.contains("old") && filled.contains("memory bandwidth"))
    }

    @Test func `a document without marks is refused`() throws {
        let path = NSTemporaryDirectory() + "mynah-bench-\(UUID().uuidString).md"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("words\n".utf8).write(to: URL(fileURLWithPath: path))
        let report = BenchReport(machine: BenchMachine(threads: 1), checkpoint: "x", frames: 2, repeats: 1)
        #expect { try BenchDocument(path: path).insert(report) } throws: {
            ($0 as? SpeechError)?.code == .wrongFormat
        }
    }

    @Test func `an interpreter that is not there is named with what to install`() {
        // The second runs, and has no packages.
        for python in ["/nowhere/python", "/bin/false"] {
            var upstream = BenchUpstream(python: python, threads: 1, frames: 2, diffusion: false)
            upstream.script = #filePath
            #expect { try upstream.check() } throws: { error in
                (error as? SpeechError)?.code == .missingFile
                    && (error as? SpeechError)?.remedy.contains("qwen-tts") == true
            }
        }
    }
}
