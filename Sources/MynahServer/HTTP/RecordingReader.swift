import Foundation
import Mynah
import NIOPosix
import SpeechCore

/// Decodes what clients send as recordings, away from the threads that serve.
enum RecordingReader {
    /// - Parameters:
    ///   - param: the field it came in.
    ///   - isVoice: whether it is to tell what a person sounds like, not what is said.
    /// - Throws: `APIError` that names the field.
    static func audio(
        _ upload: Upload, longest: Int, param: String, isVoice: Bool = true
    ) async throws -> AudioBuffer {
        upload.close()
        guard upload.count > 0 else { throw APIError.invalid(param, "'\(param)' is an empty file.") }
        do {
            return try await NIOThreadPool.singleton.runIfActive {
                isVoice
                    ? try AudioBuffer(voiceFrom: upload.file, longest: Double(longest))
                    : try AudioBuffer(contentsOf: upload.file, longest: Double(longest))
            }
        } catch let error as SpeechError {
            throw APIError(error, recordingIn: param)
        }
    }

    /// A recording to take a voice from, fit to be one.
    static func recording(
        _ upload: Upload, transcript: String?, longest: Int, param: String
    ) async throws -> Recording {
        let recording = Recording(
            try await audio(upload, longest: longest, param: param), transcript: transcript)
        do {
            try recording.check()
        } catch let error as SpeechError {
            throw APIError(error, recordingIn: param)
        }
        return recording
    }
}

/// A recording inside of a field, as `data:audio/wav;base64,…`.
enum DataURL {
    /// - Throws: `APIError`; an address elsewhere is refused, never fetched.
    static func upload(_ text: String, _ files: TemporaryFiles, limit: Int, param: String) throws -> Upload {
        guard !text.isEmpty else {
            throw APIError.invalid(param, "'\(param)' is empty. Leave it out, or send a recording.")
        }
        guard text.utf8.starts(with: "data:".utf8) else {
            let scheme = text.utf8.prefix(16).firstIndex(of: UInt8(ascii: ":")).map { String(text[..<$0]) }
            throw APIError.remoteReference(scheme ?? "path", param: param)
        }
        guard let comma = text.utf8.prefix(200).firstIndex(of: UInt8(ascii: ",")) else {
            throw APIError.invalid(param, "'\(param)' is no data URL: the comma before the data is missing.")
        }
        guard text[..<comma].lowercased().hasSuffix(";base64") else {
            throw APIError.invalid(param, "'\(param)' must be in base64: 'data:audio/wav;base64,…'.")
        }
        let encoded = text[text.utf8.index(after: comma)...]
        guard encoded.utf8.count / 4 * 3 <= limit + 3 else {
            throw APIError.bodyTooLarge(limit: limit, param: param)
        }
        guard let data = Data(base64Encoded: String(encoded)) else {
            throw APIError.invalid(param, "The data of '\(param)' is not base64.")
        }
        let upload = try files.make()
        try data.withUnsafeBytes { try upload.append($0) }
        return upload
    }
}
