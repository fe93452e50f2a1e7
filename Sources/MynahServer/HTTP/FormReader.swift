import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// A form as it was sent: texts, and files on disk.
struct Form: Sendable {
    struct File: Sendable {
        let upload: Upload
        /// What the client calls it, without any folder.
        let name: String
    }

    let fields: FieldReader
    let files: [String: File]

    /// Reads a form.
    ///
    /// - Parameters:
    ///   - fields: those there may be. A name may be written `name[]`, and with a key in brackets.
    ///   - fileLimit: bytes of all files.
    /// - Throws: `APIError`.
    static func read(
        _ request: Request, _ fields: [Field], files names: Set<String>, fileLimit: Int, parts: ServerParts
    ) async throws -> Form {
        guard BodyReader.mediaType(request) == "multipart/form-data" else {
            throw APIError.wrongMediaType("'multipart/form-data'")
        }
        let limits = parts.settings.limits
        try BodyReader.checkLength(request, limit: fileLimit + limits.formBytes)
        do {
            var parser = try MultipartParser(
                contentType: request.headers[.contentType] ?? "", mostParts: limits.parts)
            var reading = Reading(
                fields: fields, fileNames: names, fileLimit: fileLimit, textLimit: limits.formBytes,
                uploads: parts.uploads)
            for try await buffer in request.body {
                for event in try parser.parse(buffer.readableBytesView) { try reading.take(event) }
            }
            try parser.finish()
            return Form(fields: FieldReader(words: reading.texts), files: reading.files)
        } catch let problem as MultipartParser.Problem {
            throw APIError.badForm(problem.sentence)
        }
    }

    /// The same fields as a JSON object, which holds no files.
    ///
    /// - Throws: `APIError`.
    static func readJSON(_ request: Request, _ fields: [Field], limit: Int) async throws -> Form {
        let object = try await BodyReader.object(request, limit: limit)
        return Form(fields: try FieldReader(object, fields), files: [:])
    }

    /// A file that must be there.
    func file(_ name: String) throws -> File {
        guard let file = files[name] else {
            if fields.has(name) {
                throw APIError.invalid(
                    name, "'\(name)' must be a file: a part with a filename.", code: "invalid_type")
            }
            throw APIError.missing(name)
        }
        return file
    }
}

extension Form {
    /// A form while it arrives.
    private struct Reading {
        let fields: [Field]
        let fileNames: Set<String>
        let fileLimit, textLimit: Int
        let uploads: TemporaryFiles
        private(set) var texts: [(name: String, value: String)] = []
        private(set) var files: [String: File] = [:]
        private var name = "", text: [UInt8] = []
        private var file: Form.File?
        private var fileBytes = 0, textBytes = 0

        init(
            fields: [Field], fileNames: Set<String>, fileLimit: Int, textLimit: Int, uploads: TemporaryFiles
        ) {
            (self.fields, self.fileNames, self.uploads) = (fields, fileNames, uploads)
            (self.fileLimit, self.textLimit) = (fileLimit, textLimit)
        }

        mutating func take(_ event: MultipartParser.Event) throws {
            switch event {
            case .head(let head): try begin(head)
            case .bytes(let bytes):
                if let file {
                    fileBytes += bytes.count
                    guard fileBytes <= fileLimit else {
                        throw APIError.bodyTooLarge(limit: fileLimit, param: name)
                    }
                    try bytes.withUnsafeBytes { try file.upload.append($0) }
                } else {
                    textBytes += bytes.count
                    guard textBytes <= textLimit else {
                        throw APIError.bodyTooLarge(limit: textLimit, param: name)
                    }
                    text += bytes
                }
            case .endOfPart: try end()
            }
        }

        private mutating func begin(_ head: [String: String]) throws {
            let disposition = head["content-disposition"] ?? ""
            guard disposition.lowercased().hasPrefix("form-data"),
                let given = MultipartParser.parameter("name", of: disposition), !given.isEmpty
            else { throw APIError.badForm("a part has no name") }
            textBytes += given.utf8.count
            name = try canonical(given)
            (text, file) = ([], nil)
            guard let fileName = MultipartParser.parameter("filename", of: disposition) else { return }
            guard fileNames.contains(name) else {
                throw APIError.invalid(name, "'\(name.bounded)' is no file.", code: "invalid_type")
            }
            guard files[name] == nil else {
                throw APIError.invalid(name, "'\(name)' is given more than once.")
            }
            let plain =
                fileName.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
            file = Form.File(upload: try uploads.make(), name: plain.bounded)
        }

        private mutating func end() throws {
            if let file {
                file.upload.close()
                files[name] = file
                self.file = nil
            } else {
                guard let value = String(validating: text, as: UTF8.self) else {
                    throw APIError.invalid(name, "'\(name)' is not UTF-8.")
                }
                texts.append((name, value))
            }
        }

        /// The name of a field, without brackets at its end: `name[]` is a list, `name[key]` keeps its key.
        private func canonical(_ given: String) throws -> String {
            let plain = given.hasSuffix("[]") ? String(given.dropLast(2)) : given
            return try FieldReader.field(plain, fields, asGiven: given).name
        }
    }
}

extension MultipartParser.Problem {
    var sentence: String {
        switch self {
        case .noBoundary: "Content-Type names no boundary."
        case .notAForm: "a part does not begin where it should."
        case .headTooLarge: "the head of a part is too large."
        case .badHead: "the head of a part cannot be read."
        case .tooManyParts(let most): "it has more than \(most) parts."
        case .unfinished: "it breaks off."
        }
    }
}
