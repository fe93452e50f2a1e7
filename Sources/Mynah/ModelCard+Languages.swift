import Foundation
public import SpeechCore

extension ModelCard {
    /// A language of the model's by its own name, in any case, or by an ISO code, with or without a region. Anything
    /// else is left for the model to refuse.
    public func language(_ text: String) -> Language {
        let asked = Language(text)
        let code = asked.name.prefix { $0 != "-" && $0 != "_" }
        guard !languages.contains(asked.name), (2...3).contains(code.count) else { return asked }
        let name = Self.name(ofLanguage: String(code))
        return name.flatMap { languages.contains($0) ? Language($0) : nil } ?? asked
    }

    /// Two-letter codes of the languages that the model names, in order; none where it only tells them from the text.
    public var languageCodes: [String] {
        Self.codes.filter { code in Self.name(ofLanguage: code).map(languages.contains) ?? false }
    }

    private static let codes = Locale.LanguageCode.isoLanguageCodes.map(\.identifier)
        .filter { $0.count == 2 }.sorted()

    private static func name(ofLanguage code: String) -> String? {
        Locale(identifier: "en").localizedString(forLanguageCode: code)?.lowercased()
    }
}
