import Foundation

extension Error {
    /// What the error says, as a person reads it: the system's own errors print as the structures that they are.
    var inWords: String {
        if let error = self as? DecodingError { return error.sentence }
        if let error = self as? CocoaError {
            // What the system said stands beneath what Foundation made of it.
            guard let beneath = error.userInfo[NSUnderlyingErrorKey] as? any Error else {
                return error.localizedDescription
            }
            return beneath.inWords
        }
        if let error = self as? POSIXError { return String(cString: strerror(error.code.rawValue)) }
        return String(describing: self)
    }
}

extension DecodingError {
    fileprivate var sentence: String {
        func place(_ path: [any CodingKey]) -> String { path.map(\.stringValue).joined(separator: ".") }
        switch self {
        case .keyNotFound(let key, let context): return "there is no '\(place(context.codingPath + [key]))'"
        case .typeMismatch(let type, let context): return "'\(place(context.codingPath))' is no \(type)"
        case .valueNotFound(_, let context): return "'\(place(context.codingPath))' is null"
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty
                ? "it is not JSON" : "'\(place(context.codingPath))': \(context.debugDescription)"
        @unknown default: return "it is not of the form it should be"
        }
    }
}
