/// The one fact about a WAV file that libav does not pass on: how long the file says its sound is.
struct WaveHeader {
    /// Bytes of sound that the header claims.
    let claimed: Int
    /// Bytes there are behind the header.
    let present: Int

    /// Walks the chunks of a RIFF file to its `data`; nil for anything else, and for a size that states nothing:
    /// zero, or about the two or four gibibyte mark, as writers leave it that could not seek back.
    init?(_ source: ByteSource) {
        guard Self.text(source, 0) == "RIFF", Self.text(source, 8) == "WAVE" else { return nil }
        var offset = 12
        // No writer makes a thousand chunks; a file of nothing else is not walked to its end.
        for _ in 0..<1000 {
            guard let name = Self.text(source, offset), let size = Self.number(source, offset + 4) else {
                break
            }
            if name == "data" {
                guard size > 0, size < 0x7FFE_0000 else { return nil }
                (claimed, present) = (size, source.count - offset - 8)
                return
            }
            // Chunks begin at even offsets.
            offset += 8 + size + size % 2
        }
        return nil
    }

    private static func text(_ source: ByteSource, _ offset: Int) -> String? {
        source.bytes(at: offset, count: 4).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func number(_ source: ByteSource, _ offset: Int) -> Int? {
        source.bytes(at: offset, count: 4).map { $0.reversed().reduce(0) { $0 << 8 | Int($1) } }
    }
}
