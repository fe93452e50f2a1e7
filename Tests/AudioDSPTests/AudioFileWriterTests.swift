import AudioDSP
import Foundation
import SpeechCore
import Testing

@Suite struct AudioFileWriterTests {
    private func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test(arguments: SoundFormat.allCases)
    func `a file is the bytes of the whole sound`(format: SoundFormat) throws {
        let samples = voiceLike(seconds: 0.5, rate: 24_000)
        try withFolder { folder in
            let path = folder + "/out"
            let writer = try AudioFileWriter(path: path, format: format, sampleRate: 24_000)
            for start in stride(from: 0, to: samples.count, by: 1000) {
                try writer.write(Array(samples[start..<min(start + 1000, samples.count)]))
            }
            try writer.finish()
            #expect(try names(folder) == ["out"])
            let written = [UInt8](try Data(contentsOf: URL(filePath: path)))
            #expect(try written == format.encode(samples, sampleRate: 24_000))
        }
    }

    @Test func `until the end the old file stands, and giving up leaves it`() throws {
        try withFolder { folder in
            let path = folder + "/out.wav"
            try Data("old".utf8).write(to: URL(filePath: path))
            for ending in 0..<3 {
                var writer: AudioFileWriter? = try AudioFileWriter(
                    path: path, format: .wav, sampleRate: 24_000)
                try writer?.write([0, 0.5])
                #expect(try names(folder).count == 2)
                switch ending {
                case 0: writer?.cancel()
                case 1: #expect(throws: AudioFileError.notFinite(sample: 2)) { try writer?.write([.nan]) }
                default: writer = nil
                }
                #expect(try names(folder) == ["out.wav"])
                #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
            }
        }
    }

    @Test func `a link keeps pointing to the file it names`() throws {
        try withFolder { folder in
            let (path, link) = (folder + "/real.wav", folder + "/link.wav")
            try Data("old".utf8).write(to: URL(filePath: path))
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
            let writer = try AudioFileWriter(path: link, format: .wav, sampleRate: 24_000)
            try writer.write([0.5])
            try writer.finish()
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == path)
            #expect(try AudioFile.read(path: path, maximumSeconds: 1).audio.samples == [0.5])
        }
    }

    @Test func `a folder, a device and a place that is not there are refused`() throws {
        try withFolder { folder in
            for path in [folder, "/dev/null", ""] {
                #expect(throws: AudioFileError.notAFile(path: path)) {
                    try AudioFileWriter(path: path, format: .wav, sampleRate: 24_000)
                }
            }
            let path = folder + "/none/out.wav"
            #expect(throws: AudioFileError.unwritable(path: path, reason: "No such file or directory")) {
                try AudioFileWriter(path: path, format: .wav, sampleRate: 24_000)
            }
            let left = try names(folder)
            #expect(left.isEmpty)
        }
    }
}
