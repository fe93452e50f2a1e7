package import SpeechCore

/// Sound to bytes, in pieces. Not `Sendable`: one per stream, used by one task. After an error it is of no use.
package protocol AudioEncoder: AnyObject {
    /// Takes mono samples, of which those beyond [-1, 1] are clipped where the format holds integers, and gives
    /// the bytes that are complete.
    func encode(_ samples: [Float]) throws(AudioFileError) -> [UInt8]
    /// Ends the stream and gives what is left. Once.
    func finish() throws(AudioFileError) -> [UInt8]
}

extension SoundFormat {
    /// An encoder of mono sound at `sampleRate`, which is changed inside where the codec does not have it.
    ///
    /// For a pipe or a connection, `seekable` is false: bytes come as they are made, and a WAV header says that
    /// its length is unknown. When true, `encode` gives nothing and `finish` all, with the true length in it.
    /// An MP3 says only when seekable how much of its beginning is the codec's delay (46 ms at 24 kHz), and AAC
    /// in ADTS never does (43 ms): otherwise their sound starts that much later.
    package func encoder(
        sampleRate: Int, seekable: Bool = false, options: EncodingOptions = EncodingOptions()
    ) throws(AudioFileError) -> any AudioEncoder {
        try LibAVEncoder(
            self, sampleRate: sampleRate, sink: ByteSink(seekable ? .memory : .stream), isStreamed: !seekable,
            options: options)
    }

    /// An encoder that writes into an open file itself, from its beginning and as the sound is made, and puts right at
    /// the end what the head says of the length: `encode` and `finish` give nothing. The file is not closed.
    package func encoder(
        sampleRate: Int, into descriptor: Int32, options: EncodingOptions = EncodingOptions()
    ) throws(AudioFileError) -> any AudioEncoder {
        try LibAVEncoder(
            self, sampleRate: sampleRate, sink: ByteSink(.file(descriptor)), isStreamed: true,
            options: options)
    }

    /// A whole sound as the bytes of a file.
    package func encode(
        _ samples: [Float], sampleRate: Int, options: EncodingOptions = EncodingOptions()
    ) throws(AudioFileError) -> [UInt8] {
        let encoder = try encoder(sampleRate: sampleRate, seekable: true, options: options)
        return try encoder.encode(samples) + encoder.finish()
    }
}
