/// What measurements need to know of the family.
package enum VibeVoiceFamily {
    /// Seconds of sound in a frame.
    package static let frameSeconds = 3200.0 / 24_000
    /// The authors' numbers of diffusion steps, by the names of those that have them.
    package static let defaultSteps = [
        VibeVoiceRealtimeFamily.modelType: Model.defaultSteps,
        VibeVoiceLongFamily.modelType: LongModel.defaultSteps,
    ]
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

extension ContinuousClock {
    /// How long `work` took, in seconds.
    static func seconds(_ work: () throws -> Void) rethrows -> Double {
        let start = now
        try work()
        return (now - start).seconds
    }
}
