import ArgumentParser
import Checkpoints
import Foundation
import Mynah
import SpeechCore
import TensorGraph

/// `mynah convert`: a checkpoint into one GGUF file.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Write a model as one GGUF file, its weights rounded as far as each bears.",
        discussion: """
            The file is a model by itself, and is spoken with as the model would be with --quantize of its type.
              mynah convert qwen3-tts-0.6b --quantize q8_0 -o small.gguf
              mynah speak "Good morning." -m small.gguf --play
            """)

    @Argument(
        help: "The model: a name that 'mynah models' lists, or a path.",
        completion: .custom { _, _, _ in ModelLibrary().installed().map(\.name) })
    var model: String
    @Option(name: .shortAndLong, help: "The file to write; the model's name with the type when not given.")
    var output: String?
    @Option(help: "The type of the weights: \(ConvertCommand.types).") var quantize: String
    @Flag(help: "Replace a file that exists.") var force = false
    @Flag(help: "Print what was chosen as JSON.") var json = false
    @Flag(name: .shortAndLong, help: "Print no progress and no table.") var quiet = false

    private static let types = Precision.offered.map(\.rawValue).joined(separator: ", ")

    func run() throws {
        guard let type = Precision.offered.first(where: { $0.rawValue == quantize.lowercased() }) else {
            throw SpeechError(
                .invalidInput, "There is no type '\(quantize)'.", remedy: "Choose one of: \(Self.types).")
        }
        let place = try ModelLibrary().locate(model)
        let conversion = try ModelConversion(place.files(), to: type)
        let path = output ?? conversion.standardName(for: place)
        let shows = !json && !quiet
        let size = try conversion.write(to: path, replacing: force) { progress in
            guard shows else { return }
            let share = progress.total == 0 ? 100 : progress.bytes * 100 / progress.total
            Console.progress("\(share)% (\(progress.tensor) of \(progress.count)) \(progress.name)")
        }
        Console.endProgress()
        if json {
            try printJSON(conversion, path, size)
        } else if !quiet {
            try printTable(conversion, path, size)
        }
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
        try Console.json(output)
    }

    private func printTable(_ conversion: ModelConversion, _ path: String, _ size: Int) throws {
        let rows = conversion.groups.sorted { $0.role < $1.role }.map { group in
            [
                group.role, group.pattern, "\(group.count)", "\(group.from) → \(group.to)",
                Table.bytes(group.bytes),
            ]
        }
        try Table.show([["role", "tensors", "count", "type", "size"]] + rows, rightAligned: [2, 4])
        try Console.print(
            "\(path): \(conversion.tensors.count) tensors, \(Table.bytes(size)) (\(size) bytes)")
    }
}
