import TensorGraph

/// One encoder listening to one recording, a piece at a time; the pieces give what the whole would.
final class EncoderStream {
    private let network: EncoderNetwork
    private let device: Device
    private let stream: StreamState
    private let state: EncoderNetwork.State
    private var layout: Layout?

    private struct Layout {
        let samples: Int
        let graph: Graph
        let input, output: Tensor
    }

    init(_ network: EncoderNetwork, on device: Device) {
        (self.network, self.device) = (network, device)
        stream = StreamState(on: device)
        state = network.state(in: stream)
    }

    /// Forgets what was heard.
    func reset() { stream.reset() }

    /// The frames of the next samples, `[ceil(samples / hop), latent]`. Any piece but the last is whole frames.
    func encode(_ samples: [Float]) -> [Float] {
        precondition(!samples.isEmpty, "there are no frames in nothing")
        let layout = layout(samples.count)
        layout.input.write(samples)
        layout.graph.compute()
        return layout.output.read()
    }

    private func layout(_ samples: Int) -> Layout {
        if let layout, layout.samples == samples { return layout }
        // One size is kept: pieces are alike but for the last.
        layout = nil
        let (graph, ends) = Graph.layOut(on: device) { graph in
            let input = graph.input("audio", [samples, 1])
            let frames = network(input, state)
            graph.output(frames)
            return (input: input, frames: frames)
        }
        let made = Layout(samples: samples, graph: graph, input: ends.input, output: ends.frames)
        layout = made
        return made
    }
}
