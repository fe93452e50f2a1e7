/// What a model that listens is, as `models` shows it.
public struct TranscriberCard: Sendable, Codable, Equatable {
    /// The family.
    public var family: String
    /// Size as its authors label it.
    public var size: String
    /// The longest recording it takes, in seconds.
    public var longestRecording: Double
    /// Whether it tells speakers apart.
    public var tellsSpeakers: Bool
    /// Whether it takes names and terms to listen for.
    public var takesContext: Bool
    /// Whether it can write English for what is said in another language.
    public var translates: Bool

    package init(
        family: String, size: String, longestRecording: Double, tellsSpeakers: Bool, takesContext: Bool,
        translates: Bool = false
    ) {
        self.family = family
        self.size = size
        self.longestRecording = longestRecording
        self.tellsSpeakers = tellsSpeakers
        self.takesContext = takesContext
        self.translates = translates
    }
}

/// A loaded model that listens. Used from one thread.
package protocol Transcriber: AnyObject {
    var card: TranscriberCard { get }

    /// Checks a recording of any sample rate, and makes ready. Nothing is computed before the first step.
    ///
    /// - Throws: `SpeechError` when the model cannot honour it.
    func begin(_ audio: AudioBuffer, _ options: TranscriptionOptions) throws -> any Transcription
}

/// One recording being written down. Letting go of it ends the work.
package protocol Transcription: AnyObject {
    /// Moves on by a bounded piece of work: some seconds heard, some rows read, or a token written. The last step
    /// gives `finished`; after that there is none.
    func step() throws -> [TranscriptionEvent]

    /// Where the time went so far.
    var timings: TranscriptionTimings { get }
}

/// Seconds spent and work done in each stage of a transcription.
package struct TranscriptionTimings: Sendable, Equatable {
    /// Seconds in the encoders, and seconds of sound that they heard.
    package var encodeSeconds = 0.0, heardSeconds = 0.0
    /// Seconds in the prompt, and rows of it.
    package var prefillSeconds = 0.0, prefillRows = 0
    /// Seconds in the model for tokens written, one after the other, and how many it was given.
    package var writeSeconds = 0.0, tokens = 0

    package init() {}
}
