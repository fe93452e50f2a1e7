import CLibAV
import Foundation

/// Makes a stream of sound faster or slower at the same pitch, in pieces, by libavfilter's `atempo`.
///
/// The pieces laid end to end are the whole changed at once. Not `Sendable`: one per stream, used by one task.
package final class TempoFilter {
    /// How many times faster sound may become.
    package static let speeds = 0.25...4.0

    private let sampleRate: Int
    private let speed: Double
    private var graph = avfilter_graph_alloc()
    private var source: UnsafeMutablePointer<AVFilterContext>?
    private var sink: UnsafeMutablePointer<AVFilterContext>?
    private var frame = av_frame_alloc()
    private var isFinished = false
    /// Samples that do not fill a piece yet. The filter sees pieces of one size only: what it gives then does not
    /// depend on the caller's, and comes soon, for it holds back about one of them.
    private var pending: [Float] = []
    private let pieceSize: Int
    /// Samples taken so far, to say where a bad one is.
    private var taken = 0
    /// Samples given to the filter so far.
    private var position = 0

    /// A filter of mono sound at `sampleRate`. At a speed of 1 samples pass as they are.
    package init(sampleRate: Int, speed: Double) throws(AudioFileError) {
        _ = LibAV.prepared
        guard AudioFile.sampleRates.contains(sampleRate) else { throw .unsupportedRate(sampleRate) }
        guard Self.speeds.contains(speed) else { throw .invalidSpeed(speed) }
        (self.sampleRate, self.speed) = (sampleRate, speed)
        pieceSize = max(1, sampleRate / 100)
        if speed != 1 { try build() }
    }

    deinit {
        av_frame_free(&frame)
        avfilter_graph_free(&graph)
    }

    private func build() throws(AudioFileError) {
        // Beyond twice the filter leaves sound out, and below half it refuses: there, two halves of the way.
        let stages = (0.5...2).contains(speed) ? [speed] : [speed.squareRoot(), speed.squareRoot()]
        graph?.pointee.nb_threads = 1
        let format = "sample_rate=\(sampleRate):sample_fmt=flt:channel_layout=mono:time_base=1/\(sampleRate)"
        source = try add("abuffer", format)
        var last = source
        for stage in stages {
            let next = try add("atempo", "tempo=\(stage)")
            try check(avfilter_link(last, 0, next, 0))
            last = next
        }
        sink = try add("abuffersink", nil)
        try check(avfilter_link(last, 0, sink, 0))
        try check(avfilter_graph_config(graph, nil))
    }

    private func add(
        _ name: String, _ options: String?
    ) throws(AudioFileError) -> UnsafeMutablePointer<AVFilterContext>? {
        guard let filter = avfilter_get_by_name(name) else { throw .filterMissing(name: name) }
        var context: UnsafeMutablePointer<AVFilterContext>?
        try check(avfilter_graph_create_filter(&context, filter, nil, options, nil, graph))
        return context
    }

    /// Takes new samples, gives those that are settled.
    package func change(_ samples: [Float]) throws(AudioFileError) -> [Float] {
        precondition(!isFinished, "a tempo filter takes nothing after its end")
        if let bad = samples.firstIndex(where: { !$0.isFinite }) { throw .notFinite(sample: taken + bad) }
        taken += samples.count
        guard speed != 1 else { return samples }
        pending += samples
        var (changed, start) = ([Float](), 0)
        while pending.count - start >= pieceSize {
            changed += try pass(pending[start..<start + pieceSize])
            start += pieceSize
        }
        pending.removeFirst(start)
        return changed
    }

    /// The rest. Once.
    package func finish() throws(AudioFileError) -> [Float] {
        precondition(!isFinished, "a tempo filter ends once")
        isFinished = true
        guard speed != 1, taken > 0 else { return [] }
        let changed = pending.isEmpty ? [] : try pass(pending[...])
        try check(av_buffersrc_add_frame_flags(source, nil, 0))
        return try changed + drain()
    }

    private func pass(_ samples: ArraySlice<Float>) throws(AudioFileError) -> [Float] {
        guard let frame else { return [] }
        frame.pointee.nb_samples = Int32(samples.count)
        frame.pointee.format = AV_SAMPLE_FMT_FLT.rawValue
        frame.pointee.sample_rate = Int32(sampleRate)
        frame.pointee.pts = Int64(position)
        position += samples.count
        av_channel_layout_default(&frame.pointee.ch_layout, 1)
        try check(av_frame_get_buffer(frame, 0))
        samples.withUnsafeBytes { bytes in
            guard let target = frame.pointee.extended_data[0], let base = bytes.baseAddress else { return }
            UnsafeMutableRawPointer(target).copyMemory(from: base, byteCount: bytes.count)
        }
        try check(av_buffersrc_add_frame_flags(source, frame, 0))
        return try drain()
    }

    private func drain() throws(AudioFileError) -> [Float] {
        var samples: [Float] = []
        while let frame {
            let status = av_buffersink_get_frame(sink, frame)
            if status == mynah_av_again() || status == mynah_av_eof() { break }
            try check(status)
            defer { av_frame_unref(frame) }
            guard let plane = frame.pointee.extended_data[0] else { continue }
            let count = Int(frame.pointee.nb_samples)
            plane.withMemoryRebound(to: Float.self, capacity: count) {
                samples.append(contentsOf: UnsafeBufferPointer(start: $0, count: count))
            }
        }
        return samples
    }

    private func check(_ status: Int32) throws(AudioFileError) {
        guard status < 0 else { return }
        throw .filtering(speed: speed, reason: LibAV.reason(status))
    }
}
