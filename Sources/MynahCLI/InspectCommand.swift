import ArgumentParser
import Mynah

/// `mynah inspect`: what a model file or folder holds.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "List the metadata and tensors of a model file or folder.",
        discussion: """
            Reads safetensors, GGUF, torch archives (.pt, .pth), NumPy arrays and folders of safetensors.
              mynah inspect qwen3-tts-0.6b --tensors "talker*q_proj"
              mynah inspect small.gguf --json
            """)

    @Argument(help: "A file, a folder with a checkpoint, or a name that 'mynah models' lists.") var path:
        String
    @Option(help: "Only tensors whose names contain this; * stands for anything.") var tensors: String?
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let listing = try ModelListing(path: ModelLibrary().locate(path).path, matching: tensors)
        guard !json else { return try Console.json(listing) }
        for file in listing.files {
            try Console.print("\(file.path): \(file.format), \(file.tensors) tensors")
        }
        if !listing.metadata.isEmpty {
            try Console.print("")
            try Table.show(listing.metadata.map { [$0.key, $0.value] })
        }
        try Console.print("")
        try Table.show(
            [["name", "type", "shape", "size"]]
                + listing.tensors.map {
                    let shape = $0.shape.map { "\($0)" }.joined(separator: " × ")
                    return [$0.name, $0.type, shape, Table.bytes($0.bytes)]
                }, rightAligned: [3])
        try Console.print("")
        for total in listing.totals {
            try Console.print("\(total.type): \(total.tensors) tensors, \(Table.bytes(total.bytes))")
        }
    }
}
