package import SpeechCore

// What is asked of a model that listens, and what it answers.

extension TranscriptionOptions: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self.init(
            context: try wire.get(), maximumTokens: try wire.get(), translates: try wire.get(),
            seed: try wire.get())
    }
    package func write(to wire: inout WireWriter) {
        wire.put(context)
        wire.put(maximumTokens)
        wire.put(translates)
        wire.put(seed)
    }
}

extension TranscriptSegment: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self.init(speaker: try wire.get(), start: try wire.get(), end: try wire.get(), text: try wire.get())
    }
    package func write(to wire: inout WireWriter) {
        wire.put(speaker)
        wire.put(start)
        wire.put(end)
        wire.put(text)
    }
}

extension Transcript.Warning: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self = try Self.named(Self.self, in: &wire)
    }
    package func write(to wire: inout WireWriter) { wire.put(rawValue) }
}

extension Transcript: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        self.init(
            segments: try wire.get(), duration: try wire.get(), unread: try wire.get(),
            warnings: try wire.get())
    }
    package func write(to wire: inout WireWriter) {
        wire.put(segments)
        wire.put(duration)
        wire.put(unread)
        wire.put(warnings)
    }
}

extension TranscriptionEvent: WireForm {
    package init(from wire: inout WireReader) throws(WireError) {
        switch try wire.byte() {
        case 0: self = .listening(try wire.get())
        case 1: self = .writing(try wire.get())
        case 2: self = .segment(try wire.get())
        case 3: self = .retracted(to: try wire.get())
        case 4: self = .finished(try wire.get())
        case let other: throw .unknown("event", UInt64(other))
        }
    }
    package func write(to wire: inout WireWriter) {
        switch self {
        case .listening(let share):
            wire.put(UInt8(0))
            wire.put(share)
        case .writing(let text):
            wire.put(UInt8(1))
            wire.put(text)
        case .segment(let segment):
            wire.put(UInt8(2))
            wire.put(segment)
        case .retracted(let count):
            wire.put(UInt8(3))
            wire.put(count)
        case .finished(let transcript):
            wire.put(UInt8(4))
            wire.put(transcript)
        }
    }
}
