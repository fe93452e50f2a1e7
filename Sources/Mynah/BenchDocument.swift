import Foundation
import SpeechCore

/// A document in Markdown that keeps measurements between two marks; the words around them are people's.
package struct BenchDocument: Sendable {
    package static let start = "<!-- measured: start -->"
    package static let end = "<!-- measured: end -->"
    private let path: String

    package init(path: String) { self.path = path }

    /// Replaces what stands between the marks.
    ///
    /// - Throws: `SpeechError` of code `wrongFormat` where the document lacks them.
    package func insert(_ report: BenchReport) throws {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw SpeechError(
                .missingFile, "'\(path)' cannot be read.", remedy: "Check the path.", underlying: error)
        }
        guard let start = text.range(of: Self.start), let end = text.range(of: Self.end),
            start.upperBound <= end.lowerBound
        else {
            throw SpeechError(
                .wrongFormat, "'\(path)' has no place for measurements.",
                remedy: "Put the lines '\(Self.start)' and '\(Self.end)' into it.")
        }
        let filled = text[..<start.upperBound] + "\n\n" + report.markdown + "\n" + text[end.lowerBound...]
        try Data(filled.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}

extension BenchReport {
    /// Machine and tables in Markdown.
    package var markdown: String {
        var lines = machineLines.map { "- \($0)" } + [""]
        for (title, rows) in tables {
            lines += ["**\(title)**", ""]
            for (index, row) in rows.enumerated() {
                let cells = row.map { $0.trimmingCharacters(in: .whitespaces) }
                lines.append("| " + cells.joined(separator: " | ") + " |")
                if index == 0 { lines.append("|" + row.indices.map { $0 == 0 ? "---|" : "---:|" }.joined()) }
            }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }
}
