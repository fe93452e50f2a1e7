/// An error of a layer beneath that knows what a person is told of it.
package protocol ExplainedError: Error {
    var explanation: SpeechError { get }
}

extension SpeechError {
    /// Runs `body`; an error that knows its words becomes them.
    package static func translating<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as any ExplainedError {
            throw error.explanation
        }
    }
}
