import Foundation
import Mynah
import SpeechCore

/// The text to be said, from wherever it comes.
enum SpeechText {
    /// A text that is there, or one that others are still writing to standard input.
    enum Source {
        case whole(String)
        case script(Script)
        case incoming(AsyncThrowingStream<String, any Error>)
    }

    /// As `read`, but for a pipe, which is not waited for.
    static func source(words: [String], file: String?) throws -> Source {
        let asked = file == "-" || words == ["-"]
        guard asked || words.isEmpty && file == nil, !StandardInput.isFile else {
            return .whole(try read(words: words, file: file))
        }
        try checkTerminal(asked: asked)
        return .incoming(StandardInput.pieces())
    }

    /// No book comes near it; a video given by mistake does.
    static let limit = 16 << 20

    /// Words of the command line, a file, or standard input.
    ///
    /// - Throws: `SpeechError` for what is not there, is not text, or says nothing.
    static func read(words: [String], file: String?) throws -> String {
        let text =
            if let file, file != "-" {
                try decode(contents(of: file), from: "'\(file)'")
            } else if !words.isEmpty, words != ["-"], file == nil {
                words.joined(separator: " ")
            } else {
                try standardInput(asked: file == "-" || words == ["-"])
            }
        guard text.contains(where: { !$0.isWhitespace }) else { throw SpeechError.noText }
        return text
    }

    private static func checkTerminal(asked: Bool) throws {
        guard asked || !Console.standardInputIsTerminal else {
            throw SpeechError(
                .invalidInput, "There is no text to speak.",
                remedy: "Give it in quotes, with -f FILE, or through a pipe.")
        }
    }

    private static func standardInput(asked: Bool) throws -> String {
        try checkTerminal(asked: asked)
        var data = Data()
        while let piece = try? FileHandle.standardInput.read(upToCount: 1 << 16), !piece.isEmpty {
            data += piece
            guard data.count <= limit else { throw tooLong("standard input") }
        }
        return try decode(data, from: "standard input")
    }

    private static func contents(of file: String) throws -> Data {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
            throw SpeechError(.missingFile, "There is no file '\(file)'.", remedy: "Check the path.")
        }
        guard !isFolder.boolValue else {
            throw SpeechError(.wrongFormat, "'\(file)' is a folder.", remedy: "Give a text file.")
        }
        guard let handle = FileHandle(forReadingAtPath: file),
            let data = try? handle.read(upToCount: limit + 1)
        else {
            guard FileManager.default.isReadableFile(atPath: file) else {
                throw SpeechError(
                    .inputOutput, "'\(file)' may not be read.", remedy: "Check its permissions.")
            }
            return Data()
        }
        guard data.count <= limit else { throw tooLong("'\(file)'") }
        return data
    }

    static func decode(
        _ data: some Sequence<UInt8>, from source: String, isBeginning: Bool = true
    ) throws -> String {
        guard let text = String(validating: data, as: UTF8.self) else { throw notText(source) }
        // The mark that some editors put first is no part of what is said.
        return isBeginning && text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
    }

    static func notText(_ source: String) -> SpeechError {
        SpeechError(
            .wrongFormat, "The text of \(source) is not UTF-8.",
            remedy: "Save it as UTF-8, or convert it: iconv -f latin1 -t utf-8 FILE")
    }

    static func tooLong(_ source: String) -> SpeechError {
        SpeechError(
            .invalidInput, "The text of \(source) is longer than \(limit >> 20) MB.",
            remedy: "Speak it in parts.")
    }
}
