import NeuralLayers
import SpeechCore

extension ParityReport {
    /// Scenario `a` of a golden file, each pass of the head and each step given the golden value before it.
    mutating func compareDiffusion(_ diffusion: Diffusion, with golden: GoldenFile, _ bounds: ParityBounds)
        throws
    {
        func compare(_ name: String, _ ours: [Float], into report: inout ParityReport) {
            report.compare(name, ours, with: golden, bound: bounds.values)
        }
        let (steps, guidance): (Int, Float) = (try golden.number("a_steps"), try golden.number("a_cfg"))
        guard (1...100).contains(steps) else { return compare("a_dh_t", [], into: &self) }
        let (latent, width, schedule) = (
            diffusion.head.latent, diffusion.head.width, diffusion.schedule(steps)
        )
        compare("a_dh_t", schedule.steps.map { Float($0.time) }, into: &self)
        let (noise, conditions, inputs, outputs) = (
            golden.values("a_noise"), golden.values("a_dh_cond"), golden.values("a_dh_in"),
            golden.values("a_dh_out")
        )
        var (ours, guided, x0, samples): ([Float], [Float], [Float], [Float]) = ([], [], [], [])
        for frame in 0..<(golden.shape("a_noise").first ?? 0) {
            let start = frame * 2 * width
            let projected = diffusion.conditions([
                (
                    Array(conditions[start..<start + width]),
                    Array(conditions[start + width..<start + 2 * width])
                )
            ])
            var solver = Solver(noise: Array(noise[frame * 2 * latent..<(frame * 2 + 1) * latent]))
            for step in 0..<steps {
                let place = (frame * steps + step) * 2 * latent
                let x = Array(inputs[place..<place + latent])
                let pair = diffusion.velocities([(x, projected[0], schedule.embeddings[step])])[0]
                ours += pair.positive + pair.negative
                let known = (
                    positive: Array(outputs[place..<place + latent]),
                    negative: Array(outputs[place + latent..<place + 2 * latent])
                )
                let velocity = Diffusion.guided(known, by: guidance)
                solver.advance(schedule.steps[step], velocity: velocity)
                guided += velocity
                x0 += solver.x0
                samples += solver.x
            }
        }
        compare("a_dh_out", ours, into: &self)
        compare("a_v_guided", guided, into: &self)
        compare("a_x0_pred", x0, into: &self)
        compare("a_sample_steps", samples, into: &self)
    }
}
