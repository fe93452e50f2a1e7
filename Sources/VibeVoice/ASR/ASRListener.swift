import NeuralLayers
import TensorGraph

/// Both encoders over one recording, a segment at a time.
final class ASRListener {
    /// Frames in a segment: about four seconds, so that activations stay at some tens of megabytes. The authors
    /// take a minute; any whole number of frames gives the same.
    static let framesTogether = 32

    private let acoustic, semantic: EncoderStream
    private let samples: [Float]
    private let segment: Int, hop: Int
    private var position = 0
    private(set) var frames = ASRFrames()

    /// - Parameter segment: samples taken together, whole frames of them; nil for the usual number.
    init(_ model: ASRModel, _ samples: [Float], on device: Device, segment: Int? = nil) {
        acoustic = EncoderStream(model.acoustic, on: device)
        semantic = EncoderStream(model.semantic, on: device)
        hop = model.config.hop
        self.segment = segment ?? hop * Self.framesTogether
        precondition(self.segment % hop == 0, "a segment of \(self.segment) samples is not whole frames")
        self.samples = samples
    }

    /// Share of the recording heard so far.
    var progress: Double { Double(position) / Double(max(1, samples.count)) }
    var isDone: Bool { position >= samples.count }

    /// Hears the next segment.
    func step() {
        let end = min(position + segment, samples.count)
        let piece = Array(samples[position..<end])
        frames.acoustic += acoustic.encode(piece)
        frames.semantic += semantic.encode(piece)
        frames.count += (piece.count + hop - 1) / hop
        position = end
    }

    /// Hears all there is.
    func finish() -> ASRFrames {
        while !isDone { step() }
        return frames
    }
}

extension ASRFrames {
    /// The frames drawn around their means as the authors' code draws them: one scale for the whole recording
    /// times a value for each number. `mean + noise · scale · values`.
    func sampled(noise: Float, scale: Float, values: [Float]) -> ASRFrames {
        var frames = self
        for index in frames.acoustic.indices where index < values.count {
            frames.acoustic[index] += noise * scale * values[index]
        }
        return frames
    }
}
