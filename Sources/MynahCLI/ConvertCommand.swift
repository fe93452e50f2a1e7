import ArgumentParser
import Checkpoints
import Foundation
import Mynah
import SpeechCore
import TensorGraph

/// `mynah convert`: a checkpoint into one GGUF file.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Write a model as one GGUF file, its weights rounded as far as each bears.")

    @Argument(help: "The model's folder.") var model: String
    @Option(name: .shortAndLong, help: "The file to write; the model's name with the type when not given.")
    var output: String?
    @Option(help: "The type of the weights: \(ConvertCommand.types).") var quantize: String
    @Flag(help: "Replace a file that exists.") var force = false
    @Flag(help: "Print what was chosen as JSON.") var json = false

    private static let types = Precision.offered.map(\.rawValue).joined(separator: ", ")

    func run() throws {
        guard let type = Precision.offered.first(where: { $0.rawValue == quantize.lowercased() }) else {
            throw SpeechError(
                .invalidInput, "There is no type '\(quantize)'.", remedy: "Choose one of: \(Self.types).")
        }
        let conversion = try ModelConversion(ModelFiles(path: model), to: type)
        let path = output ?? conversion.standardName
        let shows = isatty(STDERR_FILENO) != 0 && !json
        let size = try conversion.write(to: path, replacing: force) { progress in
            guard shows else { return }
            let share = progress.total == 0 ? 100 : progress.bytes * 100 / progress.total
            FileHandle.standardError.write(
                Data("\r\u{1B}[K\(share)% (\(progress.tensor) of \(progress.count)) \(progress.name)".utf8))
        }
        if shows { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
        try json ? printJSON(conversion, path, size) : printTable(conversion, path, size)
    }

    private struct Output: Encodable {
        let path: String, type: String
        let bytes: Int, tensorBytes: Int, tensors: Int
        let groups: [ModelConversion.Group]
    }

    private func printJSON(_ conversion: ModelConversion, _ path: String, _ size: Int) throws {
        let output = Output(
            path: path, type: conversion.type.rawValue, bytes: size, tensorBytes: conversion.bytes,
            tensors: conversion.tensors.count, groups: conversion.groups)
        try print(Table.json(output))
    }

    private func printTable(_ conversion: ModelConversion, _ path: String, _ size: Int) {
        let rows = conversion.groups.sorted { $0.role < $1.role }.map { group in
            [group.role, group.pattern, "\(group.count)", "\(group.from) → \(group.to)", Table.bytes(group.bytes)]
        }
        Table.print([["role", "tensors", "count", "type", "size"]] + rows, rightAligned: [2, 4])
        print("\(path): \(conversion.tensors.count) tensors, \(Table.bytes(size)) (\(size) bytes)")
    }
}

/// Columns for a person, and JSON for a program.
enum Table {
    static func print(_ rows: [[String]], rightAligned: Set<Int> = []) {
        let rows = rows.map { $0.map(\.withoutControls) }
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                if rightAligned.contains(column) { return space + cell }
                return column == row.count - 1 ? cell : cell + space
            }
            Swift.print(cells.joined(separator: "  "))
        }
    }

    /// A size as a person reads it.
    static func bytes(_ count: Int) -> String {
        let units = ["B", "kB", "MB", "GB"]
        var (value, unit) = (Double(count), 0)
        while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
        return unit == 0 ? "\(count) B" : String(format: "%.1f %@", value, units[unit])
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
