import TensorGraph

/// Recordings of speakers to what the model knows them by.
enum LongVoice {
    /// Frames encoded together: about four seconds. Any whole number of frames gives the same.
    static let framesTogether = 32

    /// How long the authors' batch of these recordings makes each: the shorter are followed by silence as far as it
    /// shows in their last frames.
    static func lengths(_ counts: [Int], hop: Int) -> [Int] {
        let longest = counts.max() ?? 0
        return counts.map { min(longest, ($0 + hop - 1) / hop * hop) }
    }

    /// The acoustic encoder's frames `[ceil(length / hop), latent]` of levelled samples, with silence up to `length`.
    static func encode(_ samples: [Float], length: Int, _ model: LongModel, on device: Device) -> [Float] {
        let padded = samples + [Float](repeating: 0, count: max(0, length - samples.count))
        let stream = EncoderStream(model.acoustic, on: device)
        stream.reset()
        var frames: [Float] = []
        let piece = model.hop * framesTogether
        for start in stride(from: 0, to: padded.count, by: piece) {
            frames += stream.encode(Array(padded[start..<min(start + piece, padded.count)]))
        }
        return frames
    }

    /// Rows of the language model for latents in the head's domain `[frames, latent]`.
    static func rows(_ latents: [Float], _ model: LongModel, on device: Device) -> [Float] {
        LongConnection(model, frames: latents.count / model.head.latent, on: device).acoustic(latents)
    }
}

/// The connectors, laid out for a number of frames.
final class LongConnection {
    private let graphs: (acoustic: Graph, both: Graph)
    private let alone: (input: Tensor, output: Tensor)
    private let together: (acoustic: Tensor, semantic: Tensor, rows: Tensor, sum: Tensor)

    init(_ model: LongModel, frames: Int, on device: Device) {
        let (graph, ends) = Graph.layOut(on: device, nodes: 64) { graph in
            let input = graph.input("acoustic", [frames, model.config.acoustic.latentWidth])
            let output = model.acousticConnector(input)
            graph.output(output)
            return (input: input, output: output)
        }
        alone = ends
        let (both, bothEnds) = Graph.layOut(on: device, nodes: 64) { graph in
            let acoustic = graph.input("acoustic", [frames, model.config.acoustic.latentWidth])
            let semantic = graph.input("semantic", [frames, model.config.semantic.latentWidth])
            let rows = model.semanticConnector(semantic)
            let sum = model.acousticConnector(acoustic) + rows
            graph.output(rows)
            graph.output(sum)
            return (acoustic: acoustic, semantic: semantic, rows: rows, sum: sum)
        }
        (together, graphs) = (bothEnds, (graph, both))
    }

    /// Rows for latents in the head's domain.
    func acoustic(_ latents: [Float]) -> [Float] {
        alone.input.write(latents)
        graphs.acoustic.compute()
        return alone.output.read()
    }

    /// Rows for frames that were heard again: of the semantic features alone, and the sum of both.
    func callAsFunction(_ latents: [Float], _ semantic: [Float]) -> (semantic: [Float], sum: [Float]) {
        together.acoustic.write(latents)
        together.semantic.write(semantic)
        graphs.both.compute()
        return (together.rows.read(), together.sum.read())
    }
}
