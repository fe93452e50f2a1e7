import CLibAV

/// Decoded frames of any sample format, averaged to one channel.
struct ChannelMixer {
    /// The mean of the channels, [samples].
    private(set) var samples: [Float] = []
    /// The rate of the first frame; zero before it.
    private(set) var rate = 0
    /// The channels of the first frame.
    private(set) var channels = 0

    /// How far the sound has come.
    var seconds: Double { rate > 0 ? Double(samples.count) / Double(rate) : 0 }

    /// Appends a frame; refuses to pass `limit` seconds in all, and a rate or channel count that changes.
    mutating func add(
        _ frame: UnsafeMutablePointer<AVFrame>, limit: Double
    ) throws(AudioFileError) {
        let frame = frame.pointee
        let (count, width) = (Int(frame.nb_samples), Int(frame.ch_layout.nb_channels))
        if rate == 0 {
            guard AudioFile.sampleRates.contains(Int(frame.sample_rate)) else {
                throw .unsupportedRate(Int(frame.sample_rate))
            }
            guard (1...AudioFile.maximumChannels).contains(width) else { throw .unsupportedChannels(width) }
            (rate, channels) = (Int(frame.sample_rate), width)
        }
        guard rate == Int(frame.sample_rate), channels == width else {
            throw .corrupt(reason: "the rate or the channels change", second: seconds)
        }
        guard count > 0 else { return }
        guard Double(samples.count + count) <= limit * Double(rate) else { throw .tooLong(limit: limit) }
        let start = samples.count
        try mix(frame, count)
        if let bad = samples[start...].firstIndex(where: { !$0.isFinite }) { throw .notFinite(sample: bad) }
    }

    /// Integers are divided by their full scale, so that the most negative is -1, as libsndfile does.
    private mutating func mix(_ frame: AVFrame, _ count: Int) throws(AudioFileError) {
        switch AVSampleFormat(rawValue: frame.format) {
        case AV_SAMPLE_FMT_U8: mix(frame, count, planar: false) { (x: UInt8) in (Float(x) - 128) / 128 }
        case AV_SAMPLE_FMT_U8P: mix(frame, count, planar: true) { (x: UInt8) in (Float(x) - 128) / 128 }
        case AV_SAMPLE_FMT_S16: mix(frame, count, planar: false) { (x: Int16) in Float(x) / 32_768 }
        case AV_SAMPLE_FMT_S16P: mix(frame, count, planar: true) { (x: Int16) in Float(x) / 32_768 }
        case AV_SAMPLE_FMT_S32: mix(frame, count, planar: false) { (x: Int32) in Float(x) / 2_147_483_648 }
        case AV_SAMPLE_FMT_S32P: mix(frame, count, planar: true) { (x: Int32) in Float(x) / 2_147_483_648 }
        case AV_SAMPLE_FMT_S64: mix(frame, count, planar: false) { (x: Int64) in Float(x) * 0x1p-63 }
        case AV_SAMPLE_FMT_S64P: mix(frame, count, planar: true) { (x: Int64) in Float(x) * 0x1p-63 }
        case AV_SAMPLE_FMT_FLT: mix(frame, count, planar: false) { (x: Float) in x }
        case AV_SAMPLE_FMT_FLTP: mix(frame, count, planar: true) { (x: Float) in x }
        case AV_SAMPLE_FMT_DBL: mix(frame, count, planar: false) { (x: Double) in Float(x) }
        case AV_SAMPLE_FMT_DBLP: mix(frame, count, planar: true) { (x: Double) in Float(x) }
        default: throw .unsupportedCodec(name: "sample format \(frame.format)")
        }
    }

    private mutating func mix<Stored>(
        _ frame: AVFrame, _ count: Int, planar: Bool, _ scale: (Stored) -> Float
    ) {
        let start = samples.count
        samples.append(contentsOf: repeatElement(0, count: count))
        for channel in 0..<channels {
            guard let plane = frame.extended_data[planar ? channel : 0] else { continue }
            let values = UnsafeRawPointer(plane).assumingMemoryBound(to: Stored.self)
            let (first, stride) = planar ? (0, 1) : (channel, channels)
            for i in 0..<count { samples[start + i] += scale(values[first + i * stride]) }
        }
        guard channels > 1 else { return }
        for i in start..<samples.count { samples[i] /= Float(channels) }
    }
}

extension LibAV {
    /// Whether a codec gives back what it was given.
    static func isLossless(_ codec: AVCodecID) -> Bool {
        guard let facts = avcodec_descriptor_get(codec) else { return false }
        return facts.pointee.props & Int32(AV_CODEC_PROP_LOSSLESS) != 0
    }
}
