/// An array described by strides over a run of elements, as torch and NumPy describe theirs.
struct StridedView {
    let shape: [Int]
    /// The distance of neighbours along each dimension, in elements; one for each of `shape`, none negative.
    let strides: [Int]
    let elementBytes: Int

    /// The position of the last element relative to the first, or nil if it overflows or a stride is negative.
    var span: Int? {
        guard shape.count == strides.count else { return nil }
        var span = 0
        for (size, stride) in zip(shape, strides) {
            guard size > 0, stride >= 0 else { return nil }
            let (step, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
            let (sum, carry) = span.addingReportingOverflow(step)
            guard !overflow, !carry else { return nil }
            span = sum
        }
        return span
    }

    /// The number of trailing dimensions that lie row-major and without gaps, and their elements.
    private var run: (dimensions: Int, elements: Int) {
        var (dimensions, elements) = (0, 1)
        for (size, stride) in zip(shape, strides).reversed() {
            guard size == 1 || stride == elements else { break }
            dimensions += 1
            elements *= size
        }
        return (dimensions, elements)
    }

    /// Whether the elements already lie row-major and without gaps.
    var isContiguous: Bool { run.dimensions == shape.count }

    /// Copies the elements in row-major order; `source` starts at the first and holds `span`, and `target` has
    /// room for all.
    func gather(from source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
        let run = self.run
        let outer = shape.count - run.dimensions
        let length = run.elements * elementBytes
        var index = [Int](repeating: 0, count: outer)
        var (from, to) = (0, 0)
        while to < target.count {
            let start = from * elementBytes
            UnsafeMutableRawBufferPointer(rebasing: target[to..<to + length])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + length]))
            to += length
            for dimension in (0..<outer).reversed() {
                index[dimension] += 1
                from += strides[dimension]
                guard index[dimension] == shape[dimension] else { break }
                from -= strides[dimension] * shape[dimension]
                index[dimension] = 0
            }
        }
    }
}
