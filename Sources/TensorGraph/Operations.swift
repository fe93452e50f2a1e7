import CGGML
import CMynahKernels

// What every layer is made of. An operation with a kernel of ours (Kernels.swift) uses it where graphs run on the
// processor alone; the form composed from stock ggml stands beside it, serves accelerators and is its test.

/// Sum; a vector is added to every row.
package func + (left: Tensor, right: Tensor) -> Tensor {
    Tensor(ggml_add(left.context, left.node, right.node), left.graph, left.shape)
}

/// Product by element; a vector multiplies every row.
package func * (left: Tensor, right: Tensor) -> Tensor {
    Tensor(ggml_mul(left.context, left.node, right.node), left.graph, left.shape)
}

/// Difference.
package func - (left: Tensor, right: Tensor) -> Tensor {
    Tensor(ggml_sub(left.context, left.node, right.node), left.graph, left.shape)
}

/// Quotient by element.
package func / (left: Tensor, right: Tensor) -> Tensor {
    Tensor(ggml_div(left.context, left.node, right.node), left.graph, left.shape)
}

/// Sum with a resident vector.
package func + (left: Tensor, right: Weight) -> Tensor { left + right.tensor(in: left.graph) }

/// Product with a resident vector.
package func * (left: Tensor, right: Weight) -> Tensor { left * right.tensor(in: left.graph) }

extension Tensor {
    private func map(_ node: UnsafeMutablePointer<ggml_tensor>?) -> Tensor { Tensor(node, graph, shape) }

    private func map(
        _ kernel: mynah_unary_kind,
        _ composed: (OpaquePointer?, UnsafeMutablePointer<ggml_tensor>?) -> UnsafeMutablePointer<ggml_tensor>?
    ) -> Tensor {
        graph.device.usesKernels ? kernelMap(kernel) : map(composed(context, contiguous.node))
    }

    /// x / (1 + e^-x)
    package var silu: Tensor { map(MYNAH_UNARY_SILU, ggml_silu) }
    /// The exact GELU, by the error function.
    package var gelu: Tensor { map(MYNAH_UNARY_GELU, ggml_gelu_erf) }
    /// max(x, 0)
    package var relu: Tensor { map(MYNAH_UNARY_RELU, ggml_relu) }
    /// x where positive, else e^x - 1.
    package var elu: Tensor { map(MYNAH_UNARY_ELU, ggml_elu) }
    /// 1 / (1 + e^-x)
    package var sigmoid: Tensor { map(MYNAH_UNARY_SIGMOID, ggml_sigmoid) }
    /// Hyperbolic tangent.
    package var tanh: Tensor { map(MYNAH_UNARY_TANH, ggml_tanh) }
    /// sin x
    package var sine: Tensor { map(ggml_sin(context, contiguous.node)) }
    /// x²
    package var squared: Tensor { map(ggml_sqr(context, contiguous.node)) }
    /// √x
    package var squareRoot: Tensor { map(ggml_sqrt(context, contiguous.node)) }

    /// Every value times `factor`.
    package func scaled(by factor: Float) -> Tensor { map(ggml_scale(context, node, factor)) }

    /// Every value held within the bounds.
    package func clamped(_ low: Float, _ high: Float) -> Tensor { map(ggml_clamp(context, node, low, high)) }

    /// Softmax over the last dimension.
    package var softmax: Tensor { map(ggml_soft_max(context, contiguous.node)) }

    /// Mean over the last dimension, which becomes 1.
    package var mean: Tensor {
        Tensor(ggml_mean(context, contiguous.node), graph, shape.dropLast() + [1])
    }

    /// Sum over the last dimension, which becomes 1.
    package var sum: Tensor {
        Tensor(ggml_sum_rows(context, contiguous.node), graph, shape.dropLast() + [1])
    }

    /// The tensor repeated to fill `shape`.
    package func repeated(to shape: [Int]) -> Tensor {
        let ne = Self.dimensions(shape)
        return Tensor(ggml_repeat_4d(context, node, ne.0, ne.1, ne.2, ne.3), graph, shape)
    }

    /// w x / sqrt(mean(x²) + epsilon), over the last dimension, statistics in float32.
    package func rmsNormed(_ weight: Weight, epsilon: Float) -> Tensor {
        precondition(
            weight.shape == [shape.last ?? 0], "norm \(weight.path) of \(weight.shape) over \(shape)")
        if graph.device.usesKernels { return kernelRMSNorm(weight, epsilon) }
        return map(ggml_rms_norm(context, contiguous.node, epsilon)) * weight
    }

    /// Mean and variance over the last dimension removed, then weight and bias.
    package func layerNormed(_ weight: Weight, _ bias: Weight, epsilon: Float) -> Tensor {
        precondition(
            weight.shape == [shape.last ?? 0], "norm \(weight.path) of \(weight.shape) over \(shape)")
        if graph.device.usesKernels { return kernelLayerNorm(weight, bias, epsilon) }
        return map(ggml_norm(context, contiguous.node, epsilon)) * weight + bias
    }

    /// x Wᵀ (+ b), for each of `weights`, which share x: `[rows, in]` gives a `[rows, outᵢ]` for each.
    ///
    /// - Parameter residual: added to the result of a single weight.
    package func projected(by weights: [(Weight, bias: Weight?)], adding residual: Tensor? = nil) -> [Tensor]
    {
        precondition(residual == nil || weights.count == 1, "a residual goes to one projection")
        for (weight, _) in weights {
            precondition(
                shape.count == 2 && weight.shape.count == 2 && weight.shape[1] == shape[1],
                "\(weight.path) of \(weight.shape) cannot take rows of \(shape)")
        }
        if graph.device.usesKernels { return kernelLinear(weights, residual: residual) }
        return weights.map { weight, bias in
            let product = ggml_mul_mat(context, weight.tensor(in: graph).node, contiguous.node)
            let result = Tensor(product, graph, [shape[0], weight.shape[0]])
            let biased = bias.map { result + $0 } ?? result
            return residual.map { $0 + biased } ?? biased
        }
    }

    /// silu(x Gᵀ) * (x Uᵀ), the gate of a SwiGLU feed-forward.
    package func gated(_ gate: Weight, _ up: Weight) -> Tensor {
        if graph.device.usesKernels, gate.shape == up.shape { return kernelGated(gate, up) }
        let both = projected(by: [(gate, nil), (up, nil)])
        return both[0].silu * both[1]
    }

    /// Rotary positions on `[rows, heads, width]`: within a head, element i turns with i + width/2 (split-half)
    /// by position · base^(-2i/width). `norm` comes first, over each head.
    package func rotated(at step: Step, after norm: (weight: Weight, epsilon: Float)? = nil) -> Tensor {
        precondition(
            shape.count == 3 && shape[2] == step.headWidth, "rotary of \(shape) by heads of \(step.headWidth)"
        )
        if step.usesKernels { return kernelRotated(step, norm: norm) }
        let normed = norm.map { rmsNormed($0.weight, epsilon: $0.epsilon) } ?? self
        return normed.turned(by: step.rotation)
    }

    /// With cosines c and sines s of each row's angles: (a, b) becomes (a c - b s, b c + a s), a and b the halves
    /// of a head. By angles made in double on the host, as the kernel's are: a device's own powers of the base
    /// are too coarse for positions far out.
    private func turned(by rotation: Tensor) -> Tensor {
        let (rows, heads, width) = (shape[0], shape[1], shape[2])
        func half(_ tensor: Tensor, _ index: Int, of heads: Int) -> Tensor {
            let nb = tensor.node.pointee.nb
            let row = tensor.shape.count == 3 ? (nb.1, nb.2) : (nb.1, nb.1)
            let view = ggml_view_3d(
                context, tensor.node, Int64(width / 2), Int64(heads), Int64(rows), row.0, row.1,
                index * (width / 2) * nb.0)
            return Tensor(view, graph, [rows, heads, width / 2])
        }
        let (a, b) = (half(self, 0, of: heads), half(self, 1, of: heads))
        let (c, s) = (half(rotation, 0, of: 1), half(rotation, 1, of: 1))
        let node = ggml_concat(context, (a * c - b * s).node, (b * c + a * s).node, 0)
        return Tensor(node, graph, shape)
    }

    /// Attention of `[rows, heads, width]` queries over what each row's session has cached, itself included:
    /// softmax(q kᵀ / √width) v, as `[rows, heads x width]`.
    package func attending(to cache: KVCache.Layer, at step: Step) -> Tensor {
        if step.usesKernels { return kernelAttending(cache, step) }
        return composedAttending(cache, step)
    }

    private func composedAttending(_ cache: KVCache.Layer, _ step: Step) -> Tensor {
        guard let mask = step.mask else { preconditionFailure("composed attention needs the step's mask") }
        let (heads, width, keyHeads, rows) = (shape[1], shape[2], cache.heads, cache.keys.shape[0])
        func perHead(_ cached: Tensor) -> UnsafeMutablePointer<ggml_tensor>? {  // [keyHeads, rows, width]
            let row = width * ggml_element_size(cached.node)
            let view = ggml_view_3d(
                context, cached.node, Int64(width), Int64(keyHeads), Int64(rows), row, row * keyHeads, 0)
            let permuted = ggml_permute(context, view, 0, 2, 1, 3)
            return cached.node.pointee.type == GGML_TYPE_F32 ? ggml_cont(context, permuted) : permuted
        }
        // Dense, since ggml's Vulkan takes what is not through float16.
        let queries = ggml_cont(context, ggml_permute(context, contiguous.node, 0, 2, 1, 3))
        let scores = ggml_mul_mat(context, perHead(cache.keys), queries)
        ggml_prec_set_acc(scores, GGML_PREC_F32)
        // Over each slot by itself, then those of other sessions are dropped: under one mask over all of them, a
        // slot that is masked whole makes ggml's Vulkan compute exp(-inf + inf) once a row is longer than 16384.
        let slots = Int64(step.slots), capacity = Int64(step.capacity)
        let bySlot = ggml_reshape_4d(context, scores, capacity, slots, Int64(shape[0]), Int64(heads))
        var weights = ggml_soft_max_ext(context, bySlot, mask.node, 1 / Float(width).squareRoot(), 0)
        if let ownership = step.ownership { weights = ggml_mul(context, weights, ownership.node) }
        weights = ggml_reshape_3d(context, weights, slots * capacity, Int64(shape[0]), Int64(heads))
        let values = ggml_cont(context, ggml_transpose(context, perHead(cache.values)))
        let mixed = ggml_permute(context, ggml_mul_mat(context, values, weights), 0, 2, 1, 3)
        return Tensor(ggml_cont(context, mixed), graph, [shape[0], heads, width]).reshaped(
            shape[0], heads * width)
    }
}
