import HTTPTypes
package import Hummingbird
import Logging
import NIOCore

/// What is known of a request beside itself.
package struct ServerContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The connection it came by.
    let channel: any Channel
    /// The id that the client gave, or ours.
    var tag = RequestTag.made()

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// The id of a request, in every line of the log about it and in the answer.
enum RequestTag {
    static func made() -> String { "req_" + RandomName.hexadecimal() }

    /// A client's own id, where it is one that may stand in a log.
    static func accepted(_ text: String?) -> String? {
        guard let text, (1...128).contains(text.utf8.count) else { return nil }
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
        return isPlain ? text : nil
    }
}

/// Names that nobody guesses.
enum RandomName {
    /// 24 digits.
    static func hexadecimal() -> String {
        var generator = SystemRandomNumberGenerator()
        let text = String(generator.next(), radix: 16) + String(generator.next(), radix: 16)
        return String((text + String(repeating: "0", count: 24)).prefix(24))
    }
}
