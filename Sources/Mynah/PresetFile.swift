import Checkpoints
import Foundation
import ModelHub
import SpeechCore
import VibeVoice

/// A voice preset as others keep it, on its way into the voice library.
enum PresetFile {
    /// Whether something at `path` is to be read as a preset: a folder of arrays or raw caches, a file of these, a
    /// torch archive, or safetensors that are no voice of ours.
    static func isPreset(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return false }
        if isFolder.boolValue {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            return names.contains { $0.hasSuffix(".npy") || $0.hasSuffix(".bin") }
        }
        if path.hasSuffix(".bin") { return true }
        // What a torch archive holds that may not be read is told of the preset, not of a voice.
        if path.hasSuffix(".pt") { return true }
        guard let file = try? CheckpointFile(path: path) else { return false }
        return file.format == .pytorch
            || file.format == .safetensors && file.metadata["format"] != .string(VoiceFile.format)
    }

    /// The preset at `path` as a voice of the library; what it holds is checked.
    ///
    /// - Parameters:
    ///   - name: what to call it; nil is the name of its file or folder.
    ///   - negative: a preset to take the cache without text from, where the layout leaves it out.
    static func voice(_ path: String, as name: String?, negativeFrom negative: String?) throws -> (
        StoredVoice, PresetTensors
    ) {
        let tensors: PresetTensors
        do {
            tensors = try PresetTensors(path: path, negativeFrom: negative)
            try tensors.check()
        } catch {
            throw SpeechError(describing: error)
        }
        let url = URL(fileURLWithPath: path)
        var digest = MessageDigest<SHA256>()
        for tensor in tensors.tensors { tensor.withBytes { digest.update([UInt8]($0)) } }
        let profile = VoiceProfile(
            name: name ?? url.deletingPathExtension().lastPathComponent,
            family: VibeVoiceRealtimeFamily.modelType, speakerVector: [], presetFile: path)
        let source = StoredVoice.Source(
            fileName: url.lastPathComponent, duration: 0, sampleRate: VoiceFile.sampleRate,
            sha256: digest.hexadecimal())
        let voice = StoredVoice(
            profile: profile, model: "its authors",
            created: Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down)), source: source,
            consent: nil, audio: AudioBuffer(samples: [], sampleRate: VoiceFile.sampleRate))
        return (voice, tensors)
    }

    /// - Throws: `SpeechError` when the file of a voice holds no preset that makes sense.
    static func check(_ path: String) throws {
        do {
            try PresetTensors(path: path).check()
        } catch {
            throw SpeechError(describing: error)
        }
    }
}
