import CLibAV

/// What is common to reading and writing through libav.
enum LibAV {
    /// Settings of the whole process, made once, before anything else is asked of libav.
    static let prepared: Void = {
        // It writes its complaints to stderr unless told not to; ours are errors.
        av_log_set_level(AV_LOG_QUIET)
        // A header may ask for two gigabytes at once otherwise. Sound needs no piece near this.
        av_max_alloc(256 << 20)
    }()

    /// The version of the library, as its authors name the release.
    static var version: String { String(cString: av_version_info()) }

    /// libav's words for one of its negative results.
    static func reason(_ status: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
            guard let base = text.baseAddress, av_strerror(status, base, text.count) == 0 else {
                return "libav error \(status)"
            }
            return String(cString: base)
        }
    }

    /// The name of a codec, also of one without a decoder here.
    static func name(of codec: AVCodecID) -> String { String(cString: avcodec_get_name(codec)) }

    /// Every decoder of sound in this build, comma separated: what a demuxer may open while it looks at a file,
    /// so that no picture or subtitle decoder ever sees the bytes.
    static let soundDecoders: String = {
        var names: [String] = []
        var state: UnsafeMutableRawPointer?
        while let codec = av_codec_iterate(&state) {
            guard av_codec_is_decoder(codec) != 0, codec.pointee.type == AVMEDIA_TYPE_AUDIO else { continue }
            names.append(String(cString: codec.pointee.name))
        }
        return names.joined(separator: ",")
    }()
}
