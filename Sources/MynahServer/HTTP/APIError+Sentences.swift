import HTTPTypes

// What clients are told of their requests, side by side.

extension APIError {
    static func invalid(_ param: String?, _ message: String, code: String = "invalid_value") -> APIError {
        APIError(.badRequest, .invalidRequest, code, message, param: param)
    }

    static func missing(_ param: String) -> APIError {
        invalid(param, "'\(param)' is required.", code: "missing_required_parameter")
    }

    static func wrongKind(_ param: String, expected: String, found: String) -> APIError {
        invalid(param, "'\(param)' must be \(expected), not \(found).", code: "invalid_type")
    }

    static func outOfRange(_ param: String, _ value: String, _ range: String) -> APIError {
        invalid(param, "'\(param)' is \(value); it takes \(range).")
    }

    static func unknownField(_ name: String, known: [String]) -> APIError {
        let nearest = Spelling.nearest(to: name, among: known)
        let hint =
            nearest.map { "Did you mean '\($0)'?" } ?? "Fields there are: \(known.joined(separator: ", "))."
        return invalid(
            name.bounded, "There is no field '\(name.bounded)'. \(hint)", code: "unknown_parameter")
    }

    static func unknownQuery(_ name: String, known: [String]) -> APIError {
        let there = known.isEmpty ? "It takes nothing there." : "It takes: \(known.joined(separator: ", "))."
        return invalid(
            name.bounded, "This address takes no '\(name.bounded)' behind its '?'. \(there)",
            code: "unknown_parameter")
    }

    static func unknownLanguage(_ text: String, param: String) -> APIError {
        invalid(
            param, "'\(param)' is no language: '\(text.bounded)'. Write it as 'en', 'en-GB' or 'english'.",
            code: "unknown_language")
    }

    static func twice(_ name: String, _ other: String) -> APIError {
        invalid(
            name, "'\(name)' and '\(other)' mean the same; give one of them.", code: "conflicting_parameters")
    }

    static func noModel(_ name: String, known: [String]) -> APIError {
        let there = known.isEmpty ? "No model is installed." : "There are: \(known.joined(separator: ", "))."
        return APIError(
            .notFound, .notFound, "model_not_found", "There is no model '\(name.bounded)'. \(there)",
            param: "model")
    }

    static func noVoice(_ name: String, of model: String, known: [String], param: String) -> APIError {
        let there =
            known.isEmpty
            ? "It has none of its own, and none is kept." : "There are: \(known.joined(separator: ", "))."
        return invalid(
            param, "There is no voice '\(name.bounded)' for the model '\(model)'. \(there)",
            code: "voice_not_found")
    }

    static func noThing(_ what: String, _ id: String) -> APIError {
        APIError(.notFound, .notFound, "not_found", "There is no \(what) '\(id.bounded)'.", param: nil)
    }

    static func noConsent(_ id: String) -> APIError {
        invalid("consent", "There is no consent '\(id.bounded)'.", code: "consent_not_found")
    }

    static func consentInUse(_ id: String, by voices: [String]) -> APIError {
        let names = voices.prefix(5).map { "'\($0.bounded)'" }.joined(separator: ", ")
        return APIError(
            .conflict, .invalidRequest, "consent_in_use",
            "\(voices.count == 1 ? "A voice rests" : "\(voices.count) voices rest") on the consent '\(id)': "
                + "\(names)\(voices.count > 5 ? ", …" : ""). Forget \(voices.count == 1 ? "it" : "them") first."
        )
    }

    static func full(_ what: String, most: Int) -> APIError {
        APIError(
            .conflict, .invalidRequest, "register_full",
            "\(most) \(what) are kept already. Forget some first.")
    }

    static func noRoute() -> APIError {
        APIError(
            .notFound, .notFound, "unknown_url",
            "There is nothing at this address. GET /openapi.json tells what there is.")
    }

    static func noMethod(_ allowed: [String]) -> APIError {
        var error = APIError(
            .methodNotAllowed, .invalidRequest, "method_not_allowed",
            "This address takes \(allowed.joined(separator: ", ")).")
        error.allow = allowed.joined(separator: ", ")
        return error
    }

    static func notJSON(_ problem: JSONProblem) -> APIError {
        if let key = problem.repeated {
            return invalid(key.bounded, "'\(key.bounded)' is given more than once.")
        }
        return invalid(
            nil, "The body cannot be read as JSON: \(problem.sentence)", code: "invalid_json")
    }

    static func wrongMediaType(_ expected: String) -> APIError {
        APIError(
            .unsupportedMediaType, .invalidRequest, "unsupported_media_type",
            "Send this request as \(expected), and say so in Content-Type.")
    }

    static func badForm(_ reason: String) -> APIError {
        invalid(nil, "The form cannot be read: \(reason)", code: "invalid_form")
    }

    static func bodyTooLarge(limit: Int?, param: String? = nil) -> APIError {
        let most = limit.map { " It may have \($0) bytes." } ?? ""
        var error = APIError(
            .contentTooLarge, .invalidRequest, "request_too_large",
            "The \(param.map { "'\($0)' of the request" } ?? "request") is too large.\(most)", param: param)
        error.closes = true
        return error
    }

    static func noRoom() -> APIError {
        var error = APIError(
            .serviceUnavailable, .server, "no_space", "Too much is being uploaded at once. Ask again in 5 s.",
            retryAfter: 5)
        error.closes = true
        return error
    }

    static func noKey(wasGiven: Bool) -> APIError {
        APIError(
            .unauthorized, .authentication, wasGiven ? "invalid_api_key" : "missing_api_key",
            wasGiven
                ? "The API key is not one of this server's."
                : "This server asks for a key: send it as 'Authorization: Bearer KEY'.")
    }

    static func tooManyRequests(_ most: Int) -> APIError {
        APIError(
            .tooManyRequests, .rateLimit, "too_many_requests",
            "\(most) requests are being worked on already. Ask again in 1 s.", retryAfter: 1)
    }

    static func wrongHost(_ host: String) -> APIError {
        APIError(
            .misdirectedRequest, .permission, "wrong_host",
            "This server does not go by the name '\(host.bounded)'. If it should, "
                + "add the name to server.hosts."
        )
    }

    static func wrongOrigin(_ origin: String) -> APIError {
        APIError(
            .forbidden, .permission, "wrong_origin",
            "Pages of '\(origin.bounded)' may not use this server. If they should, "
                + "add the origin to server.origins."
        )
    }

    static func remoteReference(_ scheme: String, param: String) -> APIError {
        invalid(
            param,
            "The server fetches nothing on behalf of a client, "
                + "so a reference by '\(scheme.bounded):' is refused. Send the "
                + "recording itself, as a data URL: 'data:audio/wav;base64,…'.")
    }

    static func cannotHonour(_ param: String, _ message: String) -> APIError {
        invalid(param, message, code: "unsupported_value")
    }

    static func unexpected() -> APIError {
        APIError(
            .internalServerError, .server, "unexpected",
            "Something failed that should not. The log tells more, under this request's id.")
    }
}

extension APIError {
    // What is wrong with a request before any route sees it.

    static func malformed(_ reason: String) -> APIError {
        var error = invalid(nil, "The request is not proper HTTP: \(reason).", code: "malformed_request")
        error.closes = true
        return error
    }

    static func headerTooLarge() -> APIError {
        var error = APIError(
            .requestHeaderFieldsTooLarge, .invalidRequest, "header_too_large",
            "The head of the request is too large.")
        error.closes = true
        return error
    }

    static func oldVersion() -> APIError {
        var error = APIError(
            .httpVersionNotSupported, .invalidRequest, "http_version",
            "Speak HTTP/1.1: an earlier version cannot tell a stream that broke off from one that ended.")
        error.closes = true
        return error
    }

    static func tooSlow(_ seconds: Int) -> APIError {
        var error = APIError(
            .requestTimeout, .invalidRequest, "request_timeout",
            "The request did not arrive within \(seconds) s.")
        error.closes = true
        return error
    }
}

extension String {
    /// At most so much of what a client sent as belongs in a sentence, without control characters.
    var bounded: String {
        let clean = unicodeScalars.prefix(80).map { scalar -> Unicode.Scalar in
            scalar.value < 0x20 || scalar.value == 0x7F ? "?" : scalar
        }
        var text = String(String.UnicodeScalarView(clean))
        if unicodeScalars.count > 80 { text += "…" }
        return text
    }
}
