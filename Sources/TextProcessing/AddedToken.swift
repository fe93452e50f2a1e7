/// A token that is looked for in the text itself, before anything else is done to it.
package struct AddedToken: Hashable, Sendable {
    /// Its text, matched exactly.
    package let content: String
    /// Its id.
    package let id: Int32
    /// Whether it steers the model, and so is no part of what a person reads.
    package let isSpecial: Bool

    package init(content: String, id: Int32, isSpecial: Bool) {
        self.content = content
        self.id = id
        self.isSpecial = isSpecial
    }
}

/// Finds added tokens in text: the leftmost, and of those that begin at one place the longest.
struct AddedTokenMatcher: Sendable {
    private struct Edge: Hashable {
        let node: Int32
        let byte: UInt8
    }

    /// A trie: from node and byte to node. Node 0 is the root.
    private var edges: [Edge: Int32] = [:]
    /// The token that ends at each node, if any.
    private var tokens: [Int32?] = [nil]
    /// Whether any token begins with the byte.
    private var begins = [Bool](repeating: false, count: 256)
    /// Whether any token has white space in it.
    let hasSpaces: Bool

    init(_ added: [AddedToken]) {
        hasSpaces = added.contains { $0.content.contains(where: \.isWhitespace) }
        for token in added {
            var node: Int32 = 0
            for byte in token.content.utf8 {
                if node == 0 { begins[Int(byte)] = true }
                let edge = Edge(node: node, byte: byte)
                if let next = edges[edge] {
                    node = next
                } else {
                    node = Int32(tokens.count)
                    edges[edge] = node
                    tokens.append(nil)
                }
            }
            tokens[Int(node)] = token.id
        }
    }

    /// A stretch of text, or the token that stood there.
    enum Piece: Equatable {
        case text(Range<Int>)
        case token(Int32)
    }

    /// The pieces of `text` in order; ranges count its bytes.
    func pieces(of text: UnsafeBufferPointer<UInt8>) -> [Piece] {
        var result: [Piece] = []
        var start = 0
        var position = 0
        while position < text.count {
            guard begins[Int(text[position])], let (id, end) = match(in: text, at: position) else {
                position += 1
                continue
            }
            if start < position { result.append(.text(start..<position)) }
            result.append(.token(id))
            position = end
            start = end
        }
        if start < text.count { result.append(.text(start..<text.count)) }
        return result
    }

    private func match(in text: UnsafeBufferPointer<UInt8>, at start: Int) -> (id: Int32, end: Int)? {
        var longest: (id: Int32, end: Int)?
        var node: Int32 = 0
        var position = start
        while position < text.count, let next = edges[Edge(node: node, byte: text[position])] {
            node = next
            position += 1
            if let id = tokens[Int(node)] { longest = (id, position) }
        }
        return longest
    }
}
