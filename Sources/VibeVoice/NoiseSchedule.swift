/// DPM-Solver++(2M) over a cosine schedule with velocity prediction (Lu et al., "DPM-Solver++", 2022), reduced to
/// what each step does: x0 = α x - σ v, then x = cX x + c0 x0 + c1 (x0 - x0 of the step before).
package struct NoiseSchedule: Sendable {
    /// Steps of the training schedule.
    package static let trainingSteps = 1000

    /// One step of the solver.
    package struct Step: Sendable {
        /// The training step that the network is told.
        package let time: Int
        /// Shares of signal and noise in x before the step.
        package let alpha: Float, sigma: Float
        /// Of x, of this step's x0, and of its difference to the last.
        package let cX: Float, c0: Float, c1: Float
    }

    package let steps: [Step]

    /// A schedule of `count` steps, 1 ... 1000.
    package init(steps count: Int) {
        precondition((1...Self.trainingSteps).contains(count), "a schedule of \(count) steps")
        let noise = Self.noiseToSignal()
        // Evenly spaced from the last training step down, as numpy's linspace and rint give; 0 itself is left out.
        let times = (0..<count).map { index in
            let place = Double(count - index) * (Double(Self.trainingSteps - 1) / Double(count))
            return Int(place.rounded(.toNearestOrEven))
        }
        let levels = times.map { Level(noise[$0]) }
        steps = times.indices.map { index in
            Self.step(times[index], levels, index)
        }
    }

    /// A point on the way from noise to signal.
    private struct Level {
        let alpha: Double, sigma: Double
        /// Logarithm of the signal-to-noise ratio, halved.
        let lambda: Double

        init(_ ratio: Float) {
            let ratio = Double(ratio)
            alpha = 1 / (1 + ratio * ratio).squareRoot()
            sigma = ratio * alpha
            lambda = -logarithm(ratio)
        }
    }

    private static func step(_ time: Int, _ levels: [Level], _ index: Int) -> Step {
        let here = levels[index]
        guard index + 1 < levels.count else {
            // The last step ends at no noise at all: x becomes x0.
            return Step(time: time, alpha: Float(here.alpha), sigma: Float(here.sigma), cX: 0, c0: 1, c1: 0)
        }
        let next = levels[index + 1]
        let h = next.lambda - here.lambda
        let c0 = -next.alpha * (exponential(-h) - 1)
        var c1 = 0.0
        if index > 0 {
            let r = (here.lambda - levels[index - 1].lambda) / h
            c1 = c0 / (2 * r)
        }
        return Step(
            time: time, alpha: Float(here.alpha), sigma: Float(here.sigma),
            cX: Float(next.sigma / here.sigma),
            c0: Float(c0), c1: Float(c1))
    }

    /// sqrt((1 - A) / A) of every training step, in float32 as the reference keeps its tables.
    private static func noiseToSignal() -> [Float] {
        var product: Float = 1
        return betas().map { beta in
            product *= 1 - beta
            return ((1 - product) / product).squareRoot()
        }
    }

    /// The training schedule's noise, step by step.
    package static func betas() -> [Float] {
        func remaining(_ step: Int) -> Double {
            let angle = (Double(step) / Double(trainingSteps) + 0.008) / 1.008 * Double.pi / 2
            let share = cosine(angle)
            return share * share
        }
        return (0..<trainingSteps).map { Float(min(1 - remaining($0 + 1) / remaining($0), 0.999)) }
    }
}

/// One frame's way through a schedule.
package struct Solver: Sendable {
    package private(set) var x: [Float]
    /// What the step before thought the end would be.
    package private(set) var x0: [Float] = []

    /// Begins at noise.
    package init(noise: [Float]) { x = noise }

    /// Takes a step along the guided velocity.
    package mutating func advance(_ step: NoiseSchedule.Step, velocity: [Float]) {
        let last = x0
        x0 = zip(x, velocity).map { step.alpha * $0 - step.sigma * $1 }
        for index in x.indices {
            var next = step.cX * x[index] + step.c0 * x0[index]
            if step.c1 != 0 { next += step.c1 * (x0[index] - last[index]) }
            x[index] = next
        }
    }
}
