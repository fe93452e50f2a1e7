package import Foundation
package import SpeechCore

// Reading a checkpoint's JSON files: what every family does alike.

/// Why a configuration file cannot be used.
package enum ConfigurationError: Error, Equatable {
    case unreadable(file: String, why: String)
    case missingKey(file: String, key: String)
    case wrongValue(file: String, key: String, why: String)
}

extension Decodable {
    /// The file's content; a failure names the file, and the key as the file spells it.
    package static func decoded(_ data: Data, file: String) throws(ConfigurationError) -> Self {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(Self.self, from: data)
        } catch DecodingError.keyNotFound(let key, let context) {
            throw .missingKey(file: file, key: spelled(context.codingPath + [key]))
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw .wrongValue(file: file, key: spelled(context.codingPath), why: context.debugDescription)
        } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
            throw .wrongValue(file: file, key: spelled(context.codingPath), why: context.debugDescription)
        } catch DecodingError.dataCorrupted(let context) {
            // Foundation calls a number that fits no integer bad JSON, and gives no key.
            if let json = try? JSONSerialization.jsonObject(with: data),
                let (key, number) = oversized(json, "")
            {
                throw .wrongValue(file: file, key: key, why: "is \(number), more than any size can be")
            }
            throw .unreadable(file: file, why: context.debugDescription)
        } catch {
            throw .unreadable(file: file, why: "\(error)")
        }
    }
}

/// The first number beyond what an integer holds, with its key.
private func oversized(_ json: Any, _ path: String) -> (key: String, number: Double)? {
    if let object = json as? [String: Any] {
        for (key, value) in object.sorted(by: { $0.key < $1.key }) {
            if let found = oversized(value, path.isEmpty ? key : "\(path).\(key)") { return found }
        }
    } else if let array = json as? [Any] {
        for value in array { if let found = oversized(value, path) { return found } }
    } else if let number = (json as? NSNumber)?.doubleValue, abs(number) >= 0x1p63 {
        return (path, number)
    }
    return nil
}

/// Keys from the outside in, in the file's spelling.
private func spelled(_ path: [any CodingKey]) -> String {
    path.map { key in
        key.intValue.map { "[\($0)]" }
            ?? key.stringValue.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
    }.joined(separator: ".")
}

/// Bounds, with the file and key in every complaint.
package struct ConfigurationChecker {
    let file: String

    package init(file: String) { self.file = file }

    /// A complaint about a key.
    package func wrong(_ key: String, _ why: String) -> ConfigurationError {
        .wrongValue(file: file, key: key, why: why)
    }

    /// Refuses the first value outside the range.
    package func within(_ range: ClosedRange<Int>, _ values: (key: String, value: Int)...)
        throws(ConfigurationError)
    {
        for (key, value) in values where !range.contains(value) {
            throw wrong(key, "is \(value); it must lie in \(range.lowerBound)...\(range.upperBound)")
        }
    }

    /// Refuses heads that cannot share keys evenly, or have no halves to rotate.
    package func heads(_ query: Int, _ key: Int, _ width: Int) throws(ConfigurationError) {
        try within(1...256, ("num_attention_heads", query), ("num_key_value_heads", key))
        try within(2...512, ("head_dim", width))
        guard query % key == 0, width % 2 == 0 else {
            throw wrong("num_attention_heads", "\(query) heads of \(width) cannot share \(key) key heads")
        }
    }

    /// Refuses a base of rotary positions that gives no angles.
    package func rotary(_ base: Double) throws(ConfigurationError) {
        guard base > 1, base < 1e12 else { throw wrong("rope_theta", "is \(base)") }
    }
}

extension ConfigurationError: ExplainedError {
    package var explanation: SpeechError {
        let again = "Fetch the checkpoint again, or report it if it is one its authors publish."
        return switch self {
        case .unreadable(let file, let why):
            SpeechError(.wrongFormat, "\(file) is not the JSON it should be: \(why).", remedy: again)
        case .missingKey(let file, let key):
            SpeechError(.wrongFormat, "\(file) has no '\(key)'.", remedy: again)
        case .wrongValue(let file, let key, let why):
            SpeechError(.unsupported, "\(file): '\(key)' \(why).", remedy: again)
        }
    }
}
