import HTTPTypes

/// Shapes of what the server answers, as its description shows them.
enum Schema {
    /// More than white space.
    static let somePattern: JSONValue = "\\S"

    static let text: JSONValue = ["type": "string"]
    static let bytes: JSONValue = ["type": "string", "format": "binary"]

    private static let texts: JSONValue = ["type": "array", "items": ["type": "string"]]

    static func object(_ properties: [String: JSONValue], required: [String]? = nil) -> JSONValue {
        [
            "type": "object", "properties": .object(properties),
            "required": .array((required ?? properties.keys.sorted()).map { .text($0) }),
        ]
    }

    static func list(_ name: String, _ item: JSONValue) -> JSONValue {
        object([name: ["type": "array", "items": item]])
    }

    static let model = object(
        [
            "id": ["type": "string"], "object": ["const": "model"], "created": ["type": "integer"],
            "owned_by": ["type": "string"], "kind": ["enum": ["speech", "transcription"]],
            "state": ["enum": ["idle", "loading", "ready", "resting"]],
            "sample_rate": ["type": "integer"], "languages": texts, "voices": texts,
            "clones": ["type": "boolean"], "designs": ["type": "boolean"],
            "takes_instructions": ["type": "boolean"], "generation": ["enum": ["sampling", "diffusion"]],
            "dialogue_speakers": ["type": "integer"], "longest_recording": ["type": "number"],
            "tells_speakers": ["type": "boolean"],
        ], required: ["id", "object", "created", "owned_by", "kind", "state"])

    static let voice = object(
        [
            "id": ["type": "string"], "object": ["const": "audio.voice"], "name": ["type": "string"],
            "type": ["enum": ["audio_sample", "prompt", "preset"]], "created_at": ["type": "integer"],
            "model": ["type": "string"], "has_transcript": ["type": "boolean"], "seconds": ["type": "number"],
            "consent": ["type": "string"], "prompt": ["type": "string"], "script_hint": ["type": "string"],
            "advice": texts,
        ], required: ["id", "object", "name", "type"])

    private static let usage = object(["type": ["const": "duration"], "seconds": ["type": "number"]])

    /// What is written down, in each of the forms that are JSON.
    static let transcript: JSONValue = [
        "anyOf": [
            object(["text": text, "usage": usage]),
            object([
                "task": ["const": "transcribe"], "language": text, "duration": ["type": "number"],
                "text": text, "usage": usage, "segments": ["type": "array", "items": verboseSegment],
            ]),
            object([
                "task": ["const": "transcribe"], "duration": ["type": "number"], "text": text,
                "usage": usage, "segments": ["type": "array", "items": diarizedSegment],
            ]),
        ]
    ]

    private static let verboseSegment = object([
        "id": ["type": "integer"], "seek": ["type": "integer"], "start": ["type": "number"],
        "end": ["type": "number"], "text": text, "tokens": ["type": "array", "maxItems": 0],
        "temperature": ["type": "number"], "avg_logprob": ["type": "null"],
        "compression_ratio": ["type": "null"], "no_speech_prob": ["type": "null"],
    ])

    private static let diarizedSegment = object([
        "type": ["const": "transcript.text.segment"], "id": text, "start": ["type": "number"],
        "end": ["type": "number"], "text": text, "speaker": text,
    ])

    static let consent = object(
        [
            "id": ["type": "string"], "object": ["const": "audio.voice_consent"], "name": ["type": "string"],
            "language": ["type": "string"], "created_at": ["type": "integer"],
        ])

    static let deleted = object(
        ["id": ["type": "string"], "object": ["type": "string"], "deleted": ["const": true]])

    static let error = object(
        [
            "error": object(
                [
                    "message": ["type": "string"], "type": ["type": "string"],
                    "param": ["type": ["string", "null"]], "code": ["type": ["string", "null"]],
                ])
        ])

    static func part(_ name: String, _ meaning: String) -> Operation.Parameter {
        Operation.Parameter(
            name: name, place: .path, schema: ["type": "string", "minLength": 1], meaning: meaning)
    }

    static func query(_ name: String, _ schema: JSONValue, _ meaning: String) -> Operation.Parameter {
        Operation.Parameter(name: name, place: .query, schema: schema, meaning: meaning)
    }
}

/// The description of every route in OpenAPI's form, made from the table that the router is made from.
enum Description {
    static func of(_ table: RouteTable, asksForKeys: Bool) -> JSONValue {
        var paths: [String: JSONValue] = [:]
        for route in table.routes where !route.path.hasPrefix("/page") && route.path != "/" {
            let path = route.path.replacing("+}", with: "}")
            var operations: [String: JSONValue] = [:]
            if case .object(let known) = paths[path] { operations = known }
            operations[route.method.rawValue.lowercased()] = described(route, asksForKeys)
            paths[path] = .object(operations)
        }
        return [
            "openapi": "3.1.0",
            "info": ["title": "Mynah", "version": "1", "description": "Speech on this machine."],
            "paths": .object(paths),
            "components": [
                "schemas": ["Error": Schema.error],
                "securitySchemes": ["key": ["type": "http", "scheme": "bearer"]],
            ],
        ]
    }

    private static func described(_ route: Route, _ asksForKeys: Bool) -> JSONValue {
        let operation = route.operation
        var fields: [String: JSONValue] = [
            "operationId": .text(operation.name), "summary": .text(operation.summary),
            "responses": responses(of: route, asksForKeys),
        ]
        if !operation.parameters.isEmpty {
            fields["parameters"] = .array(
                operation.parameters.map { parameter in
                    [
                        "name": .text(parameter.name), "in": .text(parameter.place.rawValue),
                        "required": .truth(parameter.place == .path), "schema": parameter.schema,
                        "description": .text(parameter.meaning),
                    ]
                })
        }
        switch operation.body {
        case .none: break
        case .json(let all, let required):
            fields["requestBody"] = body(["application/json"], all, required)
        case .form(let all, let required):
            fields["requestBody"] = body(["multipart/form-data"], all, required)
        case .formOrJSON(let all, let required):
            fields["requestBody"] = body(["multipart/form-data", "application/json"], all, required)
        }
        if asksForKeys, route.access != .everybody { fields["security"] = [["key": []]] }
        return .object(fields)
    }

    private static func body(_ types: [String], _ fields: [Field], _ required: [String]) -> JSONValue {
        var properties: [String: JSONValue] = [:]
        for field in fields {
            guard case .object(var schema) = field.schema else { continue }
            schema["description"] = .text(field.meaning)
            properties[field.name] = .object(schema)
            schema["description"] = .text("Another name for `\(field.name)`: one of them may be given.")
            for alias in field.aliases { properties[alias] = .object(schema) }
        }
        guard case .object(var schema) = Schema.object(properties, required: required) else { return .null }
        schema["additionalProperties"] = false
        let content = types.map { ($0, ["schema": .object(schema)] as JSONValue) }
        return ["required": true, "content": .object(Dictionary(content) { $1 })]
    }

    private static func responses(of route: Route, _ asksForKeys: Bool) -> JSONValue {
        var all: [String: JSONValue] = [:]
        if let answer = route.operation.answer {
            var content: [String: JSONValue] = [:]
            for (type, schema) in answer.content { content[type] = ["schema": schema] }
            all["\(answer.status)"] = ["description": "As asked.", "content": .object(content)]
        }
        var errors = route.operation.errors
        if asksForKeys, route.access != .everybody { errors.insert(401) }
        if route.access == .counted { errors.insert(429) }
        for status in errors {
            all["\(status)"] = [
                "description": "What is wrong, in words.",
                "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
            ]
        }
        return .object(all)
    }
}
