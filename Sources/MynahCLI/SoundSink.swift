import AudioDSP
import Foundation
import Mynah
import SpeechCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where sound goes, piece by piece.
protocol SoundSink {
    func write(_ samples: [Float]) throws
    func finish() throws
    /// Ends before the end; gives what a person should know of what is left.
    func abandon() -> String?
}

/// A file that appears when it is complete, or when what stops it sooner leaves sound to be kept.
final class FileSink: SoundSink {
    private let writer: AudioFileWriter
    /// Whether there is sound in it, and the writer has not given up.
    private var holdsSound = false

    init(_ writer: AudioFileWriter) { self.writer = writer }

    func write(_ samples: [Float]) throws {
        let held = holdsSound
        holdsSound = false
        try writer.write(samples)
        holdsSound = held || !samples.isEmpty
    }

    func finish() throws {
        holdsSound = false
        try writer.finish()
    }

    func abandon() -> String? {
        guard holdsSound, (try? finish()) != nil else {
            writer.cancel()
            return nil
        }
        return "'\(writer.path)' holds the sound made so far."
    }
}

/// Bytes that leave as they are made: to a pipe, or to a file that another program reads meanwhile. A plain file's
/// head says at the end, and when speech breaks off, how long the sound is.
final class StreamSink: SoundSink {
    private let encoder: any AudioEncoder
    private let descriptor: Int32
    private let path: String?
    private var isSilent = true

    /// A stream to `path`, or to standard output where there is none.
    init(path: String?, format: SoundFormat, sampleRate: Int) throws {
        self.path = path
        guard let path else {
            descriptor = STDOUT_FILENO
            encoder = try format.encoder(sampleRate: sampleRate)
            return
        }
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw SpeechError(
                describing: AudioFileError.unwritable(path: path, reason: String(cString: strerror(errno))))
        }
        var facts = stat()
        let isFile = fstat(descriptor, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
        do {
            encoder =
                try isFile
                ? format.encoder(sampleRate: sampleRate, into: descriptor)
                : format.encoder(sampleRate: sampleRate)
        } catch {
            close(descriptor)
            if isFile { unlink(path) }
            throw error
        }
    }

    func write(_ samples: [Float]) throws {
        isSilent = isSilent && samples.isEmpty
        try send { try encoder.encode(samples) }
    }

    func finish() throws {
        try send { try encoder.finish() }
        if path != nil { close(descriptor) }
    }

    func abandon() -> String? {
        // The container is ended, so that what was heard can be played again.
        try? send { try encoder.finish() }
        guard let path else { return nil }
        close(descriptor)
        guard !isSilent else {
            unlink(path)
            return nil
        }
        return "'\(path)' holds the sound made so far."
    }

    /// Writes what an encoder gives; one that writes to the file itself gives nothing, and fails in our stead.
    private func send(_ encode: () throws -> [UInt8]) throws {
        do {
            guard let reason = StandardStreams.write(try encode(), to: descriptor) else { return }
            throw SpeechError.unwritten("The sound", to: path, reason: reason)
        } catch AudioFileError.unwritable(_, let reason) {
            throw SpeechError.unwritten("The sound", to: path, reason: reason)
        }
    }
}

/// The loudspeaker.
struct PlayerSink: SoundSink {
    let player: LoudspeakerPlayer

    func write(_ samples: [Float]) throws { try player.play(samples) }
    func finish() throws { try player.finish() }
    func abandon() -> String? { nil }
}

/// Where the command line asks for sound to go.
struct SoundDestination {
    /// What becomes of it.
    enum Place: Equatable {
        case file(String)
        case standardOutput
        case none
    }

    let place: Place
    let format: SoundFormat
    let plays: Bool
    /// Whether bytes leave as they are made.
    let streams: Bool

    /// - Throws: `SpeechError` when there is no place, or no such format.
    init(output: String?, format: String?, plays: Bool, streams: Bool) throws {
        switch output {
        case "-": place = .standardOutput
        case let path?: place = .file(path)
        case nil where plays: place = .none
        case nil where Console.standardOutputIsTerminal:
            throw SpeechError(
                .invalidInput, "Where should the sound go? Standard output is a terminal.",
                remedy: "Add -o FILE, or --play to hear it, or send standard output to a file or program.")
        case nil: place = .standardOutput
        }
        if place == .standardOutput { Console.giveStandardOutputToSound() }
        (self.plays, self.streams) = (plays, streams || place == .standardOutput)
        self.format = try Self.format(named: format, for: output)
        if case .file(let path) = place { try Self.checkFolder(of: path) }
    }

    /// A mistake in the path is told before a model is loaded, which may take a while.
    static func checkFolder(of path: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var isFolder: ObjCBool = false
        let reason =
            if !FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) || !isFolder.boolValue
            {
                "there is no folder '\(folder)'"
            } else if !FileManager.default.isWritableFile(atPath: folder) {
                "the folder '\(folder)' may not be written"
            } else {
                String?.none
            }
        if let reason { throw SpeechError(describing: AudioFileError.unwritable(path: path, reason: reason)) }
    }

    private static func format(named name: String?, for output: String?) throws -> SoundFormat {
        if let name {
            guard let format = SoundFormat(name: name) else { throw SpeechError.unknownSoundFormat(name) }
            return format
        }
        guard let output, output != "-" else { return .wav }
        return try SoundFormat(namedBy: URL(fileURLWithPath: output))
    }

    /// Opens every place; before the first sound, so that a mistake is told early.
    func open(sampleRate: Int) throws -> [any SoundSink] {
        do {
            var sinks: [any SoundSink] = []
            switch place {
            case .file(let path) where streams:
                sinks.append(try StreamSink(path: path, format: format, sampleRate: sampleRate))
            case .file(let path):
                sinks.append(
                    FileSink(try AudioFileWriter(path: path, format: format, sampleRate: sampleRate)))
            case .standardOutput:
                sinks.append(try StreamSink(path: nil, format: format, sampleRate: sampleRate))
            case .none: break
            }
            if plays { sinks.append(PlayerSink(player: try LoudspeakerPlayer(sampleRate: sampleRate))) }
            return sinks
        } catch {
            throw SpeechError(describing: error)
        }
    }
}
