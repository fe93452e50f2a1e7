import AudioDSP
import Checkpoints
import NeuralLayers
import SpeechCore
import TensorGraph

/// The two encoders of recordings. Bound when a voice is made and let go after: speaking needs neither.
struct VoiceEncoder {
    private let codec: CodecEncoder
    private let speaker: SpeakerEncoder?
    private let spectrogram: MelSpectrogram
    private let device: Device
    let sampleRate: Int
    let codecLayers: Int

    /// - Parameter device: what speaks. The encoders run on the processor whatever it is: an accelerator's rounding
    ///   changes a recording's codes.
    init(_ files: ModelFiles, on device: Device) throws {
        let device = device.isAccelerator ? try Device(.cpu, threads: device.threads) : device
        let config = try Configuration.decoded(files.data("config.json"), file: "config.json")
        let speech = try SpeechTokenizerConfiguration.decoded(
            files.data("speech_tokenizer/config.json"), file: "speech_tokenizer/config.json")
        try config.validate()
        try speech.validate(codeGroups: config.talkerConfig.numCodeGroups)
        let loader = try WeightLoader(files.tensors, on: device, precision: .exact)
        codec = try CodecEncoder(
            loader.weights["encoder"], speech.encoderConfig, quantizers: speech.encoderValidNumQuantizers)
        speaker = try config.speakerEncoderConfig.map {
            try SpeakerEncoder(loader.weights["speaker_encoder"], $0)
        }
        loader.weights["talker"].ignore()
        loader.weights["decoder"].ignore()
        try loader.finish()
        self.device = device
        sampleRate = speech.inputSampleRate
        codecLayers = speech.encoderConfig.numHiddenLayers
        spectrogram = MelSpectrogram(
            .init(
                sampleRate: sampleRate, transformSize: 1024, window: 1024, hop: 256,
                bins: config.speakerEncoderConfig?.melDim ?? 128, lowestFrequency: 0,
                highestFrequency: Double(sampleRate) / 2, reflectedSamples: 384, magnitudeFloor: 1e-9,
                logarithmFloor: 1e-5))
    }

    var hasSpeakerEncoder: Bool { speaker != nil }

    /// Log-mel spectrogram `[frames, bins]` as the speaker encoder was trained on.
    func mel(_ samples: [Float]) -> (values: [Float], frames: Int) { spectrogram(samples) }

    func encodeSpeaker(
        _ samples: [Float], tapping taps: Set<String> = []
    ) throws -> (vector: [Float], tapped: (String) -> (values: [Float], shape: [Int])?) {
        guard let speaker else {
            throw SpeechError(
                .unsupported, "This checkpoint has no speaker encoder.",
                remedy: "Clone with a Base checkpoint: 'mynah models pull qwen3-tts-0.6b-base'.")
        }
        let mel = mel(samples)
        return speaker.encode(mel.values, frames: mel.frames, on: device, tapping: taps)
    }

    func encodeCodes(_ samples: [Float], tapping taps: Set<String> = []) throws -> CodecEncoder.Result {
        try codec.encode(samples, on: device, tapping: taps)
    }
}
