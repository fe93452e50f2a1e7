import TensorGraph

/// Codes to sound, a few frames at a time, each layer's past carried along.
///
/// One utterance's state, used from one thread. A stream is laid out once and can be reset for another utterance.
final class CodecStream {
    private let decoder: CodecDecoder
    private let device: Device
    private let state: CodecDecoder.State
    private let cache: KVCache
    private var graphs: [Int: Layout] = [:]
    private var position = 0
    /// Most frames decoded in one graph.
    let longestChunk: Int

    private struct Layout {
        let graph: Graph
        let first, rest, samples: Tensor
        let step: Step
    }

    init(_ decoder: CodecDecoder, on device: Device, longestChunk: Int = 8) throws(DeviceError) {
        self.decoder = decoder
        self.device = device
        self.longestChunk = longestChunk
        state = decoder.state(on: device)
        // The window behind the first frame of a chunk, and the chunk.
        let capacity = (decoder.cache.window ?? 4096) + longestChunk
        cache = try KVCache(on: device, decoder.cache, slots: 1, capacity: capacity, half: false)
    }

    /// Forgets what was decoded.
    func reset() {
        state.stream.reset()
        position = 0
    }

    /// The samples of these frames, which follow those of the last call.
    func decode(_ frames: [CodeFrame]) -> [Float] {
        var samples: [Float] = []
        samples.reserveCapacity(frames.count * decoder.samplesPerFrame)
        var rest = frames[...]
        while !rest.isEmpty {
            let chunk = rest.prefix(chunkLength(rest.count))
            rest = rest.dropFirst(chunk.count)
            samples += decode(chunk: chunk)
        }
        return samples
    }

    /// Takes frames in without their sound, as the past of what follows.
    func prime(_ frames: [CodeFrame]) { _ = decode(frames) }

    /// Powers of two, so that few layouts serve any number of frames.
    private func chunkLength(_ left: Int) -> Int {
        var length = 1
        while length * 2 <= min(left, longestChunk) { length *= 2 }
        return length
    }

    private func decode(chunk: ArraySlice<CodeFrame>) -> [Float] {
        let layout = layout(chunk.count)
        let sums = decoder.dequantizer.sums(chunk)
        layout.first.write(sums.first)
        layout.rest.write(sums.rest)
        layout.step.write((0..<chunk.count).map { (slot: 0, position: position + $0) })
        layout.graph.compute()
        position += chunk.count
        return layout.samples.read()
    }

    private func layout(_ frames: Int) -> Layout {
        if let layout = graphs[frames] { return layout }
        let layout = makeLayout(frames, taps: [])
        graphs[frames] = layout
        return layout
    }

    private func makeLayout(_ frames: Int, taps: Set<String>) -> Layout {
        let (graph, ends) = Graph.layOut(on: device, nodes: 4096, taps: taps) { graph in
            let first = graph.input("first", [frames, decoder.dequantizer.width])
            let rest = graph.input("rest", [frames, decoder.dequantizer.width])
            let step = Step(in: graph, rows: frames, cache: cache, rotaryBase: decoder.ropeBase)
            let samples = decoder(first, rest, step, cache, state)
            graph.output(samples)
            return (first: first, rest: rest, samples: samples, step: step)
        }
        return Layout(
            graph: graph, first: ends.first, rest: ends.rest, samples: ends.samples, step: ends.step)
    }

    /// Decodes `frames` at once from the beginning, and reads the named layers; for parity.
    func decode(_ frames: [CodeFrame], tapping taps: Set<String>) -> (
        samples: [Float], taps: (String) -> (values: [Float], shape: [Int])?
    ) {
        reset()
        let layout = makeLayout(frames.count, taps: taps)
        let sums = decoder.dequantizer.sums(frames[...])
        layout.first.write(sums.first)
        layout.rest.write(sums.rest)
        layout.step.write((0..<frames.count).map { (slot: 0, position: $0) })
        layout.graph.compute()
        return (layout.samples.read(), { layout.graph.tapped($0) })
    }
}
