import AudioDSP
import Foundation
import SpeechCore

/// Raw little-endian float32 files beside the tests.
func fixture(_ name: String) throws -> [Float] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    return [UInt8](try Data(contentsOf: folder.appending(path: name))).withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map {
            let bits = bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)
            return Float(bitPattern: UInt32(littleEndian: bits))
        }
    }
}

/// The greatest distance between two signals; infinite when they differ in length.
func distance(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).map { abs($0 - $1) }.max() ?? 0
}

/// Something like speech: a gliding tone under a slow envelope, at most 0.5 loud.
func voiceLike(seconds: Double, rate: Int) -> [Float] {
    (0..<Int(seconds * Double(rate))).map { i in
        let t = Double(i) / Double(rate)
        let envelope = 0.3 + 0.2 * sin(2 * .pi * 3 * t)
        return Float(envelope * (0.7 * sin(2 * .pi * (200 + 40 * t) * t) + 0.3 * sin(2 * .pi * 1234 * t)))
    }
}

/// A WAV file written by hand, so that reading is not judged by our own writing.
struct WaveFile {
    var format: UInt16 = 1
    var channels = 1
    var rate = 24_000
    var bits = 16
    var body: [UInt8]
    /// The size that the data chunk claims; nil claims what there is.
    var claimed: UInt32?

    var bytes: [UInt8] {
        let block = channels * bits / 8
        let size = claimed ?? UInt32(body.count)
        var out = Array("RIFF".utf8) + little(36 &+ size) + Array("WAVEfmt ".utf8) + little(UInt32(16))
        out += little(format) + little(UInt16(channels)) + little(UInt32(rate)) + little(UInt32(rate * block))
        out += little(UInt16(block)) + little(UInt16(bits)) + Array("data".utf8) + little(size)
        return out + body
    }
}

func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// Runs `body` with a folder that is gone afterwards.
func withFolder<R>(_ body: (String) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path(percentEncoded: false))
}
