/// Writes `.safetensors` files.
package enum SafetensorsWriter {
    /// Writes `tensors` in their order to `path`, which appears complete or not at all.
    ///
    /// The format aligns nothing, so put types of more bytes before those of fewer. Throws `duplicate`,
    /// `invalidTensor`, `unsupported` for a block format, `system`, and whatever a tensor's source throws.
    package static func write(
        _ tensors: [TensorSource], metadata: [String: String] = [:], to path: String
    ) throws {
        try TensorSource.checkNames(tensors, path)
        let header = try header(tensors, metadata, path)
        var file = try AtomicFile(path: path)
        try file.write(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) })
        try file.write(header)
        for tensor in tensors { try tensor.write(to: &file, count: tensor.byteCount(path), path: path) }
        try file.commit()
    }

    private static func header(
        _ tensors: [TensorSource], _ metadata: [String: String], _ path: String
    ) throws(CheckpointError) -> [UInt8] {
        var fields: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for tensor in tensors {
            guard tensor.name != "__metadata__" else {
                throw .invalidTensor(path: path, name: tensor.name, fault: .badName)
            }
            guard tensor.type.blockLength == 1 else {
                throw .unsupported(path: path, what: "\(tensor.type.rawValue) numbers in safetensors")
            }
            let (end, overflow) = offset.addingReportingOverflow(try tensor.byteCount(path))
            guard !overflow else {
                throw .invalidTensor(path: path, name: tensor.name, fault: .badShape(tensor.shape))
            }
            let shape = tensor.shape.map { String($0) }.joined(separator: ",")
            let type = tensor.type.rawValue.uppercased()
            fields.append(
                "\(quoted(tensor.name)):{\"dtype\":\"\(type)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var header = Array("{\(fields.joined(separator: ","))}".utf8)
        // Spaces after the header put the first tensor on a multiple of eight bytes.
        header.append(contentsOf: [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8))
        return header
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
