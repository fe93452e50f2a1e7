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

    let name: String
    let summary: String
    var parameters: [Parameter] = []
    var body = Body.none
    let answer: Answer
    /// Errors beside those that every route of its kind has.
    var errors: [Int] = []
}
