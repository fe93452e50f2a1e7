import Foundation
import Mynah

/// Rows of text in columns as wide as they must be.
enum Table {
    /// Prints rows. What came from a stranger's file cannot control the terminal.
    ///
    /// - Throws: `SpeechError` when standard output does not take them.
    static func show(_ rows: [[String]], rightAligned: Set<Int> = []) throws {
        let rows = rows.map { $0.map(\.withoutControls) }
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        let lines = rows.map { row in
            let cells = row.enumerated().map { column, cell in
                if rightAligned.contains(column) { return cell.aligned(to: widths[column]) }
                return cell.padded(to: widths[column])
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
        if !lines.isEmpty { try Console.print(lines.joined(separator: "\n")) }
    }

    /// A size as a person reads it: decimal, as disks are sold.
    static func bytes(_ count: some BinaryInteger) -> String {
        let units = ["B", "kB", "MB", "GB"]
        var (value, unit) = (Double(count), 0)
        while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
        return unit == 0 ? "\(count) B" : "\(value.digits(1)) \(units[unit])"
    }
}

extension String {
    /// With spaces after it, up to `width` characters.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    /// With spaces before it, up to `width` characters.
    func aligned(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
