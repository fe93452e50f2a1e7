import Checkpoints
import NeuralLayers
import TensorGraph
import Testing
import VibeVoice

/// The solver against tables and trajectories of diffusers.
@Suite struct NoiseScheduleTests {
    private let tables: CheckpointFile

    init() throws { tables = try CheckpointFile(path: Fixture.folder + "/scheduler.safetensors") }

    private func values(_ name: String) throws -> [Float] { Conversion.floats(try #require(tables[name])) }

    private func integers(_ name: String) throws -> [Int] {
        let tensor = try #require(tables[name])
        return (0..<tensor.shape[0]).map {
            Int(tensor.bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
        }
    }

    @Test func `the training noise is diffusers' own`() throws {
        let golden = try values("betas")
        for (ours, theirs) in zip(NoiseSchedule.betas(), golden) {
            #expect(abs(ours - theirs) <= 1e-6 * theirs)
        }
        #expect(golden.count == NoiseSchedule.betas().count)
    }

    @Test(arguments: [2, 5, 10, 15, 20, 30])
    func `times and coefficients are those of the table`(count: Int) throws {
        let steps = NoiseSchedule(steps: count).steps
        #expect(try steps.map(\.time) == integers("s\(count)_timesteps"))
        let golden = try values("s\(count)_ode_coef")
        for (index, step) in steps.enumerated() {
            for (ours, theirs) in zip([step.cX, step.c0, step.c1], golden[(index * 4)...]) {
                #expect(abs(ours - theirs) < 2e-5, "step \(index): \(ours), not \(theirs)")
            }
        }
    }

    @Test(arguments: [2, 5, 10, 15, 20, 30])
    func `a trajectory goes where diffusers' goes`(count: Int) throws {
        var solver = Solver(noise: try values("s\(count)_x"))
        let (velocities, golden) = (try values("s\(count)_v"), try values("s\(count)_ode_samples"))
        for (index, step) in NoiseSchedule(steps: count).steps.enumerated() {
            solver.advance(step, velocity: Array(velocities[index * 8..<(index + 1) * 8]))
            for (ours, theirs) in zip(solver.x, golden[(index * 8)...]) { #expect(abs(ours - theirs) < 5e-5) }
        }
    }

    @Test func `one step ends at what it thinks the end is`() {
        let step = NoiseSchedule(steps: 1).steps
        #expect(step.map(\.time) == [999])
        var solver = Solver(noise: [0.5, -1])
        solver.advance(step[0], velocity: [2, 3])
        #expect(solver.x == solver.x0)
    }

    @Test func `drawn noise is normal, and a seed draws it again`() {
        var source = GaussianSource(seed: 7)
        let values = source.next(100_000)
        let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
        let variance = values.reduce(0) { $0 + Double($1) * Double($1) } / Double(values.count)
        #expect(abs(mean) < 0.015)
        #expect(abs(variance - 1) < 0.02)
        let beyond = values.filter { abs($0) > 1.959964 }.count
        #expect((4600...5400).contains(beyond))
        var again = GaussianSource(seed: 7)
        #expect(again.next(101) == Array(values.prefix(101)))
        var other = GaussianSource(seed: 8)
        #expect(other.next(4) != Array(values.prefix(4)))
    }
}
