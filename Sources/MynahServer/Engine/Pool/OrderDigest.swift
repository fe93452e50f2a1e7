import ModelHub
package import SpeechCore

/// What tells requests apart by their content, whoever makes them.
package struct OrderDigest: Hashable, Sendable {
    private let hash: String

    package init(_ order: SpeechOrder) {
        self.init(kind: 0, order.model) {
            let (turns, recordings) = SpokenTurns.parted(order.utterances)
            $0.put(turns)
            for samples in recordings { $0.put(samples: samples) }
            $0.put(order.options)
        }
    }

    package init(_ order: TranscriptionOrder) {
        self.init(kind: 1, order.model) {
            $0.put(order.audio)
            $0.put(order.options)
        }
    }

    package init(_ recording: Recording, name: String, model: String) {
        self.init(kind: 2, model) {
            $0.put(recording)
            $0.put(name)
        }
    }

    private init(kind: UInt8, _ model: String, _ content: (inout WireWriter) -> Void) {
        var wire = WireWriter()
        wire.put(kind)
        wire.put(model)
        content(&wire)
        var digest = MessageDigest<SHA256>()
        digest.update(wire.bytes)
        hash = digest.hexadecimal()
    }
}
