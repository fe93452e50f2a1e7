import TensorGraph

/// Latents to sound, a few frames at a time, each layer's past carried along.
///
/// One utterance's state, used from one thread. A stream is laid out once and can be reset for another utterance.
final class DecoderStream {
    private let decoder: AcousticDecoder
    private let device: Device
    private let state: AcousticDecoder.State
    private var layouts: [Int: Layout] = [:]
    /// Most frames decoded in one graph.
    let longestChunk: Int

    private struct Layout {
        let graph: Graph
        let latents, samples: Tensor
    }

    init(_ decoder: AcousticDecoder, on device: Device, longestChunk: Int = 8) {
        (self.decoder, self.device, self.longestChunk) = (decoder, device, longestChunk)
        state = decoder.state(on: device)
    }

    /// Forgets what was decoded.
    func reset() { state.stream.reset() }

    /// The samples of these latents `[frames, latent]`, which follow those of the last call.
    func decode(_ latents: [Float]) -> [Float] {
        let width = decoder.latent
        precondition(latents.count % width == 0, "\(latents.count) values are no latents of \(width)")
        var samples: [Float] = []
        samples.reserveCapacity(latents.count / width * decoder.samplesPerFrame)
        for start in stride(from: 0, to: latents.count, by: longestChunk * width) {
            let chunk = latents[start..<min(start + longestChunk * width, latents.count)]
            let layout = layout(chunk.count / width)
            layout.latents.write(Array(chunk))
            layout.graph.compute()
            samples += layout.samples.read()
        }
        return samples
    }

    private func layout(_ frames: Int) -> Layout {
        if let layout = layouts[frames] { return layout }
        let layout = makeLayout(frames, taps: [])
        layouts[frames] = layout
        return layout
    }

    private func makeLayout(_ frames: Int, taps: Set<String>) -> Layout {
        let (graph, ends) = Graph.layOut(on: device, nodes: 4096, taps: taps) { graph in
            let latents = graph.input("latents", [frames, decoder.latent])
            let samples = decoder(latents, state)
            graph.output(samples)
            return (latents: latents, samples: samples)
        }
        return Layout(graph: graph, latents: ends.latents, samples: ends.samples)
    }

    /// Decodes latents at once from the beginning, and reads the named layers; for parity.
    func decode(_ latents: [Float], tapping taps: [String]) -> [(values: [Float], shape: [Int])?] {
        reset()
        let layout = makeLayout(latents.count / decoder.latent, taps: Set(taps))
        layout.latents.write(latents)
        layout.graph.compute()
        return taps.map { layout.graph.tapped($0) }
    }
}
