import NeuralLayers
import TensorGraph

/// Noise to latents on a device, through the head and its solver, for as many frames at once as are asked for.
final class Diffusion {
    let head: DiffusionHead
    private let device: Device
    private var conditionLayouts: [Int: ConditionLayout] = [:]
    private var velocityLayouts: [Int: VelocityLayout] = [:]
    private var schedules: [Int: Schedule] = [:]

    /// The solver's steps, and what each adds to the head's conditions.
    struct Schedule {
        let steps: [NoiseSchedule.Step]
        let embeddings: [[Float]]
    }

    /// A frame to be made.
    struct Frame {
        /// The language model's last states: with what is to be said, and without.
        let hidden: (positive: [Float], negative: [Float])
        let noise: [Float]
        let steps: Int
        let guidance: Float
    }

    init(_ head: DiffusionHead, on device: Device) { (self.head, self.device) = (head, device) }

    /// A latent for each frame: its noise, led by two conditions through the steps of its schedule. Those with fewer
    /// steps are done sooner.
    func latents(_ frames: [Frame]) -> [[Float]] {
        guard !frames.isEmpty else { return [] }
        let conditions = conditions(frames.map(\.hidden))
        var solvers = frames.map { Solver(noise: $0.noise) }
        for index in 0..<(frames.map(\.steps).max() ?? 0) {
            let active = frames.indices.filter { frames[$0].steps > index }
            let schedules = active.map { schedule(frames[$0].steps) }
            let velocities = velocities(
                zip(active, schedules).map { place, schedule in
                    (solvers[place].x, conditions[place], schedule.embeddings[index])
                })
            for (row, place) in active.enumerated() {
                let guided = Self.guided(velocities[row], by: frames[place].guidance)
                solvers[place].advance(schedules[row].steps[index], velocity: guided)
            }
        }
        return solvers.map(\.x)
    }

    /// The velocity with the condition, away from the one without.
    static func guided(_ pair: (positive: [Float], negative: [Float]), by scale: Float) -> [Float] {
        zip(pair.positive, pair.negative).map { $1 + scale * ($0 - $1) }
    }

    /// The steps of a schedule, made once.
    func schedule(_ count: Int) -> Schedule {
        if let schedule = schedules[count] { return schedule }
        let steps = NoiseSchedule(steps: count).steps
        let (graph, ends) = Graph.layOut(on: device, nodes: 64) { graph in
            let sinusoids = DiffusionHead.sinusoids(steps.map(\.time))
            let x = graph.input("sinusoids", [count, sinusoids.count / count])
            let y = head.timeEmbedding(x)
            graph.output(y)
            return (x: x, y: y, values: sinusoids)
        }
        ends.x.write(ends.values)
        graph.compute()
        let (values, width) = (ends.y.read(), head.width)
        let embeddings = (0..<count).map { Array(values[$0 * width..<($0 + 1) * width]) }
        let schedule = Schedule(steps: steps, embeddings: embeddings)
        schedules[count] = schedule
        return schedule
    }

    /// What the head makes of the hidden states with text and without, of each session.
    func conditions(_ hidden: [(positive: [Float], negative: [Float])]) -> [(
        positive: [Float], negative: [Float]
    )] {
        let (layout, width, count) = (conditionLayout(hidden.count), head.width, hidden.count)
        layout.hidden.write(hidden.flatMap(\.positive) + hidden.flatMap(\.negative))
        layout.graph.compute()
        let values = layout.conditions.read()
        func row(_ index: Int) -> [Float] { Array(values[index * width..<(index + 1) * width]) }
        return (0..<count).map { (row($0), row(count + $0)) }
    }

    /// One pass of the head: the velocities of each session's x under both of its conditions.
    func velocities(
        _ inputs: [(x: [Float], conditions: (positive: [Float], negative: [Float]), step: [Float])]
    ) -> [(positive: [Float], negative: [Float])] {
        let (layout, latent, count) = (velocityLayout(inputs.count), head.latent, inputs.count)
        let x = inputs.flatMap(\.x)
        layout.x.write(x + x)
        layout.conditions.write(
            inputs.flatMap { sum($0.conditions.positive, $0.step) }
                + inputs.flatMap { sum($0.conditions.negative, $0.step) })
        layout.graph.compute()
        let values = layout.velocities.read()
        func row(_ index: Int) -> [Float] { Array(values[index * latent..<(index + 1) * latent]) }
        return (0..<count).map { (row($0), row(count + $0)) }
    }

    private func sum(_ left: [Float], _ right: [Float]) -> [Float] { zip(left, right).map { $0 + $1 } }

    // MARK: layouts kept for their size

    private func conditionLayout(_ frames: Int) -> ConditionLayout {
        if let layout = conditionLayouts[frames] { return layout }
        let layout = makeConditionLayout(frames)
        conditionLayouts[frames] = layout
        return layout
    }

    private func velocityLayout(_ frames: Int) -> VelocityLayout {
        if let layout = velocityLayouts[frames] { return layout }
        let layout = makeVelocityLayout(frames)
        velocityLayouts[frames] = layout
        return layout
    }

    private func makeConditionLayout(_ sessions: Int) -> ConditionLayout {
        let (graph, ends) = Graph.layOut(on: device, nodes: 64) { graph in
            let hidden = graph.input("hidden", [2 * sessions, head.width])
            let conditions = head.conditions(hidden)
            graph.output(conditions)
            return (hidden: hidden, conditions: conditions)
        }
        return ConditionLayout(graph: graph, hidden: ends.hidden, conditions: ends.conditions)
    }

    private func makeVelocityLayout(_ sessions: Int) -> VelocityLayout {
        let (graph, ends) = Graph.layOut(on: device, nodes: 2048) { graph in
            let x = graph.input("x", [2 * sessions, head.latent])
            let conditions = graph.input("conditions", [2 * sessions, head.width])
            let velocities = head(x, conditions)
            graph.output(velocities)
            return (x: x, conditions: conditions, velocities: velocities)
        }
        return VelocityLayout(
            graph: graph, x: ends.x, conditions: ends.conditions, velocities: ends.velocities)
    }
}

/// Hidden states to conditions of the head.
private struct ConditionLayout {
    let graph: Graph
    let hidden, conditions: Tensor
}

/// One pass of the head: rows with text first, those without after.
private struct VelocityLayout {
    let graph: Graph
    let x, conditions, velocities: Tensor
}
