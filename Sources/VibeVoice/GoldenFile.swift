import Checkpoints
import SpeechCore
import TensorGraph

/// A golden file: what the authors' code computed, with the arguments it was given.
struct GoldenFile {
    private let file: CheckpointFile

    init(_ file: CheckpointFile) { self.file = file }

    func has(_ name: String) -> Bool { file[name] != nil }
    func shape(_ name: String) -> [Int] { file[name]?.shape ?? [] }
    func values(_ name: String) -> [Float] { file[name].map(Conversion.floats) ?? [] }

    func integers(_ name: String) -> [Int32] {
        guard let tensor = file[name], tensor.type == .i64 else { return [] }
        return tensor.withBytes { bytes in
            (0..<tensor.shape.reduce(1, *)).map {
                Int32(clamping: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
            }
        }
    }

    /// A mask's bytes.
    func bytes(_ name: String) -> [UInt8] {
        guard let tensor = file[name], tensor.type == .u8 else { return [] }
        return tensor.withBytes { Array($0) }
    }

    /// The first rows of a tensor, and what is left of its shape.
    func rows(_ name: String, _ count: Int) -> (values: [Float], shape: [Int]) {
        let (values, shape) = (values(name), shape(name))
        let width = shape.dropFirst().reduce(1, *)
        return (Array(values.prefix(count * width)), [min(count, shape.first ?? 0)] + shape.dropFirst())
    }

    /// What frames were led out of. The authors draw a row for each condition, and use the first.
    func noise(_ name: String, latent: Int) -> ArraySlice<Float> {
        let values = values(name)
        return (0..<(shape(name).first ?? 0)).flatMap {
            values[$0 * 2 * latent..<($0 * 2 + 1) * latent]
        }[...]
    }

    /// An argument of a run.
    func argument(_ name: String) throws -> String {
        guard case .string(let text)? = file.metadata[name] else { throw missing(name) }
        return text
    }

    /// An argument of a run that is a number.
    func number<Number: LosslessStringConvertible>(_ name: String) throws -> Number {
        guard let number = Number(try argument(name)) else { throw missing(name) }
        return number
    }

    /// Refuses a file whose tensors are not a run of this model; what reads them may then count on their shapes.
    ///
    /// - Parameters:
    ///   - latent: values of a latent.
    ///   - width: of the language model.
    ///   - vocabulary: tokens that may be embedded.
    func check(latent: Int, width: Int, vocabulary: Int) throws {
        let (frames, steps): (Int, Int) = (shape("a_latent").first ?? 0, try number("a_steps"))
        let shapes = [
            "a_latent": [frames, latent], "a_scaled_latent": [frames, latent],
            "a_noise": [frames, 2, latent],
            "a_dh_cond": [frames, 2, width], "a_dh_in": [frames, steps, 2, latent],
            "a_dh_out": [frames, steps, 2, latent],
        ]
        guard frames >= 2, (1...100).contains(steps) else { throw foreign("a_latent") }
        try require(shapes)
        for name in ["a", "b"] {
            guard shape("\(name)_noise").dropFirst() == [2, latent], shape("\(name)_waveform").count == 1
            else {
                throw foreign("\(name)_noise")
            }
        }
        let (windows, tokens, order) = (integers("a_win_len"), integers("a_win_ids"), integers("a_order"))
        guard windows.allSatisfy({ (1...64).contains($0) }),
            windows.reduce(0, { $0 + Int($1) }) == tokens.count,
            tokens.allSatisfy({ (0..<Int32(vocabulary)).contains($0) }),
            order.filter({ $0 == 1 }).count == windows.count, order.count == windows.count + frames
        else { throw foreign("a_order") }
        guard let spoken = integers("a_n_frames").first, (1...frames).contains(Int(spoken)) else {
            throw foreign("a_n_frames")
        }
    }

    /// Refuses a file that has not every one of these tensors, in its shape.
    func require(_ shapes: [String: [Int]]) throws {
        for (name, expected) in shapes.sorted(by: { $0.key < $1.key }) where shape(name) != expected {
            throw foreign(name)
        }
    }

    func foreign(_ name: String) -> SpeechError {
        SpeechError(
            .wrongFormat, "\(file.path) is no run of this model: '\(name)' is missing or of another shape.",
            remedy: "Give the golden file that was made with this checkpoint.")
    }

    private func missing(_ name: String) -> SpeechError {
        SpeechError(
            .wrongFormat, "\(file.path) has no usable '\(name)' in its metadata.",
            remedy: "Give a golden file as the reference script writes it.")
    }
}

extension ParityReport {
    /// Compares values with the golden ones of that name.
    mutating func compare(_ name: String, _ ours: [Float], with golden: GoldenFile, bound: Double) {
        compare(name, ours, golden.values(name), shape: golden.shape(name), bound: bound)
    }

    /// Compares ids with the golden ones of that name, which must be the same.
    mutating func compare(_ name: String, _ ours: [Int32], with golden: GoldenFile) {
        compare(name, ours, golden.integers(name), shape: golden.shape(name))
    }
}
