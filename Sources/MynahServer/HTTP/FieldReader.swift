import Foundation
import Hummingbird
import HummingbirdCore

/// A field of a request: its names, and what is said of it in the description.
struct Field: Sendable {
    let name: String
    /// Names that other servers' clients send for the same.
    let aliases: [String]
    let schema: JSONValue
    let meaning: String

    init(_ name: String, aliases: [String] = [], _ schema: JSONValue, _ meaning: String) {
        (self.name, self.aliases, self.schema, self.meaning) = (name, aliases, schema, meaning)
    }

    /// The field as it is described where a setting bounds its length.
    func upTo(_ characters: Int) -> Field {
        guard case .object(var schema) = schema else { return self }
        schema["maxLength"] = .whole(characters)
        return Field(name, aliases: aliases, .object(schema), meaning)
    }
}

/// The fields of a request, each of the kind it must be: of a JSON object, or of a form or an address, whose values are
/// words whatever they mean.
struct FieldReader: Sendable {
    private var values: [String: [JSONValue]] = [:]
    private let isWords: Bool

    /// The fields of a JSON object.
    ///
    /// - Throws: `APIError` that names a field which there is not, or which is given twice.
    init(_ object: [String: JSONValue], _ fields: [Field]) throws {
        isWords = false
        var given: [String: String] = [:]
        for (name, value) in object.sorted(by: { $0.key < $1.key }) {
            let field = try Self.field(name, fields)
            if value == .null { continue }
            if let other = given[field.name] { throw APIError.twice(other, name) }
            given[field.name] = name
            values[field.name] = [value]
        }
    }

    /// Fields whose values are words; in a form one may be given several times.
    init(words: [(name: String, value: String)]) {
        isWords = true
        for (name, value) in words { values[name, default: []].append(.text(value)) }
    }

    /// The field that a name means.
    ///
    /// - Throws: `APIError` when there is none.
    static func field(_ name: String, _ fields: [Field], asGiven given: String? = nil) throws -> Field {
        guard let field = fields.first(where: { $0.name == name || $0.aliases.contains(name) }) else {
            throw APIError.unknownField(given ?? name, known: fields.map(\.name))
        }
        return field
    }

    /// Whether the field is given, with whatever in it.
    func has(_ name: String) -> Bool { values[name] != nil }

    /// The value of a field, as it was given.
    ///
    /// - Throws: `APIError` when there are several.
    func value(_ name: String) throws -> JSONValue? {
        let found = values[name] ?? []
        guard found.count <= 1 else { throw APIError.invalid(name, "'\(name)' is given more than once.") }
        return found.first
    }

    /// The value of a field whose words mean something else; without words it is not given.
    private func value(_ name: String, meaning read: (String) -> JSONValue?) throws -> JSONValue? {
        guard isWords, case .text(let words) = try value(name) else { return try value(name) }
        return words.isEmpty ? nil : read(words) ?? .text(words)
    }

    private func wrongKind(_ name: String, expected: String, _ found: JSONValue) -> APIError {
        if isWords, case .text(let words) = found {
            return APIError.wrongKind(name, expected: expected, found: "'\(words.bounded)'")
        }
        return APIError.wrongKind(name, expected: expected, found: found.kind)
    }

    func text(_ name: String) throws -> String? {
        guard let value = try value(name) else { return nil }
        guard case .text(let text) = value else { throw wrongKind(name, expected: "a string", value) }
        return text
    }

    /// A text, which is not given where it is empty.
    func words(_ name: String) throws -> String? { try text(name).flatMap { $0.isEmpty ? nil : $0 } }

    /// A list in words: given several times, or once with commas.
    func list(_ name: String) -> [String] {
        let texts = (values[name] ?? []).compactMap { if case .text(let text) = $0 { text } else { nil } }
        return texts.flatMap { $0.split(separator: ",") }.map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, _: Choice.Type) throws -> Choice?
    where Choice.RawValue == String {
        guard let text = try isWords ? words(name) : text(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw APIError.outOfRange(name, "'\(text.bounded)'", "one of \(all)")
        }
        return choice
    }

    func number(_ name: String, _ range: ClosedRange<Double>) throws -> Double? {
        guard let value = try value(name, meaning: { Double($0).map { .number($0) } }) else { return nil }
        let number: Double
        switch value {
        case .whole(let whole): number = Double(whole)
        case .large(let whole): number = Double(whole)
        case .number(let found): number = found
        default: throw wrongKind(name, expected: "a number", value)
        }
        guard range.contains(number) else {
            throw APIError.outOfRange(
                name, "\(number)", "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func whole(_ name: String, _ range: ClosedRange<Int>) throws -> Int? {
        let value = try value(name) { words in
            Int(words).map { .whole($0) } ?? UInt64(words).map { .large($0) }
        }
        guard let value else { return nil }
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        switch value {
        case .whole(let number):
            guard range.contains(number) else { throw APIError.outOfRange(name, "\(number)", expected) }
            return number
        case .large(let number): throw APIError.outOfRange(name, "\(number)", expected)
        // 7.0 is a whole number to whoever writes JSON.
        case .number(let number) where number.rounded() == number && abs(number) < 9e15:
            guard range.contains(Int(number)) else {
                throw APIError.outOfRange(name, "\(Int(number))", expected)
            }
            return Int(number)
        default: throw wrongKind(name, expected: "a whole number", value)
        }
    }

    func truth(_ name: String) throws -> Bool? {
        let value = try value(name) { words in
            switch words.lowercased() {
            case "true", "1": .truth(true)
            case "false", "0": .truth(false)
            default: nil
            }
        }
        guard let value else { return nil }
        guard case .truth(let truth) = value else {
            throw wrongKind(name, expected: "true or false", value)
        }
        return truth
    }
}

extension Request {
    /// The fields of the address.
    var query: FieldReader {
        FieldReader(words: uri.queryParameters.map { (String($0.key), String($0.value)) })
    }
}
