import Foundation
import SpeechCore

/// A document in Markdown that keeps measurements between two marks, which may bear a section's name; the words around
/// them are people's.
package struct BenchDocument: Sendable {
    package let start: String, end: String
    private let path: String

    package init(path: String, section: String? = nil) {
        self.path = path
        let name = section.map { " \($0)" } ?? ""
        (start, end) = ("<!-- measured\(name): start -->", "<!-- measured\(name): end -->")
    }

    /// - Throws: `SpeechError` where the document cannot be read and written, or lacks the marks; before the work of
    ///   measuring.
    package func check() throws {
        _ = try parts()
        guard FileManager.default.isWritableFile(atPath: path) else {
            throw SpeechError(.inputOutput, "'\(path)' may not be written.", remedy: "Check its permissions.")
        }
    }

    /// Replaces what stands between the marks.
    ///
    /// - Throws: `SpeechError` of code `wrongFormat` where the document lacks them.
    package func insert(_ report: BenchReport) throws {
        let (before, after) = try parts()
        do {
            try Data((before + "\n\n" + report.markdown + "\n" + after).utf8)
                .write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw SpeechError(
                .inputOutput, "'\(path)' could not be written.",
                remedy: "Check that its folder may be written and has room.", underlying: error)
        }
    }

    /// The document up to its first mark and from its last, both with the mark.
    private func parts() throws -> (before: Substring, after: Substring) {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw SpeechError(
                .missingFile, "'\(path)' cannot be read.", remedy: "Check the path.", underlying: error)
        }
        guard let first = text.range(of: start), let last = text.range(of: end),
            first.upperBound <= last.lowerBound
        else {
            throw SpeechError(
                .wrongFormat, "'\(path)' has no place for measurements.",
                remedy: "Put the lines '\(start)' and '\(end)' into it.")
        }
        return (text[..<first.upperBound], text[last.lowerBound...])
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
