import AudioDSP
public import Foundation
public import SpeechCore

extension AudioBuffer {
    /// The most of a recording that is read, in seconds.
    package static let longestRecording = 600.0

    /// A recording from a file of any kind that libav reads, its channels mixed to one.
    ///
    /// - Throws: `SpeechError`.
    public init(contentsOf file: URL) throws {
        try self.init(contentsOf: file, longest: Self.longestRecording)
    }

    /// A recording from a file, of at most `longest` seconds.
    ///
    /// - Throws: `SpeechError`.
    package init(contentsOf file: URL, longest: Double) throws {
        do {
            self = try AudioFile.read(path: file.path, maximumSeconds: longest).audio
        } catch {
            throw SpeechError(describing: error)
        }
    }

    /// Writes a sound file of the format that its extension names; it appears complete or not at all.
    ///
    /// - Throws: `SpeechError`.
    public func write(to file: URL) throws {
        guard let format = AudioFormat(fileExtension: file.pathExtension) else {
            throw SpeechError.unknownAudioFormat(file.pathExtension)
        }
        do {
            let writer = try AudioFileWriter(path: file.path, format: format, sampleRate: sampleRate)
            try writer.write(samples)
            try writer.finish()
        } catch {
            throw SpeechError(describing: error)
        }
    }
}

extension SpeechError {
    /// A format of sound that is not written.
    package static func unknownAudioFormat(_ name: String) -> SpeechError {
        let known = AudioFormat.allCases.map(\.rawValue).joined(separator: ", ")
        return SpeechError(
            .invalidInput, "There is no audio format '\(name)'.", remedy: "Choose one of: \(known).")
    }
}
