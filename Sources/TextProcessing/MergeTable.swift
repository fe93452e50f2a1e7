/// Which pairs of tokens are joined, in which order, and into what.
struct MergeTable: Sendable {
    private struct Merge {
        let rank: UInt32
        let result: Int32
    }

    private var merges: [UInt64: Merge] = [:]

    init(capacity: Int) { merges.reserveCapacity(capacity) }

    /// Adds a pair; false if it is there already.
    mutating func add(_ left: Int32, _ right: Int32, rank: UInt32, result: Int32) -> Bool {
        merges.updateValue(Merge(rank: rank, result: result), forKey: Self.key(left, right)) == nil
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Joins, everywhere in a word, the adjacent pair of lowest rank, until no pair is listed. The leftmost of
    /// equal pairs goes first. Candidates wait in a heap over a linked list: n log n for a word of n bytes.
    func apply(to word: inout [Int32]) {
        guard word.count > 1 else { return }
        var next = Array(1...word.count)
        var previous = Array(-1..<(word.count - 1))
        var heap = CandidateHeap()
        for left in 0..<(word.count - 1) { offer(left, left + 1, in: word, to: &heap) }
        while let candidate = heap.popFirst() {
            let left = candidate.position
            // A token swallowed since, or grown since, leaves its old candidates behind.
            guard word[left] >= 0, next[left] < word.count,
                let merge = merges[Self.key(word[left], word[next[left]])], merge.rank == candidate.rank
            else { continue }
            let right = next[left]
            word[left] = merge.result
            word[right] = -1
            next[left] = next[right]
            if next[right] < word.count {
                previous[next[right]] = left
                offer(left, next[right], in: word, to: &heap)
            }
            if previous[left] >= 0 { offer(previous[left], left, in: word, to: &heap) }
        }
        word.removeAll { $0 < 0 }
    }

    private func offer(_ left: Int, _ right: Int, in word: [Int32], to heap: inout CandidateHeap) {
        guard let merge = merges[Self.key(word[left], word[right])] else { return }
        heap.insert(rank: merge.rank, position: left)
    }
}

/// Candidate merges, lowest rank first and then leftmost first.
private struct CandidateHeap {
    /// Rank in the upper 24 bits, position in the lower 40.
    private var keys: [UInt64] = []

    mutating func insert(rank: UInt32, position: Int) {
        keys.append(UInt64(rank) << 40 | UInt64(position))
        var child = keys.count - 1
        while child > 0, keys[(child - 1) / 2] > keys[child] {
            keys.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func popFirst() -> (rank: UInt32, position: Int)? {
        guard let first = keys.first, let last = keys.popLast() else { return nil }
        if !keys.isEmpty {
            keys[0] = last
            sink()
        }
        return (UInt32(first >> 40), Int(first & (1 << 40 - 1)))
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < keys.count && keys[child] < keys[least] {
                least = child
            }
            guard least != parent else { return }
            keys.swapAt(parent, least)
            parent = least
        }
    }
}
