/// Anything a caller can be told: what was asked, what is wrong, what to do.
public struct SpeechError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is. Open, so that adding one breaks nobody.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The name that `--json` prints.
        public let rawValue: String
        /// A code by name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Does not fit in memory.
        public static let notEnoughMemory = Code(rawValue: "not_enough_memory")
        /// A file or folder is not there.
        public static let missingFile = Code(rawValue: "missing_file")
        /// A file is not of the format it should be.
        public static let wrongFormat = Code(rawValue: "wrong_format")
        /// A model, quantisation or device we do not run.
        public static let unsupported = Code(rawValue: "unsupported")
        /// A file of the right format whose content contradicts itself.
        public static let corruptData = Code(rawValue: "corrupt_data")
        /// No model of that name.
        public static let unknownModel = Code(rawValue: "unknown_model")
        /// No voice of that name.
        public static let unknownVoice = Code(rawValue: "unknown_voice")
        /// No language of that name.
        public static let unknownLanguage = Code(rawValue: "unknown_language")
        /// Text, audio or an option that cannot be used.
        public static let invalidInput = Code(rawValue: "invalid_input")
        /// The hub or the network failed.
        public static let network = Code(rawValue: "network")
        /// A file could not be read or written.
        public static let inputOutput = Code(rawValue: "input_output")
        /// Stopped by the caller.
        public static let cancelled = Code(rawValue: "cancelled")
        /// A run that does not agree with the authors' own within its bounds.
        public static let outOfBounds = Code(rawValue: "out_of_bounds")
        /// A fault of ours.
        public static let unexpected = Code(rawValue: "unexpected")
    }

    /// What kind of failure it is.
    public let code: Code
    /// What was asked and what is wrong.
    public let message: String
    /// What to do about it.
    public let remedy: String
    /// The error beneath, in words.
    public let underlying: String?

    package init(_ code: Code, _ message: String, remedy: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.underlying = underlying?.inWords
    }

    /// The three together, as a person reads them.
    public var description: String {
        let because = underlying.map { " (\($0))" } ?? ""
        return "\(message)\(because) \(remedy)"
    }
}
