import CLibAV
import Foundation
import SpeechCore

/// One pass through one source: opened, decoded to the end, freed.
final class AudioDecodingSession {
    private let source: ByteSource
    private let maximumSeconds: Double
    private var io: UnsafeMutablePointer<AVIOContext>?
    private var format: UnsafeMutablePointer<AVFormatContext>?
    private var codec: UnsafeMutablePointer<AVCodecContext>?
    private var packet = av_packet_alloc()
    private var frame = av_frame_alloc()
    private var stream: UnsafeMutablePointer<AVStream>?
    private var mixer = ChannelMixer()
    private var damage = Damage()

    init(_ source: ByteSource, maximumSeconds: Double) {
        _ = LibAV.prepared
        self.source = source
        self.maximumSeconds = maximumSeconds
    }

    deinit {
        av_frame_free(&frame)
        av_packet_free(&packet)
        avcodec_free_context(&codec)
        avformat_close_input(&format)
        mynah_av_close_io(&io)
    }

    /// Finds the sound in the source and a decoder for it.
    func open() throws(AudioFileError) {
        try openContainer()
        guard let format else { throw .unknownFormat }
        var decoder: UnsafePointer<AVCodec>?
        let index = av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, -1, &decoder, 0)
        guard index >= 0, let stream = format.pointee.streams[Int(index)] else {
            throw missingStream(format)
        }
        for other in 0..<Int(format.pointee.nb_streams) where other != Int(index) {
            format.pointee.streams[other]?.pointee.discard = AVDISCARD_ALL
        }
        let identifier = stream.pointee.codecpar.pointee.codec_id
        guard let decoder, let context = avcodec_alloc_context3(decoder) else {
            throw .unsupportedCodec(name: LibAV.name(of: identifier))
        }
        codec = context
        avcodec_parameters_to_context(context, stream.pointee.codecpar)
        context.pointee.pkt_timebase = stream.pointee.time_base
        context.pointee.thread_count = 1
        // A checksum that fails in what should be exact is damage; lossy codecs are not asked, for few have any.
        if LibAV.isLossless(identifier) { context.pointee.err_recognition |= AV_EF_CRCCHECK | AV_EF_EXPLODE }
        let status = avcodec_open2(context, decoder, nil)
        guard status >= 0 else { throw .corrupt(reason: LibAV.reason(status), second: 0) }
        self.stream = stream
    }

    private func openContainer() throws(AudioFileError) {
        io = mynah_av_open_io(
            Unmanaged.passUnretained(source).toOpaque(), 32_768,
            { opaque, bytes, count in
                guard let opaque, let bytes else { return mynah_av_error(EINVAL) }
                return Unmanaged<ByteSource>.fromOpaque(opaque).takeUnretainedValue()
                    .read(into: bytes, capacity: Int(count))
            }, nil,
            { opaque, offset, whence in
                guard let opaque else { return Int64(mynah_av_error(EINVAL)) }
                return Unmanaged<ByteSource>.fromOpaque(opaque).takeUnretainedValue()
                    .seek(to: offset, whence: whence)
            })
        // Probed without a name: the content decides, so a file and an upload read alike.
        var demuxer: UnsafePointer<AVInputFormat>?
        guard let io, av_probe_input_buffer2(io, &demuxer, "", nil, 0, 0) >= 0, let demuxer else {
            throw .unknownFormat
        }
        let name = String(cString: demuxer.pointee.name)
        guard Self.refusedDemuxers.isDisjoint(with: name.split(separator: ",")) else {
            throw .refusedFormat(name: name)
        }
        format = avformat_alloc_context()
        format?.pointee.pb = io
        // Nothing in a file makes us open another file or an address, whatever its demuxer would like.
        format?.pointee.io_open = { _, _, _, _, _ in mynah_av_error(EACCES) }
        var options: OpaquePointer?
        av_dict_set(&options, "protocol_whitelist", "none", 0)
        av_dict_set(&options, "codec_whitelist", LibAV.soundDecoders, 0)
        defer { av_dict_free(&options) }
        let status = avformat_open_input(&format, "", demuxer, &options)
        guard status >= 0 else { throw .corrupt(reason: LibAV.reason(status), second: 0) }
        // What it fails to learn shows when decoding; a picture for want of a decoder does not matter.
        _ = avformat_find_stream_info(format, nil)
    }

    /// Demuxers that read what a file points to, or run it, instead of what is in it.
    private static let refusedDemuxers: Set<Substring> = [
        "hls", "applehttp", "dash", "concat", "imf", "sdp", "rtsp", "rtp", "sap", "webm_dash_manifest",
        "avisynth", "vapoursynth", "lavfi", "image2", "redir",
    ]

    private func missingStream(_ format: UnsafeMutablePointer<AVFormatContext>) -> AudioFileError {
        let parameters = (0..<Int(format.pointee.nb_streams)).compactMap {
            format.pointee.streams[$0]?.pointee.codecpar.pointee
        }
        if let sound = parameters.first(where: { $0.codec_type == AVMEDIA_TYPE_AUDIO }) {
            return .unsupportedCodec(name: LibAV.name(of: sound.codec_id))
        }
        let container = String(cString: format.pointee.iformat.pointee.name)
        let found = parameters.map { LibAV.name(of: $0.codec_id) }
        return .noAudio(found: found.isEmpty ? [container] : found)
    }

    /// Decodes to the end.
    func decode() throws(AudioFileError) -> DecodedAudio {
        guard let format, let codec, let stream, let packet else { throw .unknownFormat }
        while true {
            guard !Task.isCancelled else { throw .cancelled }
            let status = av_read_frame(format, packet)
            if status == mynah_av_eof() { break }
            guard status >= 0 else { throw .corrupt(reason: LibAV.reason(status), second: mixer.seconds) }
            defer { av_packet_unref(packet) }
            guard packet.pointee.stream_index == stream.pointee.index else { continue }
            try decode(packet, codec)
            // The last packet of a file cut short is so marked too; what it holds is sound.
            if packet.pointee.flags & Int32(AV_PKT_FLAG_CORRUPT) != 0 { damage.bad += 1 }
        }
        try decode(nil, codec)
        try damage.checkEnd(mixer)
        guard mixer.rate > 0, !mixer.samples.isEmpty else { throw .empty }
        if let stated = statedSeconds(format, stream), mixer.seconds < stated - slack(codec) {
            throw .truncated(stated: stated, decoded: mixer.seconds)
        }
        return facts(format, codec)
    }

    /// The length that the source claims, before any of it is decoded, and whether it certainly holds as much.
    var claimedSeconds: (seconds: Double, isCertain: Bool)? {
        guard let format, let stream, format.pointee.duration > 0 else { return nil }
        let seconds = Double(format.pointee.duration) / Double(AV_TIME_BASE)
        let isStated = format.pointee.duration_estimation_method == AVFMT_DURATION_FROM_STREAM
        let isWave = String(cString: format.pointee.iformat.pointee.name) == "wav"
        guard let header = WaveHeader(source) else { return (seconds, isStated && !isWave) }
        // A header may claim what never came; what is there tells the length, of samples that have one size.
        let rate = stream.pointee.codecpar.pointee.bit_rate
        guard rate > 0, LibAV.isLossless(stream.pointee.codecpar.pointee.codec_id) else {
            return (seconds, false)
        }
        return (Double(header.present) * 8 / Double(rate), true)
    }

    /// Adds up the packets' lengths until they are too long.
    func countPackets() throws(AudioFileError) {
        guard let format, let stream, let packet else { throw .unknownFormat }
        let base = Double(stream.pointee.time_base.num) / Double(max(1, stream.pointee.time_base.den))
        var seconds = 0.0
        while av_read_frame(format, packet) >= 0 {
            defer { av_packet_unref(packet) }
            guard !Task.isCancelled else { throw .cancelled }
            guard packet.pointee.stream_index == stream.pointee.index else { continue }
            seconds += Double(max(0, packet.pointee.duration)) * base
            guard seconds <= maximumSeconds + 1 else { throw .tooLong(limit: maximumSeconds) }
        }
    }

    /// One packet to its frames; nil asks for what the decoder still holds.
    private func decode(
        _ packet: UnsafeMutablePointer<AVPacket>?, _ codec: UnsafeMutablePointer<AVCodecContext>
    ) throws(AudioFileError) {
        guard let frame else { throw .unknownFormat }
        var status = avcodec_send_packet(codec, packet)
        var made = 0
        while status >= 0 {
            status = avcodec_receive_frame(codec, frame)
            guard status >= 0 else { break }
            defer { av_frame_unref(frame) }
            try damage.checkMiddle(mixer)
            try mixer.add(frame, limit: maximumSeconds)
            made += 1
        }
        if made > 0 { damage.good += 1 }
        if status < 0, status != mynah_av_again(), status != mynah_av_eof() { damage.bad += 1 }
    }

    /// The length the file states; nil where it states none, or no more than it holds.
    private func statedSeconds(
        _ format: UnsafeMutablePointer<AVFormatContext>, _ stream: UnsafeMutablePointer<AVStream>
    ) -> Double? {
        if let header = WaveHeader(source) {
            guard header.claimed > header.present, header.present > 0 else { return nil }
            return mixer.seconds * Double(header.claimed) / Double(header.present)
        }
        let base = stream.pointee.time_base
        guard format.pointee.duration_estimation_method == AVFMT_DURATION_FROM_STREAM,
            stream.pointee.duration != mynah_av_no_timestamp(), stream.pointee.duration > 0, base.den > 0
        else { return nil }
        let seconds = Double(stream.pointee.duration) * Double(base.num) / Double(base.den)
        return seconds
    }

    /// What a file may rightly hold less than it states, in seconds: a clock of milliseconds rounds, and lossy
    /// codecs drop their priming and padding.
    private func slack(_ codec: UnsafeMutablePointer<AVCodecContext>) -> Double {
        LibAV.isLossless(codec.pointee.codec_id) ? 0.0021 : 0.0021 + 4096 / Double(mixer.rate)
    }

    private func facts(
        _ format: UnsafeMutablePointer<AVFormatContext>, _ codec: UnsafeMutablePointer<AVCodecContext>
    ) -> DecodedAudio {
        let parameters = codec.pointee
        let lossless = LibAV.isLossless(parameters.codec_id)
        let bits =
            parameters.bits_per_raw_sample > 0
            ? parameters.bits_per_raw_sample : av_get_bytes_per_sample(parameters.sample_fmt) * 8
        return DecodedAudio(
            audio: AudioBuffer(samples: mixer.samples, sampleRate: mixer.rate), channels: mixer.channels,
            container: String(cString: format.pointee.iformat.pointee.name),
            codec: LibAV.name(of: parameters.codec_id), bitsPerSample: lossless ? Int(bits) : nil)
    }
}

/// Counts packets that decode and that do not, and says when the sum of them is a damaged file.
private struct Damage {
    var good = 0
    /// Bad packets since the last good one.
    var bad = 0

    /// Called before a decoded frame is taken.
    mutating func checkMiddle(_ mixer: ChannelMixer) throws(AudioFileError) {
        guard bad == 0 || (good == 0 && bad <= 2) else {
            throw .corrupt(
                reason: "packets that do not decode between packets that do", second: mixer.seconds)
        }
        bad = 0
    }

    /// Called at the end.
    func checkEnd(_ mixer: ChannelMixer) throws(AudioFileError) {
        guard bad == 0 || (good > 0 && bad == 1) else {
            throw .corrupt(reason: "packets that do not decode", second: mixer.seconds)
        }
    }
}
