package import Checkpoints
package import TensorGraph

/// What one frame of 80 ms costs at the least: the weights it reads and the products it forms. Attention over the
/// cache, a few percent at most, is left out.
package struct FrameCost: Sendable, Equatable {
    /// Bytes of weights the talker reads for a row, which may be shared by rows of other requests.
    package var talkerBytes = 0
    /// Bytes of weights the code predictor reads for the fifteen passes of a frame.
    package var predictorBytes = 0
    /// Multiply-adds of a row of the talker, without its head, and of the codec's decoder for a frame.
    package var talkerProducts = 0, codecProducts = 0

    /// The cost of a checkpoint's tensors when they are held in `precision`.
    ///
    /// - Returns: nil where the names are not this family's.
    package init?(_ files: ModelFiles, _ precision: Precision) {
        self.init(files.tensors.map { Stored(name: $0.name, type: $0.type, shape: $0.shape) }, precision)
    }

    /// A tensor as a file describes it.
    package struct Stored {
        let name: String
        let type: ElementType
        let shape: [Int]

        package init(name: String, type: ElementType, shape: [Int]) {
            (self.name, self.type, self.shape) = (name, type, shape)
        }
    }

    package init?(_ tensors: [Stored], _ precision: Precision) {
        var (layers, heads, passes) = (0, 0, 0)
        for tensor in tensors {
            let name = tensor.name
            if name.hasPrefix("talker.model.layers.") {
                talkerBytes += Self.bytes(tensor, precision)
                if tensor.shape.count == 2 { talkerProducts += tensor.shape.reduce(1, *) }
            } else if name.hasPrefix("talker.codec_head.") {
                talkerBytes += Self.bytes(tensor, precision, .head)
            } else if name.hasPrefix("talker.code_predictor.lm_head.") {
                heads += Self.bytes(tensor, precision, .head)
                passes += 1
            } else if name.hasPrefix("talker.code_predictor."), !name.contains("codec_embedding") {
                layers += Self.bytes(tensor, precision)
            }
        }
        guard talkerBytes > 0, passes > 0 else { return nil }
        predictorBytes = passes * layers + heads
        codecProducts = Self.codecProducts(tensors)
    }

    private static func bytes(_ tensor: Stored, _ precision: Precision, _ role: WeightRole = .matrix) -> Int {
        let role = tensor.shape.count == 1 ? WeightRole.vector : role
        let type =
            role == .vector ? .f32 : precision.type(for: role, stored: tensor.type, shape: tensor.shape)
        return type.byteCount(tensor.shape) ?? 0
    }

    /// Each kernel's products, times the steps a frame has where it stands: the rate rises with every transposed
    /// convolution, whose own kernel is applied at the rate before it.
    private static func codecProducts(_ tensors: [Stored]) -> Int {
        var shapes: [String: [Int]] = [:]
        for tensor in tensors where tensor.name.hasPrefix("decoder.") { shapes[tensor.name] = tensor.shape }
        var (rate, rates) = (1, [String: Int]())
        for index in 0..<8 {
            guard let shape = shapes["decoder.upsample.\(index).0.conv.weight"] else { break }
            rates["decoder.upsample.\(index).0."] = rate
            rate *= shape[2]
            rates["decoder.upsample.\(index).1."] = rate
        }
        for index in 0..<16 {
            if let shape = shapes["decoder.decoder.\(index).block.1.conv.weight"] {
                rates["decoder.decoder.\(index).block.1."] = rate
                rate *= shape[2] / 2
                for unit in 2...4 { rates["decoder.decoder.\(index).block.\(unit)."] = rate }
            } else {
                rates["decoder.decoder.\(index).conv."] = rate
            }
        }
        return shapes.reduce(0) { sum, entry in
            let (name, shape) = entry
            // Vectors are no kernels, codebooks are looked up, and the quantiser's input side serves encoding.
            guard shape.count > 1, !name.contains("_codebook"), !name.contains("quantizer.rvq_first.input"),
                !name.contains("quantizer.rvq_rest.input")
            else { return sum }
            let rate = rates.first { name.hasPrefix($0.key) }?.value ?? 1
            return sum + shape.reduce(rate, *)
        }
    }
}
