import NeuralLayers
import TensorGraph

/// A residual quantizer's codebooks, read a row at a time: row i is `sum[i] / max(usage[i], 1e-5)`.
struct Codebook: Sendable {
    private let sums: EmbeddingTable
    private let scales: [Float]

    /// - Parameter names: the leaf of the sums and of the usage, which differ between encoder and decoder.
    init(_ weights: Weights, sums: String, rows: Int, width: Int) throws(LoadError) {
        self.sums = try weights.table(sums, rows, width, role: .codebook)
        scales = try weights.values("cluster_usage", [rows], role: .codebook).map { 1 / max($0, 1e-5) }
    }

    var count: Int { scales.count }
    var width: Int { sums.width }

    /// Adds row `index` to `target`.
    func add(_ index: Int, to target: UnsafeMutablePointer<Float>) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { row in
            guard let base = row.baseAddress else { return }
            sums.read(index, into: base)
            for i in 0..<width { target[i] += base[i] * scales[index] }
        }
    }

    /// All rows, `[count, width]`.
    var rows: [Float] {
        var values = [Float](repeating: 0, count: count * width)
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for index in 0..<count { add(index, to: base + index * width) }
        }
        return values
    }
}

/// Frames of codes to the latent the codec's decoder starts from.
struct Dequantizer: Sendable {
    private let first: [Codebook], rest: [Codebook]
    private let firstProjection, restProjection: Linear
    let width: Int

    init(_ weights: Weights, _ config: CodecDecoderConfiguration) throws(LoadError) {
        width = config.codebookDim / 2
        let semantic = config.numSemanticQuantizers
        func books(_ weights: Weights, _ count: Int) throws(LoadError) -> [Codebook] {
            var books: [Codebook] = []
            for index in 0..<count {
                books.append(
                    try Codebook(
                        weights["vq"]["layers"][index]["_codebook"], sums: "embedding_sum",
                        rows: config.codebookSize, width: config.codebookDim / 2))
            }
            return books
        }
        first = try books(weights["rvq_first"], semantic)
        rest = try books(weights["rvq_rest"], config.numQuantizers - semantic)
        firstProjection = try Linear(
            pointwise: weights["rvq_first"]["output_proj"], width, config.codebookDim)
        restProjection = try Linear(pointwise: weights["rvq_rest"]["output_proj"], width, config.codebookDim)
        // Only the quantizing direction uses these.
        weights["rvq_first"]["input_proj"].ignore()
        weights["rvq_rest"]["input_proj"].ignore()
    }

    var codesPerFrame: Int { first.count + rest.count }

    /// Sums of codebook rows, `[frames, width]`, of the semantic codes and of the others.
    func sums(_ frames: ArraySlice<CodeFrame>) -> (first: [Float], rest: [Float]) {
        func sum(_ books: [Codebook], from offset: Int) -> [Float] {
            var values = [Float](repeating: 0, count: frames.count * width)
            values.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                for (row, frame) in frames.enumerated() {
                    for (index, book) in books.enumerated() {
                        book.add(Int(frame[offset + index]), to: base + row * width)
                    }
                }
            }
            return values
        }
        return (sum(first, from: 0), sum(rest, from: first.count))
    }

    /// Both sums projected and added: `[frames, codebookDim]`.
    func callAsFunction(_ first: Tensor, _ rest: Tensor) -> Tensor {
        firstProjection(first) + restProjection(rest)
    }
}

/// The codes of one frame, 80 ms: first the talker's, then the predictor's.
typealias CodeFrame = [Int32]
