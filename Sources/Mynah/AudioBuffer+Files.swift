import AudioDSP
public import Foundation
public import SpeechCore

extension AudioBuffer {
    /// The most of a recording that is read, in seconds.
    package static let longestRecording = 600.0

    /// The most of a recording that is read to be written down, in seconds; what a model takes is on its card.
    package static let longestTranscription = 3600.0

    /// A recording from a file of any kind that libav reads, its channels mixed to one.
    ///
    /// - Throws: `SpeechError`.
    public init(contentsOf file: URL) throws {
        try self.init(contentsOf: file, longest: Self.longestRecording)
    }

    /// A recording from a file, of at most `longest` seconds, counted as they are decoded: what a small file may
    /// unpack to does not matter.
    ///
    /// - Throws: `SpeechError`, of code `invalidInput` when it is longer.
    public init(contentsOf file: URL, longest: Double) throws {
        do {
            self = try AudioFile.read(path: file.path, maximumSeconds: longest).audio
        } catch {
            throw SpeechError.recordingFile(error)
        }
    }

    /// As `init(contentsOf:longest:)`, of sound that a voice is to be taken from.
    package init(voiceFrom file: URL, longest: Double) throws {
        do {
            self = try AudioFile.read(path: file.path, maximumSeconds: longest).audio
        } catch {
            throw SpeechError.voiceRecording(error)
        }
    }

    /// A recording from the bytes of a file. As `init(contentsOf:longest:)`.
    ///
    /// - Throws: `SpeechError`.
    public init(data: Data, longest: Double) throws {
        do {
            self = try AudioFile.read(data: data, maximumSeconds: longest).audio
        } catch {
            throw SpeechError(describing: error)
        }
    }

    /// Writes a sound file of the format that its extension names; it appears complete or not at all.
    ///
    /// - Throws: `SpeechError`.
    public func write(to file: URL) throws {
        let format = try SoundFormat(namedBy: file)
        do {
            let writer = try AudioFileWriter(path: file.path, format: format, sampleRate: sampleRate)
            try writer.write(samples)
            try writer.finish()
        } catch {
            throw SpeechError(describing: error)
        }
    }
}

extension SoundFormat {
    /// The format that a file's extension names.
    ///
    /// - Throws: `SpeechError` of code `invalidInput`.
    package init(namedBy file: URL) throws {
        guard !file.pathExtension.isEmpty else {
            let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw SpeechError(
                .invalidInput, "The name '\(file.lastPathComponent)' has no extension to tell the format by.",
                remedy: "Add one, or name the format: \(known).")
        }
        guard let format = SoundFormat(fileExtension: file.pathExtension) else {
            throw SpeechError.unknownSoundFormat(file.pathExtension)
        }
        self = format
    }
}

extension SpeechError {
    /// A format of sound that is not written.
    package static func unknownSoundFormat(_ name: String) -> SpeechError {
        let known = SoundFormat.allCases.map(\.rawValue).joined(separator: ", ")
        return SpeechError(
            .invalidInput, "There is no audio format '\(name)'.", remedy: "Choose one of: \(known).")
    }
}
