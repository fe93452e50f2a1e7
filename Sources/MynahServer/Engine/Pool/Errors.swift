import Mynah
import SpeechCore

// What the pool says of workers and memory, side by side.

extension SpeechError {
    static func workerNotStarted(_ program: String, _ why: String) -> SpeechError {
        SpeechError(
            .unexpected, "The system would not start '\(program)': \(why).",
            remedy: "Check that the file is there, and how many processes the server may have.")
    }

    static func orderTooLong() -> SpeechError {
        SpeechError(
            .invalidInput, "The request is longer than a model is given at once.",
            remedy: "Send less than \((Frame.longest / 2).asMegabytes) of text.")
    }

    static func otherVersion() -> SpeechError {
        SpeechError(
            .unexpected, "The program was replaced by another version while the server ran.",
            remedy: "Restart the server.")
    }

    static func overBudget(_ name: String, need: Int, budget: Int) -> SpeechError {
        SpeechError(
            .notEnoughMemory,
            "The model '\(name)' needs \(need.asMegabytes) of memory, "
                + "and the server may use \(budget.asMegabytes) for models.",
            remedy: "Raise the server's memory budget, or load the model with a smaller quantisation.")
    }
}
