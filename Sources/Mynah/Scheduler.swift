import SpeechCore

/// Which requests a model works on, and which wait. Used from the model's thread only.
///
/// Requests are taken in the order they came, as many as the model has room for, and go on together a step at a
/// time; a place that falls free is filled before the next step.
final class Scheduler {
    let synthesizer: any Synthesizer
    private var waiting: ArraySlice<SpeechRequest> = []
    private var speaking: [Int: SpeechRequest] = [:]

    init(_ synthesizer: any Synthesizer) { self.synthesizer = synthesizer }

    /// Whether there is nothing to do. Who waits for a place waits for those who have one, and those perhaps for
    /// their text.
    var isIdle: Bool { speaking.isEmpty ? waiting.isEmpty : synthesizer.isStarved }

    /// Puts requests at the end of the line.
    func add(_ requests: [SpeechRequest]) { waiting += requests }

    /// Lets go of who left, takes in who may begin, and moves everyone on by one frame.
    func turn() {
        for (number, request) in speaking where request.isCancelled {
            synthesizer.cancel(number)
            speaking[number] = nil
        }
        fillPlaces()
        guard !speaking.isEmpty else { return }
        do {
            for (number, chunk) in try synthesizer.step() {
                speaking[number]?.give(chunk)
                if chunk.ending != nil { speaking[number] = nil }
            }
        } catch {
            // A step is one computation for all: what broke it broke everyone's.
            for (number, request) in speaking {
                synthesizer.cancel(number)
                request.fail(SpeechError(describing: error))
            }
            speaking = [:]
        }
    }

    private func fillPlaces() {
        while let request = waiting.first {
            if !request.isCancelled {
                guard synthesizer.hasRoom else { return }
                do {
                    speaking[try begin(request)] = request
                } catch {
                    request.fail(SpeechError(describing: error))
                }
            }
            waiting.removeFirst()
        }
    }

    private func begin(_ request: SpeechRequest) throws -> Int {
        let (utterances, options) = (request.utterances, request.options)
        if let text = request.text {
            return try synthesizer.begin(utterances[0], reading: text, options)
        }
        guard utterances.count > 1 else { return try synthesizer.begin(utterances[0], options) }
        return try synthesizer.begin(dialogue: utterances, options)
    }
}
