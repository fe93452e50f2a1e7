package import SpeechCore

/// Something wrong with the configuration, and where.
package struct SettingProblem: Sendable, Equatable, CustomStringConvertible {
    /// A key path, a variable or a flag.
    package let place: String
    package let message: String

    package var description: String { "\(place): \(message)" }
}

/// Everything wrong with a configuration, at once.
package struct SettingProblems: Error, Sendable, Equatable {
    package let all: [SettingProblem]

    /// As a person is told.
    package var error: SpeechError {
        SpeechError(
            .invalidInput,
            "The configuration cannot be used:\n"
                + all.map { "       \($0.description)" }.joined(separator: "\n"),
            remedy:
                "Put these right; docs/operations.md lists every key. '--check-config' looks without serving."
        )
    }
}

extension SettingProblem {
    static func unknown(_ place: String, known: [String]) -> SettingProblem {
        let nearest = Spelling.nearest(to: place, among: known)
        return SettingProblem(
            place: place, message: "there is no such key" + (nearest.map { "; did you mean '\($0)'?" } ?? ".")
        )
    }

    static func wrong(_ place: String, _ key: SettingKey, found: String) -> SettingProblem {
        SettingProblem(place: place, message: "expected \(key.expectation), found \(found).")
    }

    static let openAddress = SettingProblem(
        place: "server.host",
        message:
            "anybody on the network could use the server. Give API keys (MYNAH_API_KEYS, --api-key-file), "
            + "or say "
            + "--insecure-no-auth.")

    static let openWyoming = SettingProblem(
        place: "wyoming.host",
        message:
            "anybody on the network could use the listener, which knows no keys. Say --insecure-no-auth, or give API keys "
            + "for HTTP where the network may be trusted with Wyoming.")

    static func samePort(_ port: Int) -> SettingProblem {
        SettingProblem(place: "wyoming.port", message: "\(port) is the port of HTTP; choose another.")
    }

    static func noModel(_ place: String, _ name: String, known: [String]) -> SettingProblem {
        let there = known.isEmpty ? "None is installed." : "There are: \(known.joined(separator: ", "))."
        return SettingProblem(place: place, message: "there is no such model '\(name)'. \(there)")
    }

    static func noVoice(_ name: String, known: [String]) -> SettingProblem {
        SettingProblem(
            place: "defaults.voice",
            message: "no model here has a voice '\(name)'. There are: \(known.joined(separator: ", ")).")
    }

    static func noLanguage(_ name: String, of model: String, known: [String]) -> SettingProblem {
        SettingProblem(
            place: "models.\(model).language",
            message: "the model does not know '\(name)'. It knows: \(known.joined(separator: ", ")).")
    }

    static func noDevice(_ name: String, known: [String]) -> SettingProblem {
        SettingProblem(
            place: "engine.device",
            message: "there is no '\(name)'. There are: \(known.joined(separator: ", ")).")
    }

    static func unreadableKeys(_ path: String, _ reason: String) -> SettingProblem {
        SettingProblem(place: "server.api_key_file", message: "'\(path)' could not be read: \(reason).")
    }

    static let noKeys = SettingProblem(place: "server.api_key_file", message: "the file holds no key.")

    static let shortKey = SettingProblem(
        place: "server.api_keys",
        message: "a key of fewer than 16 characters can be guessed; make a longer one.")

    static func missingPath(_ place: String, _ path: String) -> SettingProblem {
        SettingProblem(place: place, message: "there is nothing at '\(path)'.")
    }

    static func badOrigin(_ origin: String) -> SettingProblem {
        SettingProblem(
            place: "server.origins",
            message: "'\(origin)' is no origin; write scheme and host, as 'https://example.org'.")
    }
}

/// Names that are nearly those that are known.
enum Spelling {
    /// The known name that is reached by the fewest changes of a letter, when they are few.
    static func nearest(to name: String, among known: [String]) -> String? {
        let best = known.map { ($0, distance(name, $0)) }.min { ($0.1, $0.0) < ($1.1, $1.0) }
        guard let best, best.1 <= max(2, name.count / 3) else { return nil }
        return best.0
    }

    /// Letters to insert, remove or exchange. Long names are not compared.
    static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8.prefix(100)), Array(b.utf8.prefix(100)))
        var row = Array(0...b.count)
        for i in 0..<a.count {
            var diagonal = row[0]
            row[0] = i + 1
            for j in 0..<b.count {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}
