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

    @Test func `measurements replace what stands between the marks, and nothing else`() throws {
        let path = NSTemporaryDirectory() + "mynah-bench-\(UUID().uuidString).md"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let text = "before\n\(BenchDocument.start)\nold\n\(BenchDocument.end)\nafter\n"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let report = BenchReport(machine: BenchMachine(threads: 1), checkpoint: "x", frames: 2, repeats: 1)
        try BenchDocument(path: path).insert(report)
        let filled = try String(contentsOfFile: path, encoding: .utf8)
        #expect(filled.hasPrefix("before\n\(BenchDocument.start)\n"))
        #expect(filled.hasSuffix("\(BenchDocument.end)\nafter\n"))
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
        var upstream = BenchUpstream(python: "/nowhere/python", script: nil, threads: 1, frames: 2)
        upstream.script = #filePath
        #expect { try upstream.run("x") } throws: { error in
            (error as? SpeechError)?.code == .missingFile
                && (error as? SpeechError)?.remedy.contains("qwen-tts") == true
        }
    }
}
