import NeuralLayers
import TensorGraph

/// The language model with one conversation's cache: rows in, scores of the next token out.
final class ASRDecoder {
    /// Rows read together: what a part of a prompt takes in memory does not grow with the prompt.
    static let rowsTogether = 256

    private let model: ASRLanguageModel
    private let device: Device
    private let cache: KVCache
    private var layouts: [Int: Layout] = [:]
    let capacity: Int
    /// Scores of the token after the last row fed.
    private(set) var scores: [Float] = []

    struct Layout {
        let graph: Graph
        let input, hidden, scores: Tensor
        let step: Step
    }

    init(_ model: ASRLanguageModel, on device: Device, capacity: Int, half: Bool) throws(DeviceError) {
        (self.model, self.device, self.capacity) = (model, device, capacity)
        cache = try KVCache(on: device, model.stack.config.cache, slots: 1, capacity: capacity, half: half)
    }

    /// Takes rows `[count, width]` that stand from `position` on; what stood there or after is forgotten.
    func feed(_ rows: [Float], at position: Int) {
        let count = rows.count / model.width
        precondition(
            count > 0 && position + count <= capacity, "rows \(position)..<\(position + count) of \(capacity)"
        )
        let layout = layout(count)
        layout.input.write(rows)
        layout.step.write((0..<count).map { (slot: 0, position: position + $0) })
        layout.graph.compute()
        layout.scores.read(row: 0, into: &scores)
    }

    /// Takes tokens that stand from `position` on.
    func feed(_ tokens: [Int32], at position: Int) {
        for start in stride(from: 0, to: tokens.count, by: Self.rowsTogether) {
            let part = tokens[start..<min(start + Self.rowsTogether, tokens.count)]
            feed(rows(part), at: position + start)
        }
    }

    /// The embeddings of tokens, `[tokens, width]`.
    func rows(_ tokens: some Collection<Int32>) -> [Float] {
        [Float](unsafeUninitializedCapacity: tokens.count * model.width) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            for (row, token) in tokens.enumerated() { model.embed(token, into: base + row * model.width) }
            initialized = tokens.count * model.width
        }
    }

    private func layout(_ rows: Int) -> Layout {
        if let layout = layouts[rows] { return layout }
        let layout = makeLayout(rows: rows, outputs: 1)
        // Of odd sizes there is one each; the full part and the single token come again and again.
        if rows == 1 || rows == Self.rowsTogether { layouts[rows] = layout }
        return layout
    }

    func makeLayout(rows: Int, outputs: Int, taps: Set<String> = []) -> Layout {
        let (graph, ends) = Graph.layOut(on: device, nodes: 8192, taps: taps) { graph in
            let input = graph.input("rows", [rows, model.width])
            let step = Step(in: graph, rows: rows, cache: cache, rotaryBase: model.stack.config.ropeBase)
            let (hidden, scores) = model(input, step, cache, outputs: outputs)
            graph.output(hidden)
            graph.output(scores)
            return (input: input, hidden: hidden, scores: scores, step: step)
        }
        return Layout(
            graph: graph, input: ends.input, hidden: ends.hidden, scores: ends.scores, step: ends.step)
    }
}
