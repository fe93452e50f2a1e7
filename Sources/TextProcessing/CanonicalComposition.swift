/// Unicode's normalization form C, of one Unicode version on every platform and in time n log n.
///
/// Foundation's is neither: on Linux it does not know the marks of recent versions and takes quadratic time on a
/// long run of marks.
struct CanonicalComposition: Sendable {
    static let shared = CanonicalComposition()

    /// The version of the `tokenizers` package, and so of the texts the models learned from. It matters only for
    /// marks that were new in later versions: their order is left alone.
    private static let version = 9

    private struct Pair: Hashable {
        let first: UInt32
        let second: UInt32
    }

    private enum Hangul {
        static let syllable: UInt32 = 0xAC00
        static let lead: UInt32 = 0x1100, vowel: UInt32 = 0x1161, tail: UInt32 = 0x11A7
        static let leads: UInt32 = 19, vowels: UInt32 = 21, tails: UInt32 = 28
        static let syllables = leads * vowels * tails
    }

    private var decompositions: [UInt32: [UInt32]] = [:]
    private var compositions: [Pair: UInt32] = [:]

    private init() {
        for entry in compositionTable.utf8.split(separator: UInt8(ascii: " ")) {
            let values = entry.split { !Self.isHexadecimal($0) }.compactMap {
                UInt32(Substring($0), radix: 16)
            }
            guard let composite = Unicode.Scalar(values[0]), composite.properties.isIn(version: Self.version)
            else { continue }
            decompositions[values[0]] = Array(values.dropFirst())
            if entry.contains(UInt8(ascii: "+")) {
                compositions[Pair(first: values[1], second: values[2])] = values[0]
            }
        }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        Character(Unicode.Scalar(byte)).isHexDigit
    }

    /// The normalized scalars. Below U+0300 nothing has to change: no such scalar is a mark or may be replaced.
    func callAsFunction(_ text: some StringProtocol) -> [Unicode.Scalar] {
        let scalars = Array(text.unicodeScalars)
        guard scalars.contains(where: { $0.value >= 0x300 }) else { return scalars }
        var marked: [(scalar: UInt32, rank: UInt8)] = []
        marked.reserveCapacity(scalars.count)
        for scalar in scalars { decompose(scalar.value, into: &marked) }
        sortMarks(in: &marked)
        return compose(marked).compactMap(Unicode.Scalar.init)
    }

    private func decompose(_ scalar: UInt32, into result: inout [(scalar: UInt32, rank: UInt8)]) {
        let index = scalar &- Hangul.syllable
        if index < Hangul.syllables {
            result.append((Hangul.lead + index / (Hangul.vowels * Hangul.tails), 0))
            result.append((Hangul.vowel + index / Hangul.tails % Hangul.vowels, 0))
            if index % Hangul.tails > 0 { result.append((Hangul.tail + index % Hangul.tails, 0)) }
        } else if scalar >= 0xC0, let parts = decompositions[scalar] {
            for part in parts { decompose(part, into: &result) }
        } else {
            result.append((scalar, Self.combiningClass(scalar)))
        }
    }

    private static func combiningClass(_ scalar: UInt32) -> UInt8 {
        guard scalar >= 0x300, let properties = Unicode.Scalar(scalar)?.properties else { return 0 }
        let rank = properties.canonicalCombiningClass.rawValue
        return rank > 0 && properties.isIn(version: version) ? rank : 0
    }

    /// Puts each run of marks in the order of their classes, keeping the order within a class.
    private func sortMarks(in text: inout [(scalar: UInt32, rank: UInt8)]) {
        var start = 0
        while start < text.count {
            var end = start
            while end < text.count, text[end].rank > 0 { end += 1 }
            if end - start > 1 {
                let run = text[start..<end].enumerated()
                    .sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }
                text.replaceSubrange(start..<end, with: run.map(\.element))
            }
            start = end + 1
        }
    }

    /// Joins each starter with what follows it and is not blocked by a scalar of the same or a higher class.
    private func compose(_ text: [(scalar: UInt32, rank: UInt8)]) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(text.count)
        var starter: Int?
        var last: UInt8 = 0
        for (scalar, rank) in text {
            let adjacent = starter == result.count - 1
            if let starter, adjacent || last < rank, let joined = composite(result[starter], scalar) {
                result[starter] = joined
                continue
            }
            if rank == 0 { starter = result.count }
            last = rank
            result.append(scalar)
        }
        return result
    }

    private func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        let lead = first &- Hangul.lead
        let vowel = second &- Hangul.vowel
        if lead < Hangul.leads, vowel < Hangul.vowels {
            return Hangul.syllable + (lead * Hangul.vowels + vowel) * Hangul.tails
        }
        let syllable = first &- Hangul.syllable
        let tail = second &- Hangul.tail
        if syllable < Hangul.syllables, syllable % Hangul.tails == 0, tail > 0, tail < Hangul.tails {
            return first + tail
        }
        return compositions[Pair(first: first, second: second)]
    }
}

extension Unicode.Scalar.Properties {
    /// Whether the scalar was assigned by this version of Unicode. Pinning the version keeps ids the same whatever
    /// version the standard library has.
    func isIn(version: Int) -> Bool { age.map { $0.major <= version } ?? false }
}
