/// What is said of a route in the description.
struct Operation: Sendable {
    /// A part of the query or the path.
    struct Parameter: Sendable {
        let name: String
        let place: Place
        let schema: JSONValue
        let meaning: String

        enum Place: String, Sendable { case query, path }
    }

    /// What a request carries.
    enum Body: Sendable {
        case none
        case json([Field], required: [String])
        case form([Field], required: [String])
        /// A form, or its texts as JSON.
        case formOrJSON([Field], required: [String])
    }

    /// What comes back when all is well.
    struct Answer: Sendable {
        var status = 200
        /// Media types, and the schema of each.
        var content: [(type: String, schema: JSONValue)]

        static func json(_ schema: JSONValue) -> Answer { Answer(content: [("application/json", schema)]) }
    }

    /// What is worked with that may fail.
    enum Reach: Sendable {
        case memory, disk, models

        var errors: [Int] {
            switch self {
            case .memory: []
            case .disk: [500]
            case .models: [404, 500, 503, 504]
            }
        }
    }

    let name: String
    let summary: String
    var parameters: [Parameter] = []
    var body = Body.none
    /// Nil where nothing can go well yet.
    let answer: Answer?
    var reach = Reach.memory
    /// Errors beside those of its kind.
    var ownErrors: [Int] = []

    /// The statuses of every error that there may be, below HTTP's routes too.
    var errors: Set<Int> {
        var errors: Set<Int> = [400, 403, 405, 421, 431, 505]
        errors.formUnion(ownErrors + reach.errors + body.errors)
        if parameters.contains(where: { $0.place == .path }) { errors.insert(404) }
        return errors
    }
}

extension Operation.Body {
    /// A body may be late, too large, and of another kind; a file may find no room.
    fileprivate var errors: [Int] {
        switch self {
        case .none: []
        case .json: [408, 413, 415]
        case .form, .formOrJSON: [408, 413, 415, 503]
        }
    }
}
