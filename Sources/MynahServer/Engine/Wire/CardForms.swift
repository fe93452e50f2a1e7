package import Mynah
package import SpeechCore

// Models, and what is known of them before and after they are loaded.

extension ModelCard: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self.init(
            family: try wire.get(), variant: try wire.get(), size: try wire.get(), sampleRate: try wire.get(),
            languages: try wire.get(), speakers: try wire.get(), clones: try wire.get(),
            designs: try wire.get(), takesInstructions: try wire.get(),
            textIntake: try Self.named(TextIntake.self, in: &wire),
            generation: try Self.named(Generation.self, in: &wire), dialogueSpeakers: try wire.get())
        guard sampleRate > 0 else { throw .invalid("a sample rate") }
    }
    package func write(to wire: inout WireWriter) {
        wire.put(family)
        wire.put(variant)
        wire.put(size)
        wire.put(sampleRate)
        wire.put(languages)
        wire.put(speakers)
        wire.put(clones)
        wire.put(designs)
        wire.put(takesInstructions)
        wire.put(textIntake.rawValue)
        wire.put(generation.rawValue)
        wire.put(dialogueSpeakers)
    }
}

extension TranscriberCard: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self.init(
            family: try wire.get(), size: try wire.get(), longestRecording: try wire.get(),
            tellsSpeakers: try wire.get(), takesContext: try wire.get(),
            translates: try wire.get())
    }
    package func write(to wire: inout WireWriter) {
        wire.put(family)
        wire.put(size)
        wire.put(longestRecording)
        wire.put(tellsSpeakers)
        wire.put(takesContext)
        wire.put(translates)
    }
}

extension ModelFacts.Card: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self = try wire.get(Bool.self) ? .listens(try wire.get()) : .speaks(try wire.get())
    }
    package func write(to wire: inout WireWriter) {
        switch self {
        case .speaks(let card):
            wire.put(false)
            wire.put(card)
        case .listens(let card):
            wire.put(true)
            wire.put(card)
        }
    }
}

extension ComputeDevice: WireForm {
    package init(from wire: inout WireReader) throws(WireError) { self.init(try wire.get(String.self)) }
    package func write(to wire: inout WireWriter) {
        switch self {
        case .automatic: wire.put("auto")
        case .cpu: wire.put("cpu")
        case .named(let name): wire.put(name)
        }
    }
}

extension Quantization: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self = try Self.named(Self.self, in: &wire)
    }
    package func write(to wire: inout WireWriter) { wire.put(rawValue) }
}

/// A model as a worker is told to load it.
package struct WorkerModel: WireForm, Sendable {
    package var path: String
    package var quantization: Quantization?
    package var device: ComputeDevice
    package var threads: Int?
    package var sessions: Int

    package init(path: String, _ options: LoadOptions) {
        (self.path, quantization, device) = (path, options.quantization, options.device)
        (threads, sessions) = (options.threads, options.sessions)
    }

    package init(from wire: inout WireReader) throws(WireError) {
        (path, quantization, device) = (try wire.get(), try wire.get(), try wire.get())
        (threads, sessions) = (try wire.get(), try wire.get())
    }
    package func write(to wire: inout WireWriter) {
        wire.put(path)
        wire.put(quantization)
        wire.put(device)
        wire.put(threads)
        wire.put(sessions)
    }

    var options: LoadOptions {
        LoadOptions(quantization: quantization, device: device, threads: threads, sessions: sessions)
    }
}

extension ModelFacts: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        let (card, footprint) = (try wire.get(Card.self), try wire.get(Int.self))
        guard footprint >= 0 else { throw .invalid("a footprint") }
        self.init(card: card, footprint: footprint)
    }
    package func write(to wire: inout WireWriter) {
        wire.put(card)
        wire.put(footprint)
    }
}
