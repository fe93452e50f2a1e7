import AudioDSP
import Checkpoints
import ModelHub
package import SpeechCore
import TensorGraph
import TextProcessing

// Every error from beneath becomes a `SpeechError` here, so that the sentences people read stand side by side.
// The hub's stand in ModelHub, beside its own names.

extension SpeechError {
    /// What a person is told of any error.
    package init(describing error: any Error) {
        switch error {
        case let error as SpeechError: self = error
        case let error as CheckpointError: self = .checkpoint(error)
        case let error as LoadError: self = .load(error)
        case let error as DeviceError: self = .device(error)
        case let error as TokenizerError: self = .tokenizer(error)
        case let error as AudioFileError: self = .audio(error)
        case let error as HubError: self = .hub(error)
        case is CancellationError: self = .cancelled()
        default:
            self.init(
                .unexpected, "Something failed that should not.",
                remedy: "Please report it, with what you asked for and the output of 'mynah doctor'.",
                underlying: error)
        }
    }

    /// A request that its caller stopped.
    package static func cancelled() -> SpeechError {
        SpeechError(.cancelled, "The request was stopped.", remedy: "Ask again when you want it.")
    }
}

// MARK: models

extension SpeechError {
    private static let fetchAgain =
        "The file may have been cut short on its way: fetch it again, or convert it again with 'mynah convert'."

    private static func checkpoint(_ error: CheckpointError) -> SpeechError {
        let (code, remedy): (Code, String) =
            switch error {
            case .missingFile: (.missingFile, "Check the path; 'mynah models' lists what is installed.")
            case .incomplete:
                (.missingFile, "Fetch the model again with 'mynah models pull', or check the path.")
            case .notAModel:
                (.unsupported, "Give the folder it lies in, or a file that 'mynah convert' made.")
            case .notAFile: (.wrongFormat, "Give a plain file, or the folder of a model.")
            case .emptyFile, .truncated: (.corruptData, fetchAgain)
            case .system: (.inputOutput, "Check the file's permissions and the disk.")
            case .changed: (.inputOutput, "Wait until whatever writes it is done.")
            case .unknownFormat: (.wrongFormat, "Give safetensors, GGUF, a torch archive or NumPy arrays.")
            case .malformed, .duplicate, .invalidTensor: (.corruptData, fetchAgain)
            case .tooLarge:
                (.corruptData, "No model we know comes near the limit: the file is damaged or hostile.")
            case .unsupported: (.unsupported, "Convert the authors' own files with 'mynah convert'.")
            case .forbiddenGlobal:
                (.corruptData, "The file holds code. Do not use it unless you trust its author.")
            case .missingTensor, .wrongShape, .unclaimed:
                (
                    .corruptData,
                    "The weights are not those of the configuration beside them: fetch both again."
                )
            }
        return SpeechError(code, error.description, remedy: remedy)
    }

    private static func load(_ error: LoadError) -> SpeechError {
        switch error {
        case .missing(let path, let shape):
            SpeechError(
                .corruptData, "The model has no tensor '\(path)' of shape \(shape).", remedy: fetchAgain)
        case .wrongShape(let path, let expected, let found):
            SpeechError(
                .corruptData, "Tensor '\(path)' has shape \(found), not \(expected).",
                remedy: "The weights are not those of the configuration beside them: fetch both again.")
        case .unclaimed(let paths):
            SpeechError(
                .unsupported, "The model holds \(paths.count) tensors that nothing uses: \(listed(paths)).",
                remedy: "It may be of a newer kind than this program knows: look for a newer release.")
        case .alreadyQuantised(let path, let stored, let asked):
            SpeechError(
                .unsupported,
                "'\(path)' is stored as \(stored.rawValue) and cannot become \(asked.rawValue).",
                remedy: "Leave --quantize out, or start from the authors' own files.")
        case .notNumbers(let path, let type):
            SpeechError(
                .unsupported, "Tensor '\(path)' is of type \(type.rawValue), which nothing computes with.",
                remedy: "Convert the authors' own files with 'mynah convert'.")
        case .duplicate(let path):
            SpeechError(.corruptData, "Two tensors of the model are named '\(path)'.", remedy: fetchAgain)
        case .doesNotFit(let need, let available):
            doesNotFit(need: need, available: available, alternative: nil)
        case .deviceMemory(let need, let available):
            SpeechError(
                .notEnoughMemory,
                "The model needs \(need.asMegabytes) of the accelerator's memory, "
                    + "and \(available.asMegabytes) are free.",
                remedy: "Use --device cpu, a smaller --quantize, or a smaller model.")
        }
    }

    /// A model larger than the memory that is left.
    ///
    /// - Parameter alternative: what would fit, as an instruction.
    package static func doesNotFit(need: Int, available: Int, alternative: String?) -> SpeechError {
        SpeechError(
            .notEnoughMemory,
            "The model needs \(need.asMegabytes) of memory, and \(available.asMegabytes) are available.",
            remedy: alternative ?? "Close other programs, or use a smaller model.")
    }

    private static func tokenizer(_ error: TokenizerError) -> SpeechError {
        switch error {
        case .unsupportedModel, .unsupportedAddedToken:
            SpeechError(
                .unsupported, "The model's tokenizer is of a kind this program does not know.",
                remedy: "Look for a newer release.", underlying: error)
        default:
            SpeechError(
                .corruptData, "The model's tokenizer files contradict themselves.", remedy: fetchAgain,
                underlying: error)
        }
    }

    private static func device(_ error: DeviceError) -> SpeechError {
        switch error {
        case .noProcessor:
            SpeechError(
                .unsupported, "ggml has no backend for this processor.",
                remedy: "Build it again with 'make deps'.")
        case .unavailable(let asked, let offered):
            SpeechError(
                .unsupported, "There is no device '\(asked)' here.",
                remedy:
                    "Choose one of: \((["auto", "cpu"] + offered).joined(separator: ", ")); see 'mynah doctor'."
            )
        case .outOfMemory(let bytes):
            SpeechError(
                .notEnoughMemory, "The device has no \(bytes.map(\.asMegabytes) ?? "memory") left.",
                remedy: "Use --device cpu, or fewer requests at once.")
        case .rounds(let name):
            SpeechError(
                .unsupported,
                "'\(name)' multiplies in half precision since another model was loaded, and float32 is asked for.",
                remedy: "Load the float32 model first, or in a process of its own.")
        case .stopped(let name, let status):
            SpeechError(
                .unexpected, "\(name) stopped computing, with status \(status).",
                remedy: "Use --device cpu. If its driver is current, please report it with 'mynah doctor'.")
        }
    }

    /// The first few of many.
    private static func listed(_ names: [String]) -> String {
        names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " and \(names.count - 5) more" : "")
    }
}

// MARK: sound

extension SpeechError {
    private static func audio(_ error: AudioFileError) -> SpeechError {
        switch error {
        case .missingFile, .notAFile, .unreadable, .unwritable: file(error)
        case .noDevice, .playback, .cancelled, .encoderMissing, .encoding, .invalidBitRate, .resampling,
            .invalidSpeed, .filterMissing, .filtering:
            output(error)
        default: recording(error)
        }
    }

    private static func file(_ error: AudioFileError) -> SpeechError {
        switch error {
        case .missingFile(let path):
            SpeechError(.missingFile, "There is no file '\(path)'.", remedy: "Check the path.")
        case .notAFile(let path):
            SpeechError(
                .inputOutput, "'\(path)' is not a plain file.",
                remedy: "Give the path of a file; to write to a pipe use '-o -'.")
        case .unreadable(let path, let reason):
            SpeechError(
                .inputOutput, "'\(path)' could not be read: \(reason).", remedy: "Check its permissions.")
        case .unwritable(let path, let reason):
            SpeechError(
                .inputOutput, "'\(path)' could not be written: \(reason).",
                remedy: "Check that its folder exists, may be written and has room.")
        default:
            SpeechError(
                .inputOutput, "The sound file could not be read.", remedy: "Check its permissions.",
                underlying: error)
        }
    }

    private static func output(_ error: AudioFileError) -> SpeechError {
        switch error {
        case .noDevice(let reason):
            SpeechError(
                .unsupported, "There is nothing to play through: \(reason).",
                remedy: "Write a file with -o; 'mynah doctor' lists the devices there are.")
        case .playback(let reason):
            SpeechError(
                .inputOutput, "The sound device failed: \(reason).", remedy: "Write a file with -o instead.")
        case .cancelled: .cancelled()
        case .encoderMissing(let format):
            SpeechError(
                .unsupported, "This machine's libav has no encoder for \(format).",
                remedy: "Choose --format wav or flac.")
        case .invalidBitRate(let rate):
            SpeechError(
                .invalidInput, "No encoder takes \(rate) bits a second.", remedy: "Leave the bit rate out.")
        case .invalidSpeed(let speed):
            SpeechError(
                .invalidInput, "Speech cannot be made \(speed) times as fast.",
                remedy: "Give a speed from 0.25 to 4.")
        case .filterMissing(let name):
            SpeechError(
                .unsupported, "This machine's libav has no filter \(name), which changes the speed.",
                remedy: "Leave the speed at 1.")
        case .encoding(let format, let reason):
            SpeechError(
                .inputOutput, "The sound could not be encoded as \(format): \(reason).",
                remedy: "Choose --format wav.")
        case .filtering(_, let reason), .resampling(_, _, let reason):
            SpeechError(
                .inputOutput, "The sound could not be changed: \(reason).",
                remedy: "Leave the speed at 1, and choose --format wav.")
        default:
            SpeechError(
                .inputOutput, "The sound could not be encoded.", remedy: "Choose --format wav.",
                underlying: error)
        }
    }

    /// What is wrong with a file that is read as a recording.
    static func recordingFile(_ error: any Error) -> SpeechError {
        guard case .notAFile(let path)? = error as? AudioFileError else {
            return SpeechError(describing: error)
        }
        return SpeechError(
            .wrongFormat, "'\(path)' is not a recording, but a folder or a device.",
            remedy: "Give wav, flac, mp3, ogg or m4a.")
    }

    /// As `recordingFile`, where a voice is to be taken from it.
    static func voiceRecording(_ error: any Error) -> SpeechError {
        let found = recordingFile(error)
        switch error as? AudioFileError {
        case .tooLong?: return SpeechError(found.code, found.message, remedy: "Cut out ten good ones.")
        case .empty?:
            return SpeechError(found.code, found.message, remedy: "Give three to thirty seconds of speech.")
        default: return found
        }
    }

    private static func recording(_ error: AudioFileError) -> SpeechError {
        let (code, message, remedy): (Code, String, String) =
            switch error {
            case .unknownFormat:
                (
                    .wrongFormat, "The recording is of no format that libav reads.",
                    "Give wav, flac, mp3, ogg or m4a."
                )
            case .refusedFormat(let name):
                (
                    .wrongFormat, "'\(name)' is not a recording; it names other files.",
                    "Give the recording itself."
                )
            case .noAudio(let found):
                (.wrongFormat, "There is no sound in the file, only: \(listed(found)).", "Give a recording.")
            case .unsupportedCodec(let name):
                (.unsupported, "This machine's libav cannot decode \(name).", "Convert the recording to wav.")
            case .unsupportedRate(let rate):
                (.unsupported, "A sample rate of \(rate) Hz is not supported.", "Convert it to 24000 Hz.")
            case .unsupportedChannels(let count):
                (.unsupported, "\(count) channels are not supported.", "Convert it to one channel.")
            case .corrupt(let reason, let second):
                (
                    .corruptData, "The recording is damaged near second \(second.shortened): \(reason).",
                    "Record it again."
                )
            case .truncated(let stated, let decoded):
                (
                    .corruptData,
                    "The recording is cut: \(decoded.shortened) of \(stated.shortened) seconds are there.",
                    "Copy it again from where it came from."
                )
            case .tooLong(let limit):
                (
                    .invalidInput, "The recording is longer than \(limit.shortened) seconds.",
                    "Cut it into parts, best where nobody speaks."
                )
            case .empty: (.invalidInput, "The recording is empty.", "Give a recording of speech.")
            case .notFinite(let sample):
                (
                    .corruptData, "Sample \(sample) of the recording is not a number.",
                    "Record or export it again."
                )
            default: (.inputOutput, "The recording could not be read.", "Convert it to wav.")
            }
        return SpeechError(code, message, remedy: remedy)
    }
}

extension Int {
    /// Bytes as a person reads them: decimal megabytes, as memory and disks are sold.
    package var asMegabytes: String { "\(Swift.max(1, self / 1_000_000)) MB" }
}

extension Double {
    /// With one digit after the point.
    package var shortened: String { "\((self * 10).rounded() / 10)" }
}
