/// Tokens by id and ids by token.
struct Vocabulary: Sendable {
    /// Highest id we take: a file that says more is broken, and must not make us reserve memory for it.
    static let highestID = 1 << 22

    private var idOfToken: [[UInt8]: Int32] = [:]
    private var idOfAdded: [[UInt8]: Int32] = [:]
    private var idOfByte: [Int32] = []
    private var bytesOfID: [[UInt8]] = []
    private var special: Set<Int32> = []

    /// - Parameters:
    ///   - base: ids by token, spelled in the byte alphabet.
    ///   - added: the added tokens. One may repeat a token of `base` under the same id.
    init(base: [String: Int], added: [AddedToken]) throws(TokenizerError) {
        let highest = max(base.values.max() ?? 0, added.map { Int($0.id) }.max() ?? 0)
        bytesOfID = Array(repeating: [], count: min(max(highest, 0), Self.highestID) + 1)
        idOfToken.reserveCapacity(base.count)
        for (token, id) in base {
            guard let bytes = ByteAlphabet.decode(token), !bytes.isEmpty else {
                throw .strayCharacter(token: token)
            }
            let id = try place(bytes, at: id, token)
            guard idOfToken.updateValue(id, forKey: bytes) == nil else { throw .duplicateToken(token) }
        }
        for byte in UInt8.min...UInt8.max {
            guard let id = idOfToken[[byte]] else { throw .missingByte(byte) }
            idOfByte.append(id)
        }
        for token in added { try add(token) }
    }

    private mutating func add(_ token: AddedToken) throws(TokenizerError) {
        let bytes = Array(token.content.utf8)
        guard !bytes.isEmpty else { throw .emptyAddedToken(id: Int(token.id)) }
        if idOfToken[bytes] != token.id { _ = try place(bytes, at: Int(token.id), token.content) }
        guard idOfAdded.updateValue(token.id, forKey: bytes) == nil else {
            throw .duplicateToken(token.content)
        }
        if token.isSpecial { special.insert(token.id) }
    }

    private mutating func place(_ bytes: [UInt8], at id: Int, _ token: String) throws(TokenizerError) -> Int32
    {
        guard (0...Self.highestID).contains(id) else { throw .idOutOfRange(token: token, id: id) }
        guard bytesOfID[id].isEmpty else { throw .duplicateID(id) }
        bytesOfID[id] = bytes
        return Int32(id)
    }

    var idLimit: Int { bytesOfID.count }

    func id(ofByte byte: UInt8) -> Int32 { idOfByte[Int(byte)] }

    /// The id of a token of the base vocabulary.
    func id(of bytes: [UInt8]) -> Int32? { idOfToken[bytes] }

    func bytes(of id: Int32) -> [UInt8] { bytesOfID.indices.contains(Int(id)) ? bytesOfID[Int(id)] : [] }

    func isSpecial(_ id: Int32) -> Bool { special.contains(id) }

    subscript(text: String) -> Int32? {
        let bytes = Array(text.utf8)
        return idOfAdded[bytes] ?? idOfToken[bytes]
    }
}
