import AudioDSP
import Checkpoints
import Foundation
import ModelHub
import SpeechCore
import VibeVoice

/// The file that holds a voice: safetensors, so that any tool can read it and nothing in it can run.
///
/// Metadata: `format` (`mynah.voice`), `version` (`1`), `name`, `family`, `model`, `created` (ISO 8601),
/// `source_file`, `source_duration`, `source_sample_rate`, `source_sha256`, and where known `transcript` and
/// `consent`. Tensors: `speaker_vector` f32 `[width]`, `codes` i32 `[frames, groups]` (absent when cloned by
/// vector alone), `audio` f32 `[samples]` at 24 kHz.
///
/// A preset (`PresetFile`) has `kind` = `preset` among the metadata, and the caches' tensors instead of these.
enum VoiceFile {
    static let format = "mynah.voice"
    static let preset = "preset"
    static let version = "1"
    static let suffix = "mynah-voice"
    static let sampleRate = 24_000

    /// Beyond these no model of ours goes, and a file that does is damaged or hostile.
    private static let widest = 65_536, mostGroups = 256, largestCode: Int32 = 65_535

    /// SHA-256 of samples as little-endian 32-bit floats.
    static func digest(_ samples: [Float]) -> String {
        var digest = MessageDigest<SHA256>()
        digest.update(bytes(samples))
        return digest.hexadecimal()
    }

    // MARK: writing

    /// - Parameter caches: those of a preset, where they were read already.
    static func write(_ voice: StoredVoice, caches: PresetTensors? = nil, to path: String) throws {
        var metadata = metadata(of: voice)
        do {
            let caches = try caches ?? voice.profile.presetFile.map { try PresetTensors(path: $0) }
            if caches != nil { metadata["kind"] = preset }
            let sources = try caches?.tensors.map { TensorSource($0) } ?? tensors(of: voice)
            try SafetensorsWriter.write(sources, metadata: metadata, to: path)
        } catch {
            throw SpeechError(describing: error)
        }
    }

    private static func metadata(of voice: StoredVoice) -> [String: String] {
        var metadata = [
            "format": format, "version": version, "name": voice.profile.name, "family": voice.profile.family,
            "model": voice.model, "created": voice.created.ISO8601Format(),
            "source_file": voice.source.fileName, "source_duration": "\(voice.source.duration)",
            "source_sample_rate": "\(voice.source.sampleRate)", "source_sha256": voice.source.sha256,
        ]
        metadata["transcript"] = voice.profile.transcript
        metadata["consent"] = voice.consent
        return metadata
    }

    private static func tensors(of voice: StoredVoice) throws -> [TensorSource] {
        let audio = try resampled(voice.audio)
        let vector = voice.profile.speakerVector
        var tensors = [
            TensorSource("speaker_vector", .f32, [vector.count], bytes: bytes(vector)),
            TensorSource("audio", .f32, [audio.samples.count], bytes: bytes(audio.samples)),
        ]
        if let first = voice.profile.codes.first {
            let codes = voice.profile.codes
            precondition(codes.allSatisfy { $0.count == first.count }, "frames have one number of codes")
            tensors.append(
                TensorSource("codes", .i32, [codes.count, first.count], bytes: bytes(codes.flatMap { $0 })))
        }
        return tensors
    }

    private static func resampled(_ audio: AudioBuffer) throws -> AudioBuffer {
        audio.sampleRate == sampleRate ? audio : try audio.resampled(to: sampleRate)
    }

    private static func bytes<Number>(_ numbers: [Number]) -> [UInt8] {
        numbers.withUnsafeBytes { Array($0) }
    }

    // MARK: reading

    /// - Throws: `SpeechError`: `wrongFormat` for a foreign file, `unsupported` for a later version, `corruptData`
    ///   for one that contradicts itself.
    static func read(_ path: String) throws -> StoredVoice {
        let file: CheckpointFile
        do {
            file = try CheckpointFile(path: path)
        } catch {
            throw described(error, path)
        }
        guard file.metadata["format"] == .string(format) else {
            throw SpeechError(
                .wrongFormat, "'\(path)' is not a voice.", remedy: "Make one with 'mynah clone'.")
        }
        let fields = Fields(path: path, metadata: file.metadata)
        let found = try fields.text("version")
        guard found == version else {
            throw SpeechError(
                .unsupported,
                "The voice '\(path)' is of version \(found); this program reads version \(version).",
                remedy: "Use a newer release, or clone the voice again.")
        }
        let tensors = Tensors(path: path, file: file)
        let isPreset = fields.optional("kind") == preset
        if isPreset { try PresetFile.check(path) }
        let profile = VoiceProfile(
            name: try fields.text("name"), family: try fields.text("family"),
            speakerVector: isPreset ? [] : try tensors.vector(), codes: isPreset ? [] : try tensors.codes(),
            transcript: fields.optional("transcript"), presetFile: isPreset ? path : nil)
        guard VoiceLibrary.isName(profile.name) else { throw damaged(path, "its name") }
        guard isPreset || profile.codes.isEmpty == (profile.transcript == nil) else {
            throw damaged(path, "codes and transcript, of which one is missing")
        }
        return StoredVoice(
            profile: profile, model: try fields.text("model"), created: try fields.date("created"),
            source: StoredVoice.Source(
                fileName: try fields.text("source_file"), duration: try fields.number("source_duration"),
                sampleRate: Int(try fields.number("source_sample_rate")),
                sha256: try fields.text("source_sha256")),
            consent: fields.optional("consent"),
            audio: isPreset ? AudioBuffer(samples: [], sampleRate: sampleRate) : try tensors.audio())
    }

    /// Anything wrong with a voice is said of the voice; where it is kept in is no model.
    private static func described(_ error: CheckpointError, _ path: String) -> SpeechError {
        switch error {
        case .missingFile:
            SpeechError(.missingFile, "There is no file '\(path)'.", remedy: "Check the path.")
        case .unknownFormat, .unsupported, .notAFile, .forbiddenGlobal:
            SpeechError(
                .wrongFormat, "'\(path)' is not a voice: \(error.description)",
                remedy: "Make one with 'mynah clone'.")
        case .system:
            SpeechError(.inputOutput, error.description, remedy: "Check the file's permissions and the disk.")
        default:
            SpeechError(
                .corruptData, "The voice '\(path)' is damaged: \(error.description)",
                remedy: "Copy it again from where it came from, or clone the voice again.")
        }
    }

    fileprivate static func damaged(_ path: String, _ what: String) -> SpeechError {
        SpeechError(
            .corruptData, "The voice '\(path)' is damaged in \(what).",
            remedy: "Copy it again from where it came from, or clone the voice again.")
    }

    /// The metadata of one file.
    private struct Fields {
        let path: String
        let metadata: [String: MetadataValue]

        func optional(_ key: String) -> String? {
            if case .string(let text) = metadata[key] { text } else { nil }
        }

        func text(_ key: String) throws -> String {
            guard let text = optional(key) else { throw VoiceFile.damaged(path, "its '\(key)'") }
            return text
        }

        func number(_ key: String) throws -> Double {
            guard let number = Double(try text(key)), (0...1e9).contains(number) else {
                throw VoiceFile.damaged(path, "its '\(key)'")
            }
            return number
        }

        func date(_ key: String) throws -> Date {
            guard let date = try? Date(text(key), strategy: .iso8601) else {
                throw VoiceFile.damaged(path, "its '\(key)'")
            }
            return date
        }
    }

    /// The tensors of one file.
    private struct Tensors {
        let path: String
        let file: CheckpointFile

        func vector() throws -> [Float] {
            let tensor = try tensor("speaker_vector", .f32, rank: 1)
            guard (1...VoiceFile.widest).contains(tensor.shape[0]) else { throw damaged("speaker_vector") }
            return try floats(tensor)
        }

        func audio() throws -> AudioBuffer {
            let tensor = try tensor("audio", .f32, rank: 1)
            let longest = Int(AudioBuffer.longestRecording) * VoiceFile.sampleRate
            guard (1...longest).contains(tensor.shape[0]) else { throw damaged("audio") }
            return AudioBuffer(samples: try floats(tensor), sampleRate: VoiceFile.sampleRate)
        }

        func codes() throws -> [[Int32]] {
            guard file["codes"] != nil else { return [] }
            let tensor = try tensor("codes", .i32, rank: 2)
            let (frames, groups) = (tensor.shape[0], tensor.shape[1])
            guard frames > 0, (1...VoiceFile.mostGroups).contains(groups) else { throw damaged("codes") }
            let all = numbers(tensor, as: Int32.self)
            guard all.allSatisfy({ (0...VoiceFile.largestCode).contains($0) }) else { throw damaged("codes") }
            return (0..<frames).map { Array(all[$0 * groups..<($0 + 1) * groups]) }
        }

        private func tensor(_ name: String, _ type: ElementType, rank: Int) throws -> StoredTensor {
            guard let tensor = file[name], tensor.type == type, tensor.shape.count == rank else {
                throw damaged(name)
            }
            return tensor
        }

        private func floats(_ tensor: StoredTensor) throws -> [Float] {
            let values = numbers(tensor, as: Float.self)
            guard values.allSatisfy(\.isFinite) else { throw damaged(tensor.name) }
            return values
        }

        private func numbers<Number: BitwiseCopyable>(_ tensor: StoredTensor, as: Number.Type) -> [Number] {
            tensor.withBytes { bytes in
                (0..<bytes.count / MemoryLayout<Number>.size).map {
                    bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self)
                }
            }
        }

        private func damaged(_ name: String) -> SpeechError { VoiceFile.damaged(path, "its '\(name)'") }
    }
}
