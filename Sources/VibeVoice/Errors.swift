import Checkpoints
import NeuralLayers
import SpeechCore

/// Why a voice preset cannot be used with a model.
enum PresetError: Error, Equatable {
    case missing(path: String, name: String)
    /// A dimension of -1 may be any.
    case wrongShape(path: String, name: String, expected: [Int], found: [Int])
    case tooManyLayers(path: String, group: String, expected: Int)
    case tooLong(path: String, name: String, rows: Int, limit: Int)
    case notNumbers(path: String, name: String, type: ElementType)
    case notFinite(path: String, name: String)
}

extension PresetError: ExplainedError {
    var explanation: SpeechError {
        let other = "Each size of model has its own presets: use those made for this one."
        let again = "Fetch the preset again."
        return switch self {
        case .missing(let path, let name):
            SpeechError(
                .wrongFormat, "'\(path)' is no voice preset of this model: it has no '\(name)'.",
                remedy: other)
        case .wrongShape(let path, let name, let expected, let found):
            SpeechError(
                .unsupported,
                "The preset '\(path)' is for another model: '\(name)' is \(found), not [\(Self.shape(expected))].",
                remedy: other)
        case .tooManyLayers(let path, let group, let expected):
            SpeechError(
                .unsupported,
                "The preset '\(path)' is for another model: '\(group)' has more than \(expected) layers.",
                remedy: other)
        case .tooLong(let path, let name, let rows, let limit):
            SpeechError(
                .unsupported,
                "The preset '\(path)' is too long: '\(name)' has \(rows) rows of at most \(limit).",
                remedy: "Use one made from a shorter recording.")
        case .notNumbers(let path, let name, let type):
            SpeechError(
                .wrongFormat,
                "The preset '\(path)' holds '\(name)' as \(type.rawValue), which is no type of weights.",
                remedy: again)
        case .notFinite(let path, let name):
            SpeechError(
                .corruptData, "The preset '\(path)' is damaged: '\(name)' holds values that are no numbers.",
                remedy: again)
        }
    }

    private static func shape(_ dimensions: [Int]) -> String {
        dimensions.map { $0 < 0 ? "any" : "\($0)" }.joined(separator: ", ")
    }
}
