import Foundation

/// The hub's answer about a model, checked: nothing in it can lead a write out of the snapshot.
package struct ListingAnswer {
    struct Entry {
        let path: String
        let size: Int64?
        let hash: String?
    }

    let commit: String
    let entries: [Entry]

    /// Most files we look at, and the longest path, in bytes.
    private static let limits = (files: 10_000, path: 1_024, component: 255)

    private struct Answer: Decodable {
        struct Sibling: Decodable {
            struct LargeFile: Decodable {
                let sha256: String
                let size: Int64
            }
            let rfilename: String
            let size: Int64?
            let blobId: String?
            let lfs: LargeFile?
        }
        let sha: String
        let siblings: [Sibling]?
    }

    /// - Throws: `malformedAnswer`, `hostileFileName`.
    init(_ json: Data) throws(HubError) {
        let answer: Answer
        do {
            answer = try JSONDecoder().decode(Answer.self, from: json)
        } catch {
            throw .malformedAnswer("not the listing of a model")
        }
        guard Self.isHexadecimal(answer.sha, count: 40) else {
            throw .malformedAnswer("'\(answer.sha.prefix(80))' is not a commit")
        }
        let siblings = answer.siblings ?? []
        guard siblings.count <= Self.limits.files else {
            throw .malformedAnswer("\(siblings.count) files")
        }
        var seen: Set<String> = []
        var entries: [Entry] = []
        for sibling in siblings {
            guard Self.isSafe(sibling.rfilename), seen.insert(sibling.rfilename).inserted else {
                throw .hostileFileName(String(sibling.rfilename.prefix(200)))
            }
            let size = sibling.lfs?.size ?? sibling.size
            let hash = (sibling.lfs?.sha256 ?? sibling.blobId).flatMap(Self.hash(ofEntityTag:))
            guard (size ?? 0) >= 0 else { throw .malformedAnswer("a size of \(size ?? 0)") }
            entries.append(Entry(path: sibling.rfilename, size: size, hash: hash))
        }
        (commit, self.entries) = (answer.sha, entries)
    }

    /// The hash in an entity tag: quotes and the mark of weakness taken off. Nil if it is no SHA-1 or SHA-256.
    package static func hash(ofEntityTag tag: String) -> String? {
        let bare = (tag.hasPrefix("W/") ? String(tag.dropFirst(2)) : tag)
            .trimmingCharacters(in: CharacterSet(charactersIn: "\"")).lowercased()
        return isHexadecimal(bare, count: 40) || isHexadecimal(bare, count: 64) ? bare : nil
    }

    /// Whether a path stays inside the folder it is written to, on any system.
    static func isSafe(_ path: String) -> Bool {
        guard !path.isEmpty, path.utf8.count <= limits.path,
            !path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F || $0 == "\\" })
        else { return false }
        return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && part != "." && part != ".." && part.utf8.count <= limits.component
        }
    }

    private static func isHexadecimal(_ text: String, count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
    }
}
