import CLibAV
import Foundation
import SpeechCore

/// One stream through one of libav's encoders and its container.
final class LibAVEncoder: AudioEncoder {
    private let audioFormat: SoundFormat
    private let sink: ByteSink
    /// Whether somebody waits for the bytes while the sound is made.
    private let isStreamed: Bool
    private let rate: Int
    private let resampler: StreamResampler?
    private var io: UnsafeMutablePointer<AVIOContext>?
    private var format: UnsafeMutablePointer<AVFormatContext>?
    private var codec: UnsafeMutablePointer<AVCodecContext>?
    private var packet = av_packet_alloc()
    private var frame = av_frame_alloc()
    private var isFinished = false
    /// Samples that do not fill a frame yet.
    private var pending: [Float] = []
    /// Samples taken so far, to say where a bad one is.
    private var taken = 0
    /// Samples given to the encoder so far.
    private var position: Int64 = 0

    init(
        _ audioFormat: SoundFormat, sampleRate: Int, sink: ByteSink, isStreamed: Bool,
        options: EncodingOptions
    ) throws(AudioFileError) {
        _ = LibAV.prepared
        guard AudioFile.sampleRates.contains(sampleRate) else { throw .unsupportedRate(sampleRate) }
        self.audioFormat = audioFormat
        (self.sink, self.isStreamed) = (sink, isStreamed)
        rate = audioFormat.encodedRate(for: sampleRate)
        resampler = rate == sampleRate ? nil : try StreamResampler(from: sampleRate, to: rate)
        try openEncoder(options)
        try openContainer(options)
    }

    deinit {
        av_frame_free(&frame)
        av_packet_free(&packet)
        avcodec_free_context(&codec)
        avformat_free_context(format)
        mynah_av_close_io(&io)
    }

    private func openEncoder(_ options: EncodingOptions) throws(AudioFileError) {
        guard let encoder = avcodec_find_encoder_by_name(audioFormat.codecName),
            let muxer = av_guess_format(audioFormat.muxerName, nil, nil),
            let context = avcodec_alloc_context3(encoder)
        else { throw .encoderMissing(format: audioFormat.rawValue) }
        codec = context
        context.pointee.sample_rate = Int32(rate)
        context.pointee.sample_fmt = audioFormat.storage.sampleFormat
        context.pointee.time_base = AVRational(num: 1, den: Int32(rate))
        context.pointee.thread_count = 1
        av_channel_layout_default(&context.pointee.ch_layout, 1)
        if let bitRate = options.bitRate {
            guard audioFormat.isLossy, (6_000...512_000).contains(bitRate) else {
                throw .invalidBitRate(bitRate)
            }
        }
        context.pointee.bit_rate = Int64(options.bitRate ?? audioFormat.standardBitRate)
        // The same sound gives the same bytes: no library version and no serial number of chance.
        context.pointee.flags |= Int32(AV_CODEC_FLAG_BITEXACT)
        // A FLAC block holds a tenth of a second unless told otherwise: too long to wait for in a stream.
        if audioFormat == .flac, isStreamed { context.pointee.frame_size = Int32(max(16, rate / 25)) }
        if muxer.pointee.flags & Int32(AVFMT_GLOBALHEADER) != 0 {
            context.pointee.flags |= Int32(AV_CODEC_FLAG_GLOBAL_HEADER)
        }
        try check(avcodec_open2(context, encoder, nil))
    }

    private func openContainer(_ options: EncodingOptions) throws(AudioFileError) {
        try check(avformat_alloc_output_context2(&format, nil, audioFormat.muxerName, nil))
        io = mynah_av_open_io(
            Unmanaged.passUnretained(sink).toOpaque(), 16_384, nil,
            { opaque, bytes, count in
                guard let opaque, let bytes else { return mynah_av_error(EINVAL) }
                return Unmanaged<ByteSink>.fromOpaque(opaque).takeUnretainedValue().write(bytes, Int(count))
            },
            !sink.isSeekable
                ? nil
                : { opaque, offset, whence in
                    guard let opaque else { return Int64(mynah_av_error(EINVAL)) }
                    return Unmanaged<ByteSink>.fromOpaque(opaque).takeUnretainedValue()
                        .seek(to: offset, whence: whence)
                })
        guard let io, let format, let stream = avformat_new_stream(format, nil) else {
            throw .encoding(format: audioFormat.rawValue, reason: "out of memory")
        }
        format.pointee.pb = io
        // Room for later tags would be kilobytes of nothing ahead of the first sound.
        format.pointee.metadata_header_padding = 0
        format.pointee.flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT | AVFMT_FLAG_FLUSH_PACKETS
        try check(avcodec_parameters_from_context(stream.pointee.codecpar, codec))
        stream.pointee.time_base = AVRational(num: 1, den: Int32(rate))
        for (key, value) in [("comment", options.comment), ("title", options.title)] {
            av_dict_set(&format.pointee.metadata, key, value, 0)
        }
        var settings: OpaquePointer?
        defer { av_dict_free(&settings) }
        // An Ogg page holds a second unless told otherwise: too long to wait for in a stream.
        if audioFormat == .opus, isStreamed { av_dict_set(&settings, "page_duration", "20000", 0) }
        try check(avformat_write_header(format, &settings))
    }

    func encode(_ samples: [Float]) throws(AudioFileError) -> [UInt8] {
        precondition(!isFinished, "an encoder takes nothing after its end")
        if let bad = samples.firstIndex(where: { !$0.isFinite }) { throw .notFinite(sample: taken + bad) }
        taken += samples.count
        pending += try resampler?.resample(samples) ?? samples
        try encodePending(all: false)
        // Ogg keeps its last page until the next, unless asked for it.
        if audioFormat == .opus, isStreamed { try check(av_write_frame(format, nil)) }
        avio_flush(io)
        try checkSink()
        return sink.drain(atEnd: false)
    }

    func finish() throws(AudioFileError) -> [UInt8] {
        precondition(!isFinished, "an encoder ends once")
        isFinished = true
        pending += try resampler?.finish() ?? []
        try encodePending(all: true)
        // libav's encoders do not like to be ended before they began.
        if position > 0 { try send(nil) }
        try check(av_write_trailer(format))
        avio_flush(io)
        try checkSink()
        return sink.drain(atEnd: true)
    }

    /// Encodes the whole frames in `pending`, and at the end also what does not fill one.
    private func encodePending(all: Bool) throws(AudioFileError) {
        guard let codec, let frame else { return }
        // Codecs of plain samples take any number at a time.
        let size = codec.pointee.frame_size > 0 ? Int(codec.pointee.frame_size) : 8192
        let isAny = codec.pointee.frame_size == 0 || all
        var start = 0
        while start < pending.count, isAny || pending.count - start >= size {
            let count = min(size, pending.count - start)
            try fill(frame, pending[start..<start + count])
            defer { av_frame_unref(frame) }
            frame.pointee.pts = position
            position += Int64(count)
            start += count
            try send(frame)
        }
        pending.removeFirst(start)
    }

    private func fill(
        _ frame: UnsafeMutablePointer<AVFrame>, _ samples: ArraySlice<Float>
    ) throws(AudioFileError) {
        frame.pointee.nb_samples = Int32(samples.count)
        frame.pointee.format = audioFormat.storage.sampleFormat.rawValue
        frame.pointee.sample_rate = Int32(rate)
        av_channel_layout_default(&frame.pointee.ch_layout, 1)
        try check(av_frame_get_buffer(frame, 0))
        guard let plane = frame.pointee.extended_data[0] else { return }
        let raw = UnsafeMutableRawPointer(plane)
        switch audioFormat.storage {
        case .int16:
            let values = raw.assumingMemoryBound(to: Int16.self)
            // The inverse of reading: what was read from 16 bits is written as it was.
            for (i, x) in samples.enumerated() {
                values[i] = Int16(max(-32_768, min(32_767, (x * 32_768).rounded(.toNearestOrEven))))
            }
        case .float, .planarFloat:
            let values = raw.assumingMemoryBound(to: Float.self)
            for (i, x) in samples.enumerated() { values[i] = x }
        }
    }

    /// A frame to its packets, and those to the container; nil asks for what the encoder still holds.
    private func send(_ frame: UnsafeMutablePointer<AVFrame>?) throws(AudioFileError) {
        guard let codec, let packet, let format, let stream = format.pointee.streams[0] else { return }
        try check(avcodec_send_frame(codec, frame))
        while true {
            let status = avcodec_receive_packet(codec, packet)
            if status == mynah_av_again() || status == mynah_av_eof() { return }
            try check(status)
            defer { av_packet_unref(packet) }
            packet.pointee.stream_index = 0
            av_packet_rescale_ts(packet, codec.pointee.time_base, stream.pointee.time_base)
            try check(av_write_frame(format, packet))
        }
    }

    private func check(_ status: Int32) throws(AudioFileError) {
        guard status < 0 else { return }
        try checkSink()
        throw .encoding(format: audioFormat.rawValue, reason: LibAV.reason(status))
    }

    private func checkSink() throws(AudioFileError) {
        // The writer of the file knows its path, and puts it in.
        if let failure = sink.failure { throw .unwritable(path: "", reason: systemReason(failure)) }
    }
}

extension SoundFormat.Storage {
    var sampleFormat: AVSampleFormat {
        switch self {
        case .int16: AV_SAMPLE_FMT_S16
        case .float: AV_SAMPLE_FMT_FLT
        case .planarFloat: AV_SAMPLE_FMT_FLTP
        }
    }
}
