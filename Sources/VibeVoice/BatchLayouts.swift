import NeuralLayers
import TensorGraph

// The graphs of a batch. Each serves every step of as many rows; what varies is input.

/// A window of text through both stacks.
struct TextLayout {
    let graph: Graph
    /// Embedded tokens, and the hidden state of each.
    let input, hidden: Tensor
    let lower, upper: Step
}

/// Frames through the upper stack, each as two rows: with text before it, and without.
struct SpeechLayout {
    let graph: Graph
    /// `[frames, latent]`, `[2 x frames, width]` and `[frames, 1]`.
    let latents, hidden, stop: Tensor
    let step: Step
}

extension Batch {
    func makeTextLayout(_ rows: Int, taps: Set<String> = []) -> TextLayout {
        let language = model.language
        let (graph, ends) = Graph.layOut(on: device, nodes: 4096, taps: taps) { graph in
            let input = graph.input("tokens", [rows, language.width])
            let lower = Step(
                in: graph, rows: rows, cache: lowerCache, rotaryBase: language.lower.config.ropeBase)
            let upper = Step(
                in: graph, rows: rows, cache: upperCache, rotaryBase: language.upper.config.ropeBase)
            let text = language.textRows(language.text(input, lower, lowerCache))
            let hidden = language.hidden(text, upper, upperCache)
            graph.output(hidden)
            return (input: input, hidden: hidden, lower: lower, upper: upper)
        }
        return TextLayout(
            graph: graph, input: ends.input, hidden: ends.hidden, lower: ends.lower, upper: ends.upper)
    }

    func makeSpeechLayout(_ frames: Int, taps: Set<String> = []) -> SpeechLayout {
        let language = model.language
        let (graph, ends) = Graph.layOut(on: device, nodes: 4096, taps: taps) { graph in
            let latents = graph.input("latents", [frames, language.latent])
            let step = Step(
                in: graph, rows: 2 * frames, cache: upperCache, rotaryBase: language.upper.config.ropeBase)
            let rows = language.speechRows(latents)
            let hidden = language.hidden(rows.appended(rows), step, upperCache)
            let stop = language.stop(hidden.rows(0, frames).contiguous)
            graph.output(hidden)
            graph.output(stop)
            return (latents: latents, hidden: hidden, stop: stop, step: step)
        }
        return SpeechLayout(
            graph: graph, latents: ends.latents, hidden: ends.hidden, stop: ends.stop, step: ends.step)
    }
}
