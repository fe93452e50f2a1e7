import CGGML
package import Checkpoints

/// What a tensor is for, which decides how far it may be rounded.
package enum WeightRole: String, CaseIterable, Sendable {
    /// A projection inside a layer: the bulk of the weights, and what quantisation is for.
    case matrix
    /// A projection to logits: never below 8 bits, since a wrong order of scores is a wrong token.
    case head
    /// A projection inside a network that leads noise to a frame, which is run many times a frame: 8 bits at the
    /// least.
    case diffusion
    /// A projection from frames to a language model's rows: bfloat16 at the least, small as it is.
    case connector
    /// Anything of an encoder of recordings: float32 always. It runs once a voice, and a code off by one stays off.
    case encoder
    /// A projection of the codec's decoder: bfloat16 at the least.
    case codecMatrix
    /// A feed-forward of an audio tokenizer's many channels, nearly all of its weights: 8 bits at the least.
    case codecFeedForward
    /// A convolution's kernel: stored in float32, computed in float32 or bfloat16.
    case convolution
    /// A lookup table: read a row at a time, so a smaller one would gain nothing.
    case embedding
    /// A codebook: stays in float32, distances are taken to it.
    case codebook
    /// Norms, biases and scales.
    case vector
}

/// How weights are held: as stored, or rounded to a type, tensor by tensor as far as each role allows.
package struct Precision: Sendable, Equatable, CustomStringConvertible {
    /// The type asked for; nil keeps what the file has.
    package let type: ElementType?
    /// The one role that is rounded, and as far as asked, while all others stay float32; nil rounds every role as far
    /// as it allows. For measuring what the rounding of one part does.
    package let only: WeightRole?

    package init(_ type: ElementType?, only: WeightRole? = nil) { (self.type, self.only) = (type, only) }

    /// As the file has it.
    package static let stored = Precision(nil)
    /// Float32 throughout, as the reference computes.
    package static let exact = Precision(.f32)

    /// What `--quantize` takes.
    package static let offered: [ElementType] = [.f32, .f16, .bf16, .q8_0, .q6_k, .q5_k, .q4_k, .q4_0]

    package var description: String { type?.rawValue ?? "as stored" }

    /// Whether everything is computed in float32.
    package var isExact: Bool { type == .f32 }

    /// Whether what is for `role` is computed in float32.
    package func isExact(for role: WeightRole) -> Bool { isExact || only.map { $0 != role } ?? false }

    /// The type a tensor has in memory.
    ///
    /// - Returns: the type asked for where the role allows it; where a row is not whole blocks of that type, the
    ///   next finer type whose blocks it fills.
    package func type(for role: WeightRole, stored: ElementType, shape: [Int]) -> ElementType {
        if role == .encoder || isExact(for: role) { return .f32 }
        if let type, role == only, role != .vector, role != .convolution { return Self.fitting(type, shape) }
        guard let type else {
            // The codec is published in float32 beside a bfloat16 model; it is computed as the model is.
            return (role == .codecMatrix || role == .codecFeedForward) && stored == .f32 ? .bf16 : stored
        }
        if stored.blockLength > 1 && !isExact { return stored }
        switch role {
        case .vector, .codebook, .convolution, .encoder: return .f32
        case .embedding: return type.blockLength > 1 ? (stored == .f32 ? .bf16 : stored) : type
        case .codecMatrix, .connector:
            return isExact ? .f32 : type.blockLength > 1 || type == .bf16 ? .bf16 : type
        case .head, .diffusion, .codecFeedForward:
            return Self.fitting([.q4_0, .q4_k, .q5_k, .q6_k].contains(type) ? .q8_0 : type, shape)
        case .matrix: return Self.fitting(type, shape)
        }
    }

    /// The type a tensor has in a converted file: as in memory, but the codec stays as it is stored, since how far it
    /// may be rounded is decided where it runs. What no layer claims (nil) stays as it is.
    package func fileType(for role: WeightRole?, stored: ElementType, shape: [Int]) -> ElementType {
        guard let role, type != nil else { return stored }
        switch role {
        case .codecMatrix, .convolution: return isExact ? .f32 : stored
        default: return self.type(for: role, stored: stored, shape: shape)
        }
    }

    private static func fitting(_ type: ElementType, _ shape: [Int]) -> ElementType {
        let width = shape.last ?? 1
        if width % type.blockLength == 0 { return type }
        return width % ElementType.q8_0.blockLength == 0 ? .q8_0 : .bf16
    }
}

extension ElementType {
    /// ggml's number for the type; nil for types a graph does not compute with.
    var ggml: ggml_type? {
        switch self {
        case .f32: GGML_TYPE_F32
        case .f16: GGML_TYPE_F16
        case .bf16: GGML_TYPE_BF16
        case .q8_0: GGML_TYPE_Q8_0
        case .q6_k: GGML_TYPE_Q6_K
        case .q5_k: GGML_TYPE_Q5_K
        case .q4_k: GGML_TYPE_Q4_K
        case .q4_0: GGML_TYPE_Q4_0
        case .i32: GGML_TYPE_I32
        case .f64, .i64, .i16, .i8, .u8, .bool: nil
        }
    }
}
