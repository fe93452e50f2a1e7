package import SpeechCore

// What is asked of a model, and what it answers, between the processes.

extension AudioBuffer: WireForm {
    /// Sample rates beyond this are no sound.
    private static let highestRate = 768_000

    package init(from wire: inout WireReader) throws(WireError) {
        let rate = Int(try wire.get(UInt32.self))
        guard (1...Self.highestRate).contains(rate) else { throw .invalid("a sample rate") }
        self.init(samples: try wire.samples(), sampleRate: rate)
    }
    package func write(to wire: inout WireWriter) {
        wire.put(UInt32(clamping: sampleRate))
        wire.put(samples: samples)
    }
}

extension Recording: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self.init(try wire.get(), transcript: try wire.get())
    }
    package func write(to wire: inout WireWriter) {
        wire.put(audio)
        wire.put(transcript)
    }
}

extension VoiceProfile: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self.init(
            name: try wire.get(), family: try wire.get(), speakerVector: try wire.samples(),
            codes: try wire.get(), transcript: try wire.get(), presetFile: try wire.get())
    }
    package func write(to wire: inout WireWriter) {
        wire.put(name)
        wire.put(family)
        wire.put(samples: speakerVector)
        wire.put(codes)
        wire.put(transcript)
        wire.put(presetFile)
    }
}

extension Voice: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        switch try wire.byte() {
        case 0: self = .standard
        case 1: self = .preset(try wire.get())
        case 2: self = .cloned(try wire.get())
        case 3: self = .described(try wire.get())
        case 4: self = .prepared(try wire.get())
        case let other: throw .unknown("voice", UInt64(other))
        }
    }
    package func write(to wire: inout WireWriter) {
        switch self {
        case .standard: wire.put(UInt8(0))
        case .preset(let name):
            wire.put(UInt8(1))
            wire.put(name)
        case .cloned(let recording):
            wire.put(UInt8(2))
            wire.put(recording)
        case .described(let words):
            wire.put(UInt8(3))
            wire.put(words)
        case .prepared(let profile):
            wire.put(UInt8(4))
            wire.put(profile)
        }
    }
}

extension Delivery: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self = try wire.get(String?.self).map(Delivery.instructed) ?? .plain
    }
    package func write(to wire: inout WireWriter) {
        switch self {
        case .plain: wire.put(String?.none)
        case .instructed(let words): wire.put(String?.some(words))
        }
    }
}

extension Sampling: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self.init(
            isRandom: try wire.get(), temperature: try wire.get(), topK: try wire.get(), topP: try wire.get())
    }
    package func write(to wire: inout WireWriter) {
        wire.put(isRandom)
        wire.put(temperature)
        wire.put(topK)
        wire.put(topP)
    }
}

extension SynthesisOptions: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self.init(
            seed: try wire.get(), sampling: try wire.get(), subSampling: try wire.get(),
            repetitionPenalty: try wire.get(), maximumTokens: try wire.get(), minimumTokens: try wire.get(),
            wholeText: try wire.get(), tokensPerSegment: try wire.get(), framesPerChunk: try wire.get(),
            diffusionSteps: try wire.get(), guidance: try wire.get())
    }
    package func write(to wire: inout WireWriter) {
        wire.put(seed)
        wire.put(sampling)
        wire.put(subSampling)
        wire.put(repetitionPenalty)
        wire.put(maximumTokens)
        wire.put(minimumTokens)
        wire.put(wholeText)
        wire.put(tokensPerSegment)
        wire.put(framesPerChunk)
        wire.put(diffusionSteps)
        wire.put(guidance)
    }
}

extension AudioChunk: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        let frames = Int(try wire.get(UInt32.self))
        let turn = try wire.get(Int?.self)
        let ending: Ending? =
            switch try wire.byte() {
            case 0: nil
            case 1: .natural
            case 2: .limit
            case let other: throw .unknown("ending", UInt64(other))
            }
        self.init(audio: try wire.get(), frames: frames, turn: turn, ending: ending)
    }
    package func write(to wire: inout WireWriter) {
        wire.put(UInt32(clamping: frames))
        wire.put(turn)
        let ending: UInt8 =
            switch self.ending {
            case nil: 0
            case .natural: 1
            case .limit: 2
            }
        wire.put(ending)
        wire.put(audio)
    }
}

extension SpeechError: WireForm {
    private struct Beneath: Error, CustomStringConvertible { let description: String }

    package init(from wire: inout WireReader) throws(WireError) {
        self.init(
            Code(rawValue: try wire.get()), try wire.get(), remedy: try wire.get(),
            underlying: try wire.get(String?.self).map(Beneath.init))
    }
    package func write(to wire: inout WireWriter) {
        wire.put(code.rawValue)
        wire.put(message)
        wire.put(remedy)
        wire.put(underlying)
    }
}
