import CSoxr
package import SpeechCore

/// Changes the sample rate of a stream, in pieces, by soxr at its HQ setting.
///
/// The pieces laid end to end are the whole resampled at once. Not `Sendable`: one per stream.
package final class StreamResampler {
    private let handle: soxr_t?
    private let from: Int
    private let to: Int
    private var finished = false

    /// From one rate to another, in Hz.
    package init(from: Int, to: Int) throws(AudioFileError) {
        guard AudioFile.sampleRates.contains(from) else { throw .unsupportedRate(from) }
        guard AudioFile.sampleRates.contains(to) else { throw .unsupportedRate(to) }
        (self.from, self.to) = (from, to)
        var error: soxr_error_t?
        var quality = soxr_quality_spec(UInt(SOXR_HQ), 0)
        var runtime = soxr_runtime_spec(1)
        handle = soxr_create(Double(from), Double(to), 1, &error, nil, &quality, &runtime)
        guard handle != nil else {
            throw .resampling(from: from, to: to, reason: error.map { String(cString: $0) } ?? "no handle")
        }
    }

    deinit { soxr_delete(handle) }

    /// Takes new samples, gives those that are settled.
    package func resample(_ samples: [Float]) throws(AudioFileError) -> [Float] {
        precondition(!finished, "a resampler takes nothing after its end")
        return samples.isEmpty ? [] : try process(samples)
    }

    /// The rest. Once.
    package func finish() throws(AudioFileError) -> [Float] {
        precondition(!finished, "a resampler ends once")
        finished = true
        var tail: [Float] = []
        while true {
            let piece = try process(nil)
            guard !piece.isEmpty else { return tail }
            tail += piece
        }
    }

    /// soxr's call; nil says that the input is over.
    private func process(_ samples: [Float]?) throws(AudioFileError) -> [Float] {
        let expected = Double(samples?.count ?? 0) * Double(to) / Double(from)
        var output = [Float](repeating: 0, count: Int(expected) + 4096)
        var all: [Float] = []
        var consumed = 0
        while true {
            var (taken, made) = (0, 0)
            let error = output.withUnsafeMutableBufferPointer { target in
                guard let samples else {
                    return soxr_process(handle, nil, 0, nil, target.baseAddress, target.count, &made)
                }
                return samples.withUnsafeBufferPointer { source in
                    soxr_process(
                        handle, source.baseAddress.map { $0 + consumed }, source.count - consumed, &taken,
                        target.baseAddress, target.count, &made)
                }
            }
            if let error { throw .resampling(from: from, to: to, reason: String(cString: error)) }
            consumed += taken
            all += output[..<made]
            if consumed >= samples?.count ?? 0 { return all }
        }
    }
}

extension AudioBuffer {
    /// This sound at another rate: soxr HQ in float32, cut or zero-filled to `ceil(count * (rate / sampleRate))`
    /// samples, the product in double precision, as librosa's `resample` with `soxr_hq` has it.
    package func resampled(to rate: Int) throws(AudioFileError) -> AudioBuffer {
        guard rate != sampleRate else { return self }
        let resampler = try StreamResampler(from: sampleRate, to: rate)
        let count = Int((Double(samples.count) * (Double(rate) / Double(sampleRate))).rounded(.up))
        var output = try resampler.resample(samples)
        output += try resampler.finish()
        if output.count > count { output.removeLast(output.count - count) }
        if output.count < count { output += [Float](repeating: 0, count: count - output.count) }
        return AudioBuffer(samples: output, sampleRate: rate)
    }
}
