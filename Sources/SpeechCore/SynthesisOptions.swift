/// How tokens are drawn from a distribution.
public struct Sampling: Sendable, Equatable {
    /// Off: the likeliest token always.
    public var isRandom: Bool
    /// Divides the logits; above zero.
    public var temperature: Float
    /// Keep this many of the likeliest, ties included; 0 keeps all.
    public var topK: Int
    /// Keep the smallest set of at least this mass; 1 keeps all.
    public var topP: Float

    /// Sampling by these numbers.
    public init(isRandom: Bool = true, temperature: Float, topK: Int, topP: Float) {
        self.isRandom = isRandom
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
    }
}

/// Choices about generation that are not about what is said. What is nil is taken from the checkpoint's
/// `generation_config.json`.
public struct SynthesisOptions: Sendable {
    /// Same seed, same request, same audio. Nil draws one.
    public var seed: UInt64?
    /// Sampling of the first code of each frame.
    public var sampling: Sampling?
    /// Sampling of the other codes of each frame.
    public var subSampling: Sampling?
    /// Penalty on codes already drawn; 1 is none.
    public var repetitionPenalty: Float?
    /// Most tokens the talker may draw for one sentence group; the last is never expanded, so frames are one fewer.
    public var maximumTokens: Int?
    /// Fewest tokens before the end token may be drawn.
    public var minimumTokens: Int?
    /// Whether the prompt carries the text whole, or a token a frame. Nil is the model's default for the voice.
    public var wholeText: Bool?
    /// Longest piece of text given to the model at once, in text tokens.
    public var tokensPerSegment: Int
    /// Frames decoded together. One gives sound soonest; several read the codec's weights once for all of them.
    public var framesPerChunk: Int

    /// Steps of a diffusion model's solver for each frame: fewer are faster. Nil is the authors' number.
    public var diffusionSteps: Int?
    /// How far a diffusion model is pushed from what it would say to no text; 1 is not at all. Nil is the authors'.
    public var guidance: Float?

    /// Options; what is not given is the checkpoint's.
    public init(
        seed: UInt64? = nil, sampling: Sampling? = nil, subSampling: Sampling? = nil,
        repetitionPenalty: Float? = nil, maximumTokens: Int? = nil, minimumTokens: Int? = nil,
        wholeText: Bool? = nil, tokensPerSegment: Int = 200, framesPerChunk: Int = 4,
        diffusionSteps: Int? = nil, guidance: Float? = nil
    ) {
        self.seed = seed
        self.sampling = sampling
        self.subSampling = subSampling
        self.repetitionPenalty = repetitionPenalty
        self.maximumTokens = maximumTokens
        self.minimumTokens = minimumTokens
        self.wholeText = wholeText
        self.tokensPerSegment = tokensPerSegment
        self.framesPerChunk = framesPerChunk
        self.diffusionSteps = diffusionSteps
        self.guidance = guidance
    }

    /// Always the likeliest token, in every code.
    public static var greedy: SynthesisOptions {
        let greedy = Sampling(isRandom: false, temperature: 1, topK: 0, topP: 1)
        return SynthesisOptions(sampling: greedy, subSampling: greedy)
    }
}
