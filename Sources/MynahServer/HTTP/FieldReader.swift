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
}

/// The fields of a JSON object, each of the kind it must be; what is not known is an error.
struct FieldReader {
    private var values: [String: JSONValue] = [:]

    /// - Throws: `APIError` that names a field which there is not, or which is given twice.
    init(_ object: [String: JSONValue], _ fields: [Field]) throws {
        var given: [String: String] = [:]
        for (name, value) in object.sorted(by: { $0.key < $1.key }) {
            guard let field = fields.first(where: { $0.name == name || $0.aliases.contains(name) }) else {
                throw APIError.unknownField(name, known: fields.map(\.name))
            }
            if value == .null { continue }
            if let other = given[field.name] { throw APIError.twice(other, name) }
            given[field.name] = name
            values[field.name] = value
        }
    }

    subscript(name: String) -> JSONValue? { values[name] }

    func text(_ name: String) throws -> String? {
        guard let value = values[name] else { return nil }
        guard case .text(let text) = value else {
            throw APIError.wrongKind(name, expected: "a string", found: value.kind)
        }
        return text
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, _: Choice.Type) throws -> Choice?
    where Choice.RawValue == String {
        guard let text = try text(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw APIError.outOfRange(name, "'\(text.bounded)'", "one of \(all)")
        }
        return choice
    }

    func number(_ name: String, _ range: ClosedRange<Double>) throws -> Double? {
        guard let value = values[name] else { return nil }
        let number: Double
        switch value {
        case .whole(let whole): number = Double(whole)
        case .large(let whole): number = Double(whole)
        case .number(let found): number = found
        default: throw APIError.wrongKind(name, expected: "a number", found: value.kind)
        }
        guard range.contains(number) else {
            throw APIError.outOfRange(
                name, "\(number)", "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func whole(_ name: String, _ range: ClosedRange<Int>) throws -> Int? {
        guard let value = values[name] else { return nil }
        switch value {
        case .whole(let number):
            guard range.contains(number) else {
                throw APIError.outOfRange(
                    name, "\(number)", "a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        case .large(let number):
            throw APIError.outOfRange(
                name, "\(number)", "a whole number from \(range.lowerBound) to \(range.upperBound)")
        // 7.0 is a whole number to whoever writes JSON.
        case .number(let number) where number.rounded() == number && abs(number) < 9e15:
            return try FieldReader(name, .whole(Int(number))).whole(name, range)
        default: throw APIError.wrongKind(name, expected: "a whole number", found: value.kind)
        }
    }

    func truth(_ name: String) throws -> Bool? {
        guard let value = values[name] else { return nil }
        guard case .truth(let truth) = value else {
            throw APIError.wrongKind(name, expected: "true or false", found: value.kind)
        }
        return truth
    }

    private init(_ name: String, _ value: JSONValue) { values = [name: value] }
}
