/// What a pickle of plain data and tensors holds.
package indirect enum PickleValue: Sendable {
    case none
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case list([PickleValue])
    case tuple([PickleValue])
    /// A dict or an OrderedDict, in its order; no key comes twice.
    case dictionary([PickleEntry])
    /// The tensor has no name of its own.
    case tensor(StoredTensor)
    /// An instance of a class that is only a record of data. Nothing of the class is run.
    case object(PickleObject)

    /// The value of a key of a dictionary; of an object, of its item or, failing that, its attribute.
    package subscript(key: String) -> PickleValue? {
        switch self {
        case .dictionary(let entries): entries.first { $0.key == .string(key) }?.value
        case .object(let object): object.fields.first { $0.key == .string(key) }?.value
        default: nil
        }
    }

    /// The elements of a list or a tuple.
    package var elements: [PickleValue]? {
        switch self {
        case .list(let elements), .tuple(let elements): elements
        default: nil
        }
    }

    /// The tensor, if it is one.
    package var tensor: StoredTensor? {
        if case .tensor(let tensor) = self { tensor } else { nil }
    }

    /// The whole number, if it is one.
    package var integer: Int64? {
        if case .integer(let integer) = self { integer } else { nil }
    }

    /// The text, if it is text.
    package var string: String? {
        if case .string(let string) = self { string } else { nil }
    }
}

/// A key of a pickled dictionary.
package enum PickleKey: Hashable, Sendable {
    case string(String)
    case integer(Int64)

    /// The key as text.
    package var text: String {
        switch self {
        case .string(let text): text
        case .integer(let number): String(number)
        }
    }
}

/// A key and what it stands for.
package struct PickleEntry: Sendable {
    package let key: PickleKey
    package let value: PickleValue
}

/// An instance of a Python class, as data.
package struct PickleObject: Sendable {
    /// The module and the name of the class, as `module.name`.
    package let className: String
    /// What its maker was given.
    package let arguments: [PickleValue]
    /// What was set in it as in a dictionary.
    package let items: [PickleEntry]
    /// Its attributes.
    package let attributes: [PickleEntry]

    /// The items, and those attributes that are not also items.
    package var fields: [PickleEntry] {
        let keys = Set(items.map(\.key))
        return items + attributes.filter { !keys.contains($0.key) }
    }
}

/// A Python name that a pickle may mention, because what it makes is plain data.
enum PickleGlobal: Equatable {
    case orderedDictionary, rebuildTensor, rebuildParameter, size
    case storage(ElementType)
    case record(String)

    private static let names: [String: PickleGlobal] = [
        "collections.OrderedDict": .orderedDictionary,
        "torch._utils._rebuild_tensor_v2": .rebuildTensor,
        "torch._utils._rebuild_parameter": .rebuildParameter,
        "torch.Size": .size,
        "torch.DoubleStorage": .storage(.f64), "torch.FloatStorage": .storage(.f32),
        "torch.HalfStorage": .storage(.f16), "torch.BFloat16Storage": .storage(.bf16),
        "torch.LongStorage": .storage(.i64), "torch.IntStorage": .storage(.i32),
        "torch.ShortStorage": .storage(.i16), "torch.CharStorage": .storage(.i8),
        "torch.ByteStorage": .storage(.u8), "torch.BoolStorage": .storage(.bool),
        // The two classes of the voice presets of VibeVoice.
        "transformers.cache_utils.DynamicCache": .record("transformers.cache_utils.DynamicCache"),
        "transformers.modeling_outputs.BaseModelOutputWithPast": .record(
            "transformers.modeling_outputs.BaseModelOutputWithPast"),
    ]

    /// The global `module.name`; nil if it is not on the list.
    init?(_ name: String) {
        guard let known = PickleGlobal.names[name] else { return nil }
        self = known
    }
}
