/// The entries of a zip archive whose members are stored as they are, as `torch.save` writes it.
///
/// Only the central directory is believed; each local header must agree with it. Compressed or encrypted
/// members, several disks, comments after the archive, names that leave it, names given twice, and members that
/// share bytes are refused.
struct ZipDirectory {
    /// Where the bytes of each member lie in the file.
    let members: [String: Range<Int>]

    private static let memberLimit = 200_000
    private static let wide32 = UInt32.max
    private static let endLength = 22, locatorLength = 20, wideEndLength = 56, localLength = 30

    /// A member as the central directory describes it.
    private struct Record {
        let name: String
        let flags: UInt16
        let size: UInt64
        let offset: UInt64
    }

    /// Where the central directory lies, and its number of members.
    private struct Location {
        var range: Range<Int>
        var count: UInt64
    }

    init(_ file: MappedFile) throws(CheckpointError) {
        let location = try ZipDirectory.locate(file)
        guard location.count <= UInt64(ZipDirectory.memberLimit) else {
            throw .tooLarge(
                path: file.path, what: "the number of members", value: location.count,
                limit: UInt64(ZipDirectory.memberLimit))
        }
        var cursor = ByteCursor(file, location.range)
        var members: [String: Range<Int>] = [:]
        var extents: [(range: Range<Int>, name: String)] = []
        for _ in 0..<location.count {
            let record = try ZipDirectory.record(&cursor)
            let (extent, data) = try ZipDirectory.extent(record, file, before: location.range.lowerBound)
            guard members.updateValue(data, forKey: record.name) == nil else {
                throw .duplicate(path: file.path, name: record.name)
            }
            extents.append((extent, record.name))
        }
        guard cursor.remaining == 0 else { throw cursor.malformed("the zip directory lists fewer members") }
        extents.sort { $0.range.lowerBound < $1.range.lowerBound }
        for (before, after) in zip(extents, extents.dropFirst())
        where after.range.lowerBound < before.range.upperBound {
            throw .malformed(
                path: file.path, offset: after.range.lowerBound,
                what: "zip members '\(before.name)' and '\(after.name)' share bytes")
        }
        self.members = members
    }

    private static func locate(_ file: MappedFile) throws(CheckpointError) -> Location {
        let size = file.bytes.count
        guard size >= endLength else { throw .truncated(path: file.path, offset: 0, what: "the zip archive") }
        let end = size - endLength
        var cursor = ByteCursor(file, end..<size)
        guard try cursor.integer(UInt32.self, "the zip end") == 0x0605_4b50 else {
            throw .truncated(path: file.path, offset: end, what: "the end of the zip archive")
        }
        let disks = try cursor.integer(UInt32.self, "the zip end")
        let countHere = try cursor.integer(UInt16.self, "the zip end")
        let count = try cursor.integer(UInt16.self, "the zip end")
        let length = try cursor.integer(UInt32.self, "the zip end")
        let offset = try cursor.integer(UInt32.self, "the zip end")
        let comment = try cursor.integer(UInt16.self, "the zip end")
        guard disks == 0, countHere == count, comment == 0 else {
            throw cursor.malformed("the zip archive has several disks or a comment")
        }
        if let wide = try wideLocation(file, before: end) {
            guard count == .max || UInt64(count) == wide.count,
                length == wide32 || UInt64(length) == UInt64(wide.range.count),
                offset == wide32 || UInt64(offset) == UInt64(wide.range.lowerBound)
            else { throw cursor.malformed("the two zip directory ends disagree") }
            return wide
        }
        let range = try directory(file, offset: UInt64(offset), length: UInt64(length), until: end)
        return Location(range: range, count: UInt64(count))
    }

    /// The directory's place by the zip64 end, if the archive has one before `end`.
    private static func wideLocation(_ file: MappedFile, before end: Int) throws(CheckpointError) -> Location?
    {
        let start = end - locatorLength
        guard start >= wideEndLength else { return nil }
        var cursor = ByteCursor(file, start..<end)
        guard try cursor.integer(UInt32.self, "the zip64 locator") == 0x0706_4b50 else { return nil }
        let disk = try cursor.integer(UInt32.self, "the zip64 locator")
        let position = try cursor.integer(UInt64.self, "the zip64 locator")
        let disks = try cursor.integer(UInt32.self, "the zip64 locator")
        guard disk == 0, disks == 1, position == UInt64(start - wideEndLength) else {
            throw cursor.malformed("the zip64 locator points elsewhere than before itself")
        }
        cursor = ByteCursor(file, start - wideEndLength..<start)
        let signature = try cursor.integer(UInt32.self, "the zip64 end")
        let length = try cursor.integer(UInt64.self, "the zip64 end")
        _ = try cursor.integer(UInt32.self, "the zip64 end")
        let diskNumbers = try cursor.integer(UInt64.self, "the zip64 end")
        let countHere = try cursor.integer(UInt64.self, "the zip64 end")
        let count = try cursor.integer(UInt64.self, "the zip64 end")
        let size = try cursor.integer(UInt64.self, "the zip64 end")
        let offset = try cursor.integer(UInt64.self, "the zip64 end")
        guard signature == 0x0606_4b50, length == UInt64(wideEndLength - 12), diskNumbers == 0,
            countHere == count
        else { throw cursor.malformed("the zip64 end is not as it should be") }
        let range = try directory(file, offset: offset, length: size, until: start - wideEndLength)
        return Location(range: range, count: count)
    }

    private static func directory(
        _ file: MappedFile, offset: UInt64, length: UInt64, until end: Int
    ) throws(CheckpointError) -> Range<Int> {
        guard let size = Int(exactly: length), let range = file.range(offset: offset, count: size),
            range.upperBound == end
        else {
            throw .malformed(
                path: file.path, offset: end, what: "the zip directory does not end at its end record")
        }
        return range
    }

    private static func record(_ cursor: inout ByteCursor) throws(CheckpointError) -> Record {
        let what = "a member of the zip directory"
        guard try cursor.integer(UInt32.self, what) == 0x0201_4b50 else {
            throw cursor.malformed("a member of the zip directory should start here")
        }
        _ = try cursor.take(4, what)
        let flags = try cursor.integer(UInt16.self, what)
        let method = try cursor.integer(UInt16.self, what)
        _ = try cursor.take(8, what)
        let compressed = try cursor.integer(UInt32.self, what)
        let size = try cursor.integer(UInt32.self, what)
        let nameLength = try cursor.integer(UInt16.self, what)
        let extraLength = try cursor.integer(UInt16.self, what)
        let commentLength = try cursor.integer(UInt16.self, what)
        _ = try cursor.take(8, what)
        let offset = try cursor.integer(UInt32.self, what)
        let name = try cursor.text(UInt64(nameLength), "the name of a zip member")
        let extra = cursor.position
        _ = try cursor.take(UInt64(extraLength), what)
        var fields = ByteCursor(cursor.file, extra..<cursor.position)
        _ = try cursor.take(UInt64(commentLength), what)
        guard isInside(name) else { throw cursor.malformed("the zip member '\(name)' names a place outside") }
        guard method == 0 else {
            throw .unsupported(path: cursor.file.path, what: "the compressed zip member '\(name)'")
        }
        // Bit 3 puts the sizes after the data, bit 11 says that names are UTF-8.
        guard flags & ~0x0808 == 0 else {
            throw .unsupported(path: cursor.file.path, what: "the encrypted or patched zip member '\(name)'")
        }
        let wide = try wideFields(&fields, [size, compressed, offset])
        guard wide[0] == wide[1] else {
            throw cursor.malformed("the stored zip member '\(name)' has two sizes")
        }
        return Record(name: name, flags: flags, size: wide[0], offset: wide[2])
    }

    /// Each field, replaced where it is all ones by the next number in the zip64 part of the extra field.
    private static func wideFields(
        _ cursor: inout ByteCursor, _ fields: [UInt32]
    ) throws(CheckpointError) -> [UInt64] {
        guard fields.contains(wide32) else { return fields.map { UInt64($0) } }
        while cursor.remaining > 0 {
            let identifier = try cursor.integer(UInt16.self, "an extra field")
            let length = try cursor.integer(UInt16.self, "an extra field")
            guard identifier == 1 else {
                _ = try cursor.take(UInt64(length), "an extra field")
                continue
            }
            var wide: [UInt64] = []
            for field in fields {
                wide.append(field == wide32 ? try cursor.integer(UInt64.self, "a zip64 size") : UInt64(field))
            }
            return wide
        }
        throw cursor.malformed("a zip64 size is missing")
    }

    /// The bytes of the member with its local header, and those of the member alone.
    private static func extent(
        _ record: Record, _ file: MappedFile, before limit: Int
    ) throws(CheckpointError) -> (extent: Range<Int>, data: Range<Int>) {
        let what = "the zip member '\(record.name)'"
        guard let header = file.range(offset: record.offset, count: localLength), header.upperBound <= limit
        else {
            throw .truncated(path: file.path, offset: limit, what: what)
        }
        var cursor = ByteCursor(file, header.lowerBound..<limit)
        let signature = try cursor.integer(UInt32.self, what)
        _ = try cursor.take(2, what)
        let flags = try cursor.integer(UInt16.self, what)
        let method = try cursor.integer(UInt16.self, what)
        _ = try cursor.take(8, what)
        let compressed = try cursor.integer(UInt32.self, what)
        let size = try cursor.integer(UInt32.self, what)
        let nameLength = try cursor.integer(UInt16.self, what)
        let extraLength = try cursor.integer(UInt16.self, what)
        let name = try cursor.text(UInt64(nameLength), what)
        _ = try cursor.take(UInt64(extraLength), what)
        let sizesFollow = flags & 8 != 0
        let sizesAgree = [compressed, size].allSatisfy { $0 == wide32 || UInt64($0) == record.size }
        guard signature == 0x0403_4b50, method == 0, flags == record.flags, name == record.name,
            sizesFollow || sizesAgree
        else { throw cursor.malformed("\(what) is not what the directory says") }
        let start = cursor.position
        _ = try cursor.take(record.size, what)
        return (header.lowerBound..<cursor.position, start..<cursor.position)
    }

    /// Whether `name` is a relative path that stays where it starts.
    private static func isInside(_ name: String) -> Bool {
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let plain = !name.utf8.contains { $0 < 0x20 || $0 == 0x5c || $0 == 0x3a || $0 == 0x7f }
        let dots = [".", ".."]
        return plain && parts.allSatisfy { !$0.isEmpty && !dots.contains(String(Substring($0))) }
    }
}
