/// The spelling of bytes as printable characters that GPT-2 introduced: bytes 33...126, 161...172 and 174...255
/// are the characters of the same value, the 68 others are U+0100, U+0101, ... in the order of the bytes.
enum ByteAlphabet {
    /// The byte that a scalar stands for: `bytes[scalar]`, nil where it stands for none.
    static let bytes: [UInt8?] = {
        var table = [UInt8?](repeating: nil, count: 0x100 + 68)
        var next = 0x100
        for byte in UInt8.min...UInt8.max {
            switch byte {
            case 33...126, 161...172, 174...255: table[Int(byte)] = byte
            default:
                table[next] = byte
                next += 1
            }
        }
        return table
    }()

    /// The bytes that a token of the vocabulary stands for; nil if a character stands for no byte.
    static func decode(_ token: some StringProtocol) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(token.utf8.count)
        for scalar in token.unicodeScalars {
            guard scalar.value < UInt32(bytes.count), let byte = bytes[Int(scalar.value)] else { return nil }
            result.append(byte)
        }
        return result
    }
}
