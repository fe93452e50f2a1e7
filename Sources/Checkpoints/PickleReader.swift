/// Reads the operations of a pickle, protocols 2 to 5, and gives them to a machine.
struct PickleReader {
    private var machine: PickleMachine
    private var cursor: ByteCursor
    private var operations = 0
    private var valueBudget = 1_000_000

    private static let pickleLimit = 64 << 20
    private static let operationLimit = 4_000_000
    private static let nestingLimit = 64

    init(_ machine: PickleMachine, _ file: MappedFile, _ range: Range<Int>) throws(CheckpointError) {
        guard range.count <= PickleReader.pickleLimit else {
            throw .tooLarge(
                path: file.path, what: "the pickle", value: UInt64(range.count),
                limit: UInt64(PickleReader.pickleLimit))
        }
        self.machine = machine
        cursor = ByteCursor(file, range)
    }

    /// Runs all operations, and gives what they leave.
    mutating func value() throws(CheckpointError) -> PickleValue {
        while true {
            operations += 1
            guard operations <= PickleReader.operationLimit else {
                throw .tooLarge(
                    path: cursor.file.path, what: "the number of pickle operations",
                    value: UInt64(operations),
                    limit: UInt64(PickleReader.operationLimit))
            }
            let code = try cursor.integer(UInt8.self, "the pickle")
            guard let operation = Operation(rawValue: code) else {
                throw cursor.malformed("the pickle operation \(code) is not one of plain data")
            }
            if operation == .stop { break }
            try run(operation)
        }
        guard cursor.remaining == 0 else { throw cursor.malformed("bytes after the end of the pickle") }
        let result = try machine.result()
        return try value(of: result, nesting: 0)
    }

    /// The operations that plain data and tensors need, by Python's names for them.
    private enum Operation: UInt8 {
        case proto = 0x80, frame = 0x95, stop = 0x2e, mark = 0x28
        case none = 0x4e, newTrue = 0x88, newFalse = 0x89
        case binInt = 0x4a, binInt1 = 0x4b, binInt2 = 0x4d, long1 = 0x8a, binFloat = 0x47
        case binUnicode = 0x58, shortBinUnicode = 0x8c, binUnicode8 = 0x8d
        case binBytes = 0x42, shortBinBytes = 0x43, binBytes8 = 0x8e
        case emptyList = 0x5d, emptyTuple = 0x29, emptyDict = 0x7d
        case append = 0x61, appends = 0x65, setItem = 0x73, setItems = 0x75
        case tuple = 0x74, tuple1 = 0x85, tuple2 = 0x86, tuple3 = 0x87
        case binPut = 0x71, longBinPut = 0x72, memoize = 0x94, binGet = 0x68, longBinGet = 0x6a
        case global = 0x63, stackGlobal = 0x93, reduce = 0x52, newObj = 0x81, build = 0x62, binPersID = 0x51
    }

    private mutating func run(_ operation: Operation) throws(CheckpointError) {
        switch operation {
        case .proto: try checkProtocol()
        case .frame: try checkFrame()
        case .mark: machine.mark()
        case .none: machine.push(.none)
        case .newTrue: machine.push(.bool(true))
        case .newFalse: machine.push(.bool(false))
        case .emptyList: machine.push(.list)
        case .emptyTuple: machine.push(.tuple)
        case .emptyDict: machine.push(.dictionary)
        case .append: try machine.append(machine.pop(1))
        case .appends: try machine.append(machine.popToMark())
        case .setItem: try machine.setItems(machine.pop(2))
        case .setItems: try machine.setItems(machine.popToMark())
        case .tuple: machine.push(.tuple, try machine.popToMark())
        case .tuple1: machine.push(.tuple, try machine.pop(1))
        case .tuple2: machine.push(.tuple, try machine.pop(2))
        case .tuple3: machine.push(.tuple, try machine.pop(3))
        case .binPut: try machine.remember(UInt32(number(UInt8.self)))
        case .longBinPut: try machine.remember(number(UInt32.self))
        case .memoize: try machine.rememberNext()
        case .binGet: try machine.recall(UInt32(number(UInt8.self)))
        case .longBinGet: try machine.recall(number(UInt32.self))
        case .global: try machine.global(line(), line())
        case .stackGlobal: try stackGlobal()
        case .reduce: try machine.reduce()
        case .newObj: try machine.newObject()
        case .build: try machine.build()
        case .binPersID: try machine.persistentStorage()
        default: machine.push(try scalar(operation))
        }
    }

    private mutating func scalar(_ operation: Operation) throws(CheckpointError) -> PickleMachine.Slot {
        switch operation {
        case .binInt: .integer(Int64(try number(Int32.self)))
        case .binInt1: .integer(Int64(try number(UInt8.self)))
        case .binInt2: .integer(Int64(try number(UInt16.self)))
        case .long1: .integer(try long())
        case .binFloat: .double(Double(bitPattern: try number(UInt64.self).byteSwapped))
        case .binUnicode: .string(try cursor.text(UInt64(number(UInt32.self)), "a string"))
        case .shortBinUnicode: .string(try cursor.text(UInt64(number(UInt8.self)), "a string"))
        case .binUnicode8: .string(try cursor.text(number(UInt64.self), "a string"))
        case .binBytes: .bytes(Array(try cursor.take(UInt64(number(UInt32.self)), "bytes")))
        case .shortBinBytes: .bytes(Array(try cursor.take(UInt64(number(UInt8.self)), "bytes")))
        case .binBytes8: .bytes(Array(try cursor.take(number(UInt64.self), "bytes")))
        default: preconditionFailure("\(operation) pushes no scalar")
        }
    }

    private mutating func number<Number: FixedWidthInteger>(
        _ type: Number.Type
    ) throws(CheckpointError) -> Number {
        try cursor.integer(type, "a pickled value")
    }

    private mutating func checkProtocol() throws(CheckpointError) {
        let version = try number(UInt8.self)
        guard (2...5).contains(version) else {
            throw .unsupported(path: cursor.file.path, what: "pickle protocol \(version)")
        }
    }

    private mutating func checkFrame() throws(CheckpointError) {
        guard try number(UInt64.self) <= UInt64(cursor.remaining) else {
            throw .truncated(path: cursor.file.path, offset: cursor.position, what: "a pickle frame")
        }
    }

    /// A whole number of up to eight bytes, two's complement.
    private mutating func long() throws(CheckpointError) -> Int64 {
        let length = try number(UInt8.self)
        guard length <= 8 else {
            throw .unsupported(path: cursor.file.path, what: "a whole number of \(length) bytes")
        }
        let bytes = try cursor.take(UInt64(length), "a whole number")
        var value: UInt64 = bytes.last.map { $0 >= 0x80 } == true ? .max : 0
        for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
        return Int64(bitPattern: value)
    }

    /// Text up to the end of the line.
    private mutating func line() throws(CheckpointError) -> String {
        let rest = cursor.file.slice(cursor.position..<cursor.end)
        guard let length = rest.prefix(256).firstIndex(of: 0x0a) else {
            throw cursor.malformed("a Python name does not end")
        }
        let name = try cursor.text(UInt64(length), "a Python name")
        _ = try cursor.take(1, "a Python name")
        return name
    }

    private mutating func stackGlobal() throws(CheckpointError) {
        let names = try machine.pop(2)
        guard case .string(let module) = names[0], case .string(let name) = names[1] else {
            throw cursor.malformed("a Python name is no text")
        }
        try machine.global(module, name)
    }

    // MARK: From the machine's values to plain ones

    private mutating func value(
        of slot: PickleMachine.Slot, nesting: Int
    ) throws(CheckpointError) -> PickleValue {
        guard nesting <= PickleReader.nestingLimit else {
            throw .tooLarge(
                path: cursor.file.path, what: "the nesting of the pickled value", value: UInt64(nesting),
                limit: UInt64(PickleReader.nestingLimit))
        }
        // A value that refers twice to one that refers twice to another is large however short the pickle.
        guard valueBudget > 0 else {
            throw .tooLarge(
                path: cursor.file.path, what: "the number of pickled values", value: 1_000_001,
                limit: 1_000_000)
        }
        valueBudget -= 1
        return switch slot {
        case .none: .none
        case .bool(let bool): .bool(bool)
        case .integer(let integer): .integer(integer)
        case .double(let double): .double(double)
        case .string(let string): .string(string)
        case .bytes(let bytes): .bytes(bytes)
        case .global: throw cursor.malformed("a Python name stands where data should")
        case .node(let index): try value(of: machine.nodes[index], nesting: nesting)
        }
    }

    private mutating func value(
        of node: PickleMachine.Node, nesting: Int
    ) throws(CheckpointError) -> PickleValue {
        switch node.kind {
        case .tensor(let tensor): return .tensor(tensor)
        case .storage: throw cursor.malformed("a storage stands where data should")
        case .list: return .list(try values(node.elements, nesting))
        case .tuple: return .tuple(try values(node.elements, nesting))
        case .dictionary: return .dictionary(try entries(node.items, nesting))
        case .object(let className):
            return .object(
                PickleObject(
                    className: className, arguments: try values(node.elements, nesting),
                    items: try entries(node.items, nesting),
                    attributes: try entries(node.attributes, nesting)))
        }
    }

    private mutating func values(
        _ slots: [PickleMachine.Slot], _ nesting: Int
    ) throws(CheckpointError) -> [PickleValue] {
        var values: [PickleValue] = []
        for slot in slots { values.append(try value(of: slot, nesting: nesting + 1)) }
        return values
    }

    private mutating func entries(
        _ pairs: [(key: PickleMachine.Slot, value: PickleMachine.Slot)], _ nesting: Int
    ) throws(CheckpointError) -> [PickleEntry] {
        var entries: [PickleEntry] = []
        var keys: Set<PickleKey> = []
        for pair in pairs {
            let key: PickleKey
            switch pair.key {
            case .string(let text): key = .string(text)
            case .integer(let number): key = .integer(number)
            default: throw cursor.malformed("a key is neither text nor a whole number")
            }
            guard keys.insert(key).inserted else { throw .duplicate(path: cursor.file.path, name: key.text) }
            entries.append(PickleEntry(key: key, value: try value(of: pair.value, nesting: nesting + 1)))
        }
        return entries
    }
}
