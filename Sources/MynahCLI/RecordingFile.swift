import AudioDSP
import Foundation
import Mynah
import SpeechCore

/// A recording to take a voice from.
enum RecordingFile {
    /// Reads it, refuses one that cannot serve, and says what may make a poor likeness.
    static func read(_ path: String, transcript: String?, quiet: Bool) throws -> Recording {
        let recording = try Recording(contentsOf: URL(fileURLWithPath: path), transcript: transcript)
        if !quiet {
            for advice in recording.advice { Console.note("note: \(advice)") }
        }
        return recording
    }
}
