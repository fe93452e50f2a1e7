package import Checkpoints
package import TensorGraph

/// What a frame of 3200 samples costs at the least: the weights it reads and the products it forms. Attention over
/// the cache is left out.
package struct VibeVoiceCost: Sendable, Equatable {
    /// Bytes of the language model's layers that a frame's rows read; those with text and without are one batch.
    package var languageBytes = 0
    /// Bytes of the layers that text reads before those, and multiply-adds of a row of text in all layers.
    package var textBytes = 0, rowProducts = 0
    /// Bytes of the head that a step of the diffusion reads.
    package var headBytes = 0
    /// Bytes and multiply-adds of a frame's decoding and of either encoder's frame.
    package var decoder = Convolutions(), semantic = Convolutions(), acoustic = Convolutions()
    /// Bytes of the projection to all tokens' scores, where a model writes.
    package var scoreBytes = 0

    /// A network of convolutions.
    package struct Convolutions: Sendable, Equatable {
        package var bytes = 0, products = 0
    }

    /// The cost of a checkpoint in the authors' layout when it is held in `precision`.
    ///
    /// - Parameter roles: what each tensor is for.
    package init(_ tensors: [StoredTensor], _ roles: [String: WeightRole], _ precision: Precision) {
        self.init(
            tensors.compactMap { tensor in
                roles[tensor.name].map { (tensor.name, tensor.shape, tensor.type, $0) }
            }, precision)
    }

    package init(
        _ tensors: [(name: String, shape: [Int], type: ElementType, role: WeightRole)], _ precision: Precision
    ) {
        let steps = StepCounts(tensors.map { ($0.name, $0.shape) })
        for (name, shape, stored, role) in tensors {
            let (bytes, count) = (Self.bytes(shape, stored, role, precision), shape.reduce(1, *))
            let isMatrix = shape.count > 1
            if name.hasPrefix("model.tts_language_model.layers.")
                || name.hasPrefix("model.language_model.layers.")
            {
                if isMatrix { rowProducts += count }
                // Of two stacks only the upper one is given frames.
                if steps.hasUpperStack, name.hasPrefix("model.language_model.") {
                    textBytes += bytes
                } else {
                    languageBytes += bytes
                }
            } else if name.hasPrefix("model.prediction_head.") {
                if !name.contains("t_embedder"), !name.contains("cond_proj") { headBytes += bytes }
            } else if name.hasPrefix("lm_head.") {
                scoreBytes += bytes
            } else if let rate = steps.rate(name) {
                let cost = Convolutions(bytes: bytes, products: isMatrix ? count * rate : 0)
                if name.contains(".decoder.") { decoder += cost }
                if name.hasPrefix("model.semantic_tokenizer.encoder.") { semantic += cost }
                if name.hasPrefix("model.acoustic_tokenizer.encoder.") { acoustic += cost }
            }
        }
    }

    private static func bytes(
        _ shape: [Int], _ stored: ElementType, _ role: WeightRole, _ precision: Precision
    ) -> Int {
        var type = precision.type(for: role, stored: stored, shape: shape)
        if shape.count == 1 { type = .f32 }
        // Kernels are packed in the type they are computed in.
        if role == .convolution { type = precision.isExact ? .f32 : .bf16 }
        return type.byteCount(shape) ?? 0
    }
}

extension VibeVoiceCost.Convolutions {
    fileprivate static func += (sum: inout Self, more: Self) {
        sum.bytes += more.bytes
        sum.products += more.products
    }
}

/// How many steps of a frame each convolution works on, from the shapes of those that change the rate.
private struct StepCounts {
    let hasUpperStack: Bool
    /// By the path of a rate-changing layer, less its last two names.
    private var ratios: [String: [Int]] = [:]

    init(_ tensors: [(name: String, shape: [Int])]) {
        hasUpperStack = tensors.contains { $0.name.hasPrefix("model.tts_language_model.") }
        for (part, layers, kind) in [
            ("acoustic_tokenizer.decoder", "upsample_layers", "convtr.convtr"),
            ("acoustic_tokenizer.encoder", "downsample_layers", "conv.conv"),
            ("semantic_tokenizer.encoder", "downsample_layers", "conv.conv"),
        ] {
            var list: [Int] = []
            while let layer = tensors.first(where: {
                $0.name == "model.\(part).\(layers).\(list.count + 1).0.\(kind).weight"
            }) {
                list.append((layer.shape.last ?? 2) / 2)
            }
            ratios["model.\(part)"] = list
        }
    }

    /// Applications of a tensor in a frame; nil for one of no tokenizer.
    func rate(_ name: String) -> Int? {
        guard let (path, ratios) = ratios.first(where: { name.hasPrefix($0.key + ".") }), !ratios.isEmpty
        else { return nil }
        let rest = name.dropFirst(path.count + 1).split(separator: ".")
        let stage = rest.count > 1 ? Int(rest[1]) ?? ratios.count : ratios.count
        if path.hasSuffix("decoder") {
            // A transposed convolution's kernel is applied at the rate before it.
            let raised = rest.first == "upsample_layers" ? max(0, stage - 1) : stage
            return ratios.prefix(raised).reduce(1, *)
        }
        return rest.first == "head" ? 1 : ratios.dropFirst(stage).reduce(1, *)
    }
}
