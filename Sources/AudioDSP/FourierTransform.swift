import Foundation

/// The discrete Fourier transform of real signals whose length is a power of two, in double precision.
///
/// The even and odd samples go as real and imaginary part through a complex transform of half the length, from
/// which the spectrum of the whole is put together (Cooley and Tukey's last step).
package struct FourierTransform: Sendable {
    /// Samples in.
    package let size: Int
    /// Bins out, from zero to half the sample rate.
    package var bins: Int { size / 2 + 1 }

    private let order: [Int]
    /// cos and sin of `-2 pi k / size`, for k below `size / 2`.
    private let cosines, sines: [Double]

    /// For signals of `size` samples, a power of two of at least 4.
    package init(size: Int) {
        precondition(size >= 4 && size & (size - 1) == 0, "a transform of \(size), not a power of two")
        self.size = size
        let (half, angle) = (size / 2, -2 * Double.pi / Double(size))
        cosines = (0..<half).map { cos(angle * Double($0)) }
        sines = (0..<half).map { sin(angle * Double($0)) }
        var order = [Int](repeating: 0, count: half)
        for i in 1..<half { order[i] = order[i / 2] / 2 + (i % 2 == 1 ? half / 2 : 0) }
        self.order = order
    }

    /// The squared magnitude of each bin of `signal`, [size] to [bins].
    package func power(_ signal: [Double]) -> [Double] {
        precondition(signal.count == size, "\(signal.count) samples for a transform of \(size)")
        let half = size / 2
        var re = order.map { signal[2 * $0] }
        var im = order.map { signal[2 * $0 + 1] }
        transform(&re, &im)
        return (0...half).map { k in
            let (a, b) = (k % half, (half - k) % half)
            // Spectra of the even samples (e) and of the odd ones (o).
            let (eRe, eIm) = ((re[a] + re[b]) / 2, (im[a] - im[b]) / 2)
            let (oRe, oIm) = ((im[a] + im[b]) / 2, (re[b] - re[a]) / 2)
            let (c, s) = k == half ? (-1, 0) : (cosines[k], sines[k])
            let (x, y) = (eRe + c * oRe - s * oIm, eIm + c * oIm + s * oRe)
            return x * x + y * y
        }
    }

    /// In place, over values already in bit-reversed order.
    private func transform(_ re: inout [Double], _ im: inout [Double]) {
        let half = size / 2
        var width = 1
        while width < half {
            let stride = size / (2 * width)
            for start in Swift.stride(from: 0, to: half, by: 2 * width) {
                for i in 0..<width {
                    let (c, s) = (cosines[i * stride], sines[i * stride])
                    let (a, b) = (start + i, start + i + width)
                    let (x, y) = (re[b] * c - im[b] * s, re[b] * s + im[b] * c)
                    (re[b], im[b]) = (re[a] - x, im[a] - y)
                    (re[a], im[a]) = (re[a] + x, im[a] + y)
                }
            }
            width *= 2
        }
    }
}
