/// What a Wyoming client is told of what it may not do.
enum WyomingFailure: Error, Equatable {
    case unreadable(String)
    case markup
    case hints(String)
    case textTooLong(Int)
    case recordingTooLong(Double)
    case sound
    case outOfTurn(String)
    case tooMany(Int)
    case tooMuchAhead(Int)
    case noMemory
}

/// The content of `error`.
struct WyomingError: Encodable, Equatable {
    var text: String
    var code: String

    /// What a client is told of any error.
    init(_ error: any Error) {
        switch error {
        case let error as WyomingFailure: (code, text) = Self.describe(error)
        case let error as WyomingFramingError: (code, text) = Self.describe(error)
        default:
            // The sentences that clients of the other protocol are told.
            let told = APIError(describing: error)
            (code, text) = (told.code, told.message)
        }
    }

    private static func describe(_ error: WyomingFailure) -> (String, String) {
        switch error {
        case .unreadable(let type): ("invalid_input", "The data of '\(type)' is not as the protocol has it.")
        case .hints(let model):
            ("unsupported", "The model '\(model)' takes no names and terms. Leave them out.")
        case .markup: ("unsupported", "SSML is not understood. Send the text as it is read.")
        case .textTooLong(let limit):
            ("invalid_input", "The text is longer than \(limit) characters. Cut it.")
        case .recordingTooLong(let limit):
            ("invalid_input", "The recording is longer than \(Int(limit)) seconds. Cut it.")
        case .sound:
            (
                "unsupported",
                "Only 16-bit samples of 1 to 8 channels at 8000 to 192000 Hz are taken, the same throughout."
            )
        case .outOfTurn(let type): ("invalid_input", "'\(type)' does not belong here.")
        case .tooMuchAhead(let limit):
            ("busy", "\(limit) requests wait on this connection already. Await their answers first.")
        case .noMemory: ("busy", "Too many recordings are being taken in at once. Try again later.")
        case .tooMany(let limit): ("busy", "There are \(limit) connections already. Try again later.")
        }
    }

    private static func describe(_ error: WyomingFramingError) -> (String, String) {
        switch error {
        case .malformed: ("invalid_input", "That was no event of the Wyoming protocol.")
        case .tooLong(let part, let limit):
            ("invalid_input", "The \(part) is longer than \(limit) bytes. Send less at once.")
        }
    }
}
