/// The stack machine that a pickle drives, with plain data where Python has objects.
///
/// Lists, dictionaries and objects live in one array and refer to each other by index, so that neither a cycle
/// nor deep nesting can exhaust the call stack, whatever a file builds.
struct PickleMachine {
    /// A value on the stack.
    enum Slot {
        case none, bool(Bool), integer(Int64), double(Double), string(String), bytes([UInt8])
        case global(PickleGlobal)
        case node(Int)
    }

    /// A value that others may refer to. What can grow stands in fields of its own, so that it grows in place:
    /// taken out of an enum case, an array would be copied for every element added.
    struct Node {
        enum Kind {
            case list, tuple, dictionary
            case tensor(StoredTensor), storage(PickleStorage)
            case object(className: String)
        }

        let kind: Kind
        /// The elements of a list or tuple; what an object was made of.
        var elements: [Slot] = []
        /// The entries of a dictionary; what was set in an object as in one.
        var items: [(key: Slot, value: Slot)] = []
        /// The attributes of an object.
        var attributes: [(key: Slot, value: Slot)] = []
    }

    let file: MappedFile
    private var stack: [Slot] = []
    private var marks: [Int] = []
    private var memo: [UInt32: Slot] = [:]
    private(set) var nodes: [Node] = []
    private var storages: PickleStorages

    init(_ file: MappedFile, _ storages: PickleStorages) {
        self.file = file
        self.storages = storages
    }

    func malformed(_ what: String) -> CheckpointError {
        .malformed(path: file.path, offset: 0, what: "in its pickle, \(what)")
    }

    // MARK: The stack

    // A value is popped before a method that only reads the machine is called with it: such a call holds the
    // machine as it was, and popping meanwhile would copy the stack.

    mutating func push(_ slot: Slot) { stack.append(slot) }

    mutating func push(_ kind: Node.Kind, _ elements: [Slot] = []) {
        stack.append(.node(nodes.count))
        nodes.append(Node(kind: kind, elements: elements))
    }

    mutating func pop() throws(CheckpointError) -> Slot {
        guard stack.count > marks.last ?? 0, let slot = stack.popLast() else {
            throw malformed("a value is taken from an empty stack")
        }
        return slot
    }

    mutating func pop(_ count: Int) throws(CheckpointError) -> [Slot] {
        guard stack.count - count >= marks.last ?? 0 else {
            throw malformed("a value is taken from an empty stack")
        }
        return take(from: stack.count - count)
    }

    /// Takes the values from `start` up. No slice of the stack is held while it shrinks, or each such step would
    /// copy all of it, and a long pickle would take hours.
    private mutating func take(from start: Int) -> [Slot] {
        var taken: [Slot] = []
        taken.reserveCapacity(stack.count - start)
        for index in start..<stack.count { taken.append(stack[index]) }
        stack.removeLast(stack.count - start)
        return taken
    }

    mutating func mark() { marks.append(stack.count) }

    mutating func popToMark() throws(CheckpointError) -> [Slot] {
        guard let mark = marks.popLast() else { throw malformed("a mark is missing") }
        return take(from: mark)
    }

    /// The one value left at the end.
    mutating func result() throws(CheckpointError) -> Slot {
        guard marks.isEmpty, stack.count == 1 else { throw malformed("it ends with more than one value") }
        return try pop()
    }

    private func topNode() throws(CheckpointError) -> Int {
        guard stack.count > marks.last ?? 0, case .node(let index) = stack.last else {
            throw malformed("a value that holds others is missing")
        }
        return index
    }

    // MARK: The memo

    mutating func remember(_ index: UInt32) throws(CheckpointError) {
        guard stack.count > marks.last ?? 0, let top = stack.last else {
            throw malformed("an empty stack is remembered")
        }
        memo[index] = top
    }

    mutating func rememberNext() throws(CheckpointError) { try remember(UInt32(clamping: memo.count)) }

    mutating func recall(_ index: UInt32) throws(CheckpointError) {
        guard let slot = memo[index] else { throw malformed("entry \(index) was never remembered") }
        push(slot)
    }

    // MARK: Containers

    mutating func append(_ elements: [Slot]) throws(CheckpointError) {
        let index = try topNode()
        guard case .list = nodes[index].kind else { throw malformed("something else than a list grows") }
        nodes[index].elements.append(contentsOf: elements)
    }

    mutating func setItems(_ flat: [Slot]) throws(CheckpointError) {
        guard flat.count.isMultiple(of: 2) else { throw malformed("a key has no value") }
        let index = try topNode()
        switch nodes[index].kind {
        case .dictionary, .object: break
        default: throw malformed("something else than a dictionary takes keys")
        }
        for place in stride(from: 0, to: flat.count, by: 2) {
            nodes[index].items.append((key: flat[place], value: flat[place + 1]))
        }
    }

    // MARK: Names and what they make

    mutating func global(_ module: String, _ name: String) throws(CheckpointError) {
        guard let global = PickleGlobal("\(module).\(name)") else {
            throw .forbiddenGlobal(path: file.path, name: "\(module).\(name)")
        }
        push(.global(global))
    }

    /// Replaces a name and its arguments by what they make.
    mutating func reduce() throws(CheckpointError) {
        let packed = try pop()
        let arguments = try tuple(packed, "the arguments of a call")
        guard case .global(let global) = try pop() else {
            throw malformed("something else than a name is called")
        }
        switch global {
        case .orderedDictionary where arguments.isEmpty: push(.dictionary)
        case .size where arguments.count == 1: push(.tuple, try tuple(arguments[0], "a torch.Size"))
        case .rebuildTensor: push(.tensor(try tensor(arguments)))
        case .rebuildParameter where arguments.count == 3: push(arguments[0])
        case .record(let name): push(.object(className: name), arguments)
        default: throw malformed("a name is called that makes nothing of these arguments")
        }
    }

    /// Replaces a class and its arguments by an instance.
    mutating func newObject() throws(CheckpointError) {
        let packed = try pop()
        let arguments = try tuple(packed, "the arguments of a class")
        guard case .global(.record(let name)) = try pop() else {
            throw malformed("something else than a class of records is instantiated")
        }
        push(.object(className: name), arguments)
    }

    /// Gives the value on top its attributes. Those of a dictionary, such as the `_metadata` of a state dict,
    /// are no part of its content.
    mutating func build() throws(CheckpointError) {
        guard case .node(let state) = try pop(), case .dictionary = nodes[state].kind else {
            throw malformed("the attributes of a value are no dictionary")
        }
        let index = try topNode()
        switch nodes[index].kind {
        case .dictionary: return
        case .object:
            guard nodes[index].attributes.isEmpty else {
                throw malformed("a value is given its attributes twice")
            }
            nodes[index].attributes = nodes[state].items
        default: throw malformed("a value without attributes is given some")
        }
    }

    /// Replaces a persistent id, as torch writes it, by the storage that it names:
    /// `("storage", class, key, device, elements)`.
    mutating func persistentStorage() throws(CheckpointError) {
        let packed = try pop()
        let fields = try tuple(packed, "a persistent id")
        guard fields.count == 5, case .string("storage") = fields[0],
            case .global(.storage(let type)) = fields[1], case .string(let key) = fields[2],
            case .integer(let count) = fields[4]
        else { throw malformed("a persistent id does not name a storage") }
        push(.storage(try storages.storage(key, type, count: count)))
    }

    /// The arguments of `_rebuild_tensor_v2`: storage, offset, size, strides, and two that say nothing of the
    /// numbers.
    private mutating func tensor(_ arguments: [Slot]) throws(CheckpointError) -> StoredTensor {
        guard (6...7).contains(arguments.count), case .node(let index) = arguments[0],
            case .storage(let storage) = nodes[index].kind, case .integer(let offset) = arguments[1]
        else { throw malformed("a tensor has no storage") }
        let shape = try integers(arguments[2], "the shape of a tensor")
        let strides = try integers(arguments[3], "the strides of a tensor")
        return try storages.tensor(storage, offset: Int(offset), shape: shape, strides: strides)
    }

    private func tuple(_ slot: Slot, _ what: String) throws(CheckpointError) -> [Slot] {
        guard case .node(let index) = slot, case .tuple = nodes[index].kind else {
            throw malformed("\(what) are no tuple")
        }
        return nodes[index].elements
    }

    private func integers(_ slot: Slot, _ what: String) throws(CheckpointError) -> [Int] {
        var integers: [Int] = []
        let elements = try tuple(slot, what)
        guard elements.count <= PickleStorages.dimensionLimit else {
            throw malformed("\(what) has too many numbers")
        }
        for element in elements {
            guard case .integer(let number) = element else { throw malformed("\(what) are no whole numbers") }
            integers.append(Int(number))
        }
        return integers
    }
}
