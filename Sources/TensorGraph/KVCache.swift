import CGGML
import CMynahKernels

/// Keys and values of several sessions, each in its own slot of `capacity` rows.
///
/// A slot is a ring: position p lies in row p mod capacity, so a layer with a window needs only the window (and
/// the rows of one step) however long the sound becomes. Memory is taken from the system as rows are first written.
package final class KVCache {
    package let layers: Int, slots: Int, capacity: Int, heads: Int, headWidth: Int
    /// Rows a position attends to, itself included; nil is all before it.
    package let window: Int?
    private let context: OpaquePointer
    private let buffer: ggml_backend_buffer_t
    private let keys: [UnsafeMutablePointer<ggml_tensor>], values: [UnsafeMutablePointer<ggml_tensor>]

    /// - Parameter half: store in float16 (half the traffic) or float32 (as the reference computes).
    package init(on device: Device, _ layout: Layout, slots: Int, capacity: Int, half: Bool)
        throws(DeviceError)
    {
        layers = layout.layers
        heads = layout.heads
        headWidth = layout.headWidth
        window = layout.window
        self.slots = slots
        self.capacity = capacity
        let parameters = ggml_init_params(
            mem_size: ggml_tensor_overhead() * (layout.layers * 2 + 1), mem_buffer: nil, no_alloc: true)
        guard let context = ggml_init(parameters) else { throw .noProcessor }
        self.context = context
        let (width, rows) = (Int64(layout.heads * layout.headWidth), Int64(slots * capacity))
        let type = half ? GGML_TYPE_F16 : GGML_TYPE_F32
        func make() -> [UnsafeMutablePointer<ggml_tensor>] {
            (0..<layout.layers).compactMap { _ in ggml_new_tensor_2d(context, type, width, rows) }
        }
        keys = make()
        values = make()
        guard let buffer = ggml_backend_alloc_ctx_tensors_from_buft(context, device.weightBufferType) else {
            ggml_free(context)
            throw .outOfMemory(bytes: layout.bytes(rows: slots * capacity, half: half))
        }
        self.buffer = buffer
        // Composed attention multiplies rows never written by a weight of zero: they must not hold NaN.
        if !device.usesKernels || layout.headWidth % 16 != 0 { ggml_backend_buffer_clear(buffer, 0) }
    }

    deinit {
        ggml_backend_buffer_free(buffer)
        ggml_free(context)
    }

    /// The shape of a cache.
    package struct Layout: Sendable {
        package let layers: Int, heads: Int, headWidth: Int, window: Int?

        package init(layers: Int, heads: Int, headWidth: Int, window: Int? = nil) {
            self.layers = layers
            self.heads = heads
            self.headWidth = headWidth
            self.window = window
        }

        package func bytes(rows: Int, half: Bool) -> Int {
            layers * 2 * heads * headWidth * rows * (half ? 2 : 4)
        }
    }

    /// One layer's rows, in a graph.
    package struct Layer {
        let keys: Tensor, values: Tensor
        let heads: Int
        /// Done when our kernel has stored this step's rows.
        var stored: Tensor?

        /// The cache with this step's keys and values `[rows, heads, width]` in it.
        package func storing(_ key: Tensor, _ value: Tensor, at step: Step) -> Layer {
            if step.usesKernels {
                let stored = Tensor.kernelStored(key, value, in: self, at: step)
                return Layer(keys: keys, values: values, heads: heads, stored: stored)
            }
            return Layer(
                keys: keys.storing(key, at: step), values: values.storing(value, at: step), heads: heads)
        }
    }

    /// Layer `index` for use in `graph`.
    package func layer(_ index: Int, in graph: Graph) -> Layer {
        graph.retain(self)
        let shape = [slots * capacity, heads * headWidth]
        return Layer(
            keys: Tensor(keys[index], graph, shape), values: Tensor(values[index], graph, shape), heads: heads
        )
    }

    /// Writes positions `0..<rows` of a slot in one layer, computed elsewhere: a stored prompt.
    ///
    /// - Parameters:
    ///   - keys: after rotation, `[rows, heads, width]`.
    ///   - values: as many.
    package func write(layer: Int, slot: Int, keys newKeys: [Float], values newValues: [Float]) {
        let width = heads * headWidth
        precondition(
            newKeys.count % width == 0 && newKeys.count == newValues.count
                && newKeys.count / width <= capacity
                && slot < slots,
            "\(newKeys.count) keys and \(newValues.count) values into a slot of \(capacity) rows")
        for (tensor, rows) in [(keys[layer], newKeys), (values[layer], newValues)] {
            let offset = slot * capacity * tensor.pointee.nb.1
            if tensor.pointee.type == GGML_TYPE_F16 {
                var half = [ggml_fp16_t](repeating: 0, count: rows.count)
                ggml_fp32_to_fp16_row(rows, &half, Int64(rows.count))
                half.withUnsafeBytes { ggml_backend_tensor_set(tensor, $0.baseAddress, offset, $0.count) }
            } else {
                rows.withUnsafeBytes { ggml_backend_tensor_set(tensor, $0.baseAddress, offset, $0.count) }
            }
        }
    }

    /// Copies the first `count` positions of a slot to another: a stored prompt's prefix, reused.
    package func copy(from source: Int, to target: Int, count: Int) {
        precondition(
            count <= capacity && source < slots && target < slots,
            "slot \(source) to \(target), \(count) rows")
        for tensor in keys + values {
            let row = tensor.pointee.nb.1
            var bytes = [UInt8](repeating: 0, count: count * row)
            bytes.withUnsafeMutableBytes {
                ggml_backend_tensor_get(tensor, $0.baseAddress, source * capacity * row, $0.count)
                ggml_backend_tensor_set(tensor, $0.baseAddress, target * capacity * row, $0.count)
            }
        }
    }
}

extension KVCache {
    /// Takes over the first `count` positions of a slot of another cache of this shape.
    package func copy(from other: KVCache, slot: Int, count: Int) {
        precondition(
            count <= min(capacity, other.capacity) && slot < min(slots, other.slots)
                && layers == other.layers,
            "slot \(slot), \(count) rows")
        guard count > 0 else { return }
        for (target, source) in zip(keys + values, other.keys + other.values) {
            let row = target.pointee.nb.1
            var bytes = [UInt8](repeating: 0, count: count * row)
            bytes.withUnsafeMutableBytes {
                ggml_backend_tensor_get(source, $0.baseAddress, slot * other.capacity * row, $0.count)
                ggml_backend_tensor_set(target, $0.baseAddress, slot * capacity * row, $0.count)
            }
        }
    }
}

extension Tensor {
    /// The cache with rows `[rows, heads, width]` written where `step` says.
    fileprivate func storing(_ rows: Tensor, at step: Step) -> Tensor {
        let flat = rows.reshaped(rows.shape[0], shape[1])
        return Tensor(ggml_set_rows(context, node, flat.node, step.cacheRows.node), graph, shape)
    }
}

/// Where each row of a step stands: in which session's slot, at which position. Graph inputs, so that one graph
/// serves every step.
package struct Step {
    package let rows: Int
    let headWidth: Int
    /// Whether attention and rotary positions are by our kernels, or composed.
    let usesKernels: Bool
    let cacheRows: Tensor
    /// Each row's position, and the first cache row of its slot; only the kernels ask.
    let positions: Tensor?, slotBases: Tensor?
    /// Cosines then sines of each row's angles, `[rows, headWidth]`.
    let rotation: Tensor
    /// For the composed form of attention, which looks into every slot: 0 where a row may look in its own slot and
    /// -inf elsewhere there, 0 in the others, `[rows, slots, capacity]`.
    let mask: Tensor?
    /// 1 for a row's own slot and 0 for the others, `[rows, slots, 1]`; nil where there is one slot.
    let ownership: Tensor?
    let window: Int?, slots: Int, capacity: Int
    private let rotary: Rotary
    private let values: StepValues

    /// Inputs for `rows` rows over `cache`.
    package init(in graph: Graph, rows: Int, cache: KVCache, rotaryBase: Double) {
        self.rows = rows
        headWidth = cache.headWidth
        rotary = Rotary(width: cache.headWidth, base: rotaryBase)
        (window, slots, capacity) = (cache.window, cache.slots, cache.capacity)
        let kernels = graph.device.usesKernels && mynah_attend_supports(1, 1, Int64(cache.headWidth)) != 0
        usesKernels = kernels
        cacheRows = graph.input("cache_rows", [rows], kernels ? GGML_TYPE_I32 : GGML_TYPE_I64)
        positions = kernels ? graph.integerInput("positions", [rows]) : nil
        slotBases = kernels ? graph.integerInput("slot_bases", [rows]) : nil
        rotation = graph.input("rotation", [rows, cache.headWidth])
        mask = kernels ? nil : graph.input("mask", [rows, cache.slots, cache.capacity])
        ownership = kernels || cache.slots == 1 ? nil : graph.input("ownership", [rows, cache.slots, 1])
        values = StepValues(
            rows: rows, rotation: rows * cache.headWidth, mask: mask?.count ?? 0,
            ownership: ownership?.count ?? 0)
    }

    /// Says where the rows stand this time.
    package func write(_ places: some Sequence<(slot: Int, position: Int)>) {
        describe(places)
        values.each(self) { tensor, bytes in tensor.write(bytes: bytes) }
    }

    /// Says where the rows stand every time the graph is computed.
    package func fix(_ places: some Sequence<(slot: Int, position: Int)>) {
        describe(places)
        values.each(self) { tensor, bytes in tensor.graph.fix(tensor, Array(bytes)) }
    }

    private func describe(_ places: some Sequence<(slot: Int, position: Int)>) {
        var row = 0
        for place in places {
            let base = place.slot * capacity
            values.positions[row] = Int32(place.position)
            values.bases[row] = Int32(base)
            values.rows32[row] = Int32(base + place.position % capacity)
            values.rows64[row] = Int64(base + place.position % capacity)
            rotary.turn(to: place.position, row: row, in: &values.rotation)
            if mask != nil { maskRow(row, place) }
            if ownership != nil {
                for slot in 0..<slots { values.ownership[row * slots + slot] = slot == place.slot ? 1 : 0 }
            }
            row += 1
        }
        precondition(row == rows, "\(row) places for \(rows) rows")
    }

    private func maskRow(_ row: Int, _ place: (slot: Int, position: Int)) {
        let width = slots * capacity
        let own = place.slot * capacity..<(place.slot + 1) * capacity
        for column in 0..<width { values.mask[row * width + column] = own.contains(column) ? -.infinity : 0 }
        let first = max(0, place.position - (window ?? .max) + 1, place.position - capacity + 1)
        for position in first...place.position {
            values.mask[row * width + own.lowerBound + position % capacity] = 0
        }
    }
}

/// A step's inputs on the host, kept from step to step.
private final class StepValues {
    var positions: [Int32], bases: [Int32], rows32: [Int32], rows64: [Int64]
    var rotation: [Float] = [], mask: [Float] = [], ownership: [Float] = []

    init(rows: Int, rotation: Int, mask: Int, ownership: Int) {
        positions = [Int32](repeating: 0, count: rows)
        (bases, rows32) = (positions, positions)
        rows64 = [Int64](repeating: 0, count: rows)
        self.rotation = [Float](repeating: 0, count: rotation)
        self.mask = [Float](repeating: 0, count: mask)
        self.ownership = [Float](repeating: 0, count: ownership)
    }

    /// Each input that the graph has, with its bytes.
    func each(_ step: Step, _ put: (Tensor, UnsafeRawBufferPointer) -> Void) {
        if let tensor = step.positions { positions.withUnsafeBytes { put(tensor, $0) } }
        if step.usesKernels {
            rows32.withUnsafeBytes { put(step.cacheRows, $0) }
        } else {
            rows64.withUnsafeBytes { put(step.cacheRows, $0) }
        }
        if let slotBases = step.slotBases { bases.withUnsafeBytes { put(slotBases, $0) } }
        rotation.withUnsafeBytes { put(step.rotation, $0) }
        if let tensor = step.mask { mask.withUnsafeBytes { put(tensor, $0) } }
        if let tensor = step.ownership { ownership.withUnsafeBytes { put(tensor, $0) } }
    }
}

/// Angles of rotary positions.
struct Rotary: Sendable {
    /// base^(-2i/width), i in 0..<width/2.
    private let frequencies: [Double]

    init(width: Int, base: Double) {
        frequencies = (0..<width / 2).map { power(base, -2 * Double($0) / Double(width)) }
    }

    /// Writes the cosines, then the sines, of a position's angles as row `row`. Computed in double, so that an
    /// hour of sound turns as exactly as its first second.
    func turn(to position: Int, row: Int, in values: inout [Float]) {
        let half = frequencies.count
        for i in 0..<half {
            let angle = Double(position) * frequencies[i]
            values[row * half * 2 + i] = Float(cosine(angle))
            values[row * half * 2 + half + i] = Float(sine(angle))
        }
    }
}
