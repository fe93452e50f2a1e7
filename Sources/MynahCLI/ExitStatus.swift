import SpeechCore

/// The exit status of each kind of failure: the one table.
enum ExitStatus {
    /// Code, status, and what it means to a script.
    static let table: [(code: SpeechError.Code, status: Int32, meaning: String)] = [
        (.unexpected, 1, "a fault of the program"),
        (.outOfBounds, 2, "a comparison or a check failed"),
        (.missingFile, 3, "a file or folder is not there"),
        (.wrongFormat, 4, "a file is of the wrong format"),
        (.corruptData, 5, "a file is damaged"),
        (.unsupported, 6, "not supported by this model or machine"),
        (.notEnoughMemory, 7, "does not fit in memory"),
        (.unknownModel, 8, "no model of that name"),
        (.unknownVoice, 9, "no voice of that name"),
        (.unknownLanguage, 10, "no language of that name"),
        (.invalidInput, 11, "text, sound or an option that cannot be used"),
        (.network, 12, "the hub or the network failed"),
        (.inputOutput, 13, "a file could not be read or written"),
        (.cancelled, 130, "stopped by a signal"),
    ]

    /// The status of a code; 1 for one that the table lacks.
    static func of(_ code: SpeechError.Code) -> Int32 { table.first { $0.code == code }?.status ?? 1 }

    /// The table as help shows it.
    static let help =
        "EXIT STATUS\n"
        + ([(0, "success"), (64, "the command line could not be understood")]
        + table.map { ($0.status, $0.meaning) })
        .sorted { $0.0 < $1.0 }
        .map { status, meaning in "  " + "\(status)".padded(to: 4) + meaning }
        .joined(separator: "\n")
}
