import AudioDSP
import Foundation
import SpeechCore
import Testing

@Suite(.serialized) struct SpeakTests {
    private let mynah = Mynah()

    /// Few frames: the tiny model need not talk long to be tested.
    private static let short = ["--max-tokens", "8", "--seed", "1", "--device", "cpu"]

    @Test func `a file appears, of the format of its extension, and the summary names it`() throws {
        for name in ["a.wav", "a.flac", "a.mp3"] {
            let run = try mynah.run("speak", "Good morning.", "-o", name, "--max-tokens", "8", "--seed", "1")
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.output.isEmpty)
            #expect(run.errors.contains("\(name): "))
            #expect(run.errors.contains("mynah models pull qwen3-tts-0.6b"))
            let sound = try AudioFile.read(path: mynah.path(name), maximumSeconds: 60)
            #expect(sound.duration > 0.1)
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: mynah.home.path).filter {
                $0.hasSuffix(".part")
            }.isEmpty)
    }

    @Test func `the object of --json tells what was made`() throws {
        let run = try mynah.run(
            "speak", "Hello.", "-o", "a.wav", "--json", "--seed", "7", "--max-tokens", "8", "--quiet")
        #expect(run.status == 0)
        #expect(
            run.errors.split(separator: "\n").count == 1, "only the note on the bundled model: \(run.errors)")
        let object = run.object
        #expect(object["seed"] as? Int == 7)
        #expect(object["model"] as? String == "bundled")
        #expect(object["ending"] as? String == "limit" || object["ending"] as? String == "natural")
        let sound = try AudioFile.read(path: mynah.path("a.wav"), maximumSeconds: 60)
        #expect(abs((object["seconds"] as? Double ?? 0) - sound.duration) < 1e-6)
        for key in [
            "frames", "rtf", "time_to_first_audio", "synthesis_seconds", "load_seconds", "sample_rate",
        ] {
            #expect(object[key] is NSNumber, "\(key)")
        }
    }

    @Test func `a speed changes how long the speech is`() throws {
        var lengths: [Double] = []
        for speed in ["1", "2"] {
            let run = try mynah.run(
                "speak", "Hello there.", "-o", "a.wav", "--speed", speed, "--seed", "1", "--max-tokens", "16")
            #expect(run.status == 0, "\(run.errors)")
            lengths.append(try AudioFile.read(path: mynah.path("a.wav"), maximumSeconds: 60).duration)
        }
        #expect(lengths[1] < 0.7 * lengths[0] && lengths[1] > 0.3 * lengths[0])
        let refused = try mynah.run("speak", "Hello.", "-o", "b.wav", "--speed", "9")
        #expect(refused.status == 64 && refused.errors.contains("0.25"))
    }

    @Test func `the same seed gives the same file, streamed or not`() throws {
        for (name, more) in [("a.wav", []), ("b.wav", []), ("c.wav", ["--stream"])] {
            var arguments = ["speak", "Hello there.", "-o", name] + Self.short
            arguments += more
            let (output, errors) = (Pipe(), Pipe())
            let process = try mynah.start(arguments, output: output, errors: errors)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
        #expect(mynah.data("a.wav") == mynah.data("b.wav"))
        let whole = try AudioFile.read(path: mynah.path("a.wav"), maximumSeconds: 60).audio.samples
        let streamed = try AudioFile.read(path: mynah.path("c.wav"), maximumSeconds: 60).audio.samples
        #expect(whole.count == streamed.count)
        // A plain file's head says in the end how long the sound is.
        #expect(Self.claimedBytes(mynah.data("c.wav")) == 2 * streamed.count)
        #expect(zip(whole, streamed).allSatisfy { abs($0 - $1) < 2e-4 })
    }

    /// Bytes of sound that a WAV file's head claims; nil where they are not those that are there.
    private static func claimedBytes(_ file: Data) -> Int? {
        let bytes = [UInt8](file)
        func number(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) } }
        guard bytes.count > 44, number(4) == bytes.count - 8,
            let mark = file.range(of: Data("data".utf8))?.lowerBound,
            mark + 8 + number(mark + 4) == bytes.count
        else { return nil }
        return number(mark + 4)
    }

    @Test func `a FLAC file that was streamed says how many samples it has`() throws {
        let run = try mynah.run(
            arguments: ["speak", "Hello there.", "-o", "a.flac", "--stream"] + Self.short)
        #expect(run.status == 0, "\(run.errors)")
        // 36 bits of the first block, STREAMINFO.
        let told = mynah.data("a.flac")[21..<26].reduce(0) { $0 << 8 | Int($1) } & (1 << 36 - 1)
        let sound = try AudioFile.read(path: mynah.path("a.flac"), maximumSeconds: 60).audio
        #expect(told == sound.samples.count && told > 0)
    }

    @Test func `a stream into a pipe that has a name is written as it is made`() throws {
        #expect(mkfifo(mynah.path("a.wav"), 0o600) == 0)
        let (output, errors) = (Pipe(), Pipe())
        let process = try mynah.start(
            ["speak", "Hi.", "-o", "a.wav", "--stream"] + Self.short, output: output, errors: errors)
        let reader = Process()
        let heard = Pipe()
        (reader.executableURL, reader.arguments) = (URL(fileURLWithPath: "/bin/cat"), [mynah.path("a.wav")])
        reader.standardOutput = heard
        try reader.run()
        let sound = (try heard.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && sound.starts(with: Array("RIFF".utf8)))
    }

    @Test func `emoji alone end as words do, with sound or with an error that says why`() throws {
        for model in [Mynah.customVoice, Mynah.base] {
            let run = try mynah.run(
                arguments: ["speak", "🎉👩‍👩‍👧🏳️‍🌈", "-m", model, "-o", "a.wav"] + Self.short)
            #expect(run.status == 0, "\(run.errors)")
            #expect(try AudioFile.read(path: mynah.path("a.wav"), maximumSeconds: 60).duration > 0.1)
        }
    }

    @Test(arguments: ["-o", "none"]) func `sound goes to standard output, and words do not`(option: String)
        throws
    {
        let run =
            option == "-o"
            ? try mynah.run(
                "speak", "-", "-o", "-", "--max-tokens", "6", "--json", input: Array("Hello.".utf8))
            : try mynah.run("speak", "--max-tokens", "6", "--json", input: Array("Hello.".utf8))
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.starts(with: Array("RIFF".utf8)))
        #expect(run.errors.contains("\"seed\""))
        #expect(try AudioFile.read(data: run.output, maximumSeconds: 60).duration > 0.1)
    }

    @Test func `text comes from a file with its byte order mark left out`() throws {
        mynah.write([0xEF, 0xBB, 0xBF] + Array("Hello.\n".utf8), to: "a.txt")
        mynah.write(Array("Hello.\n".utf8), to: "b.txt")
        for name in ["a", "b"] {
            let run = try mynah.run(
                "speak", "-f", "\(name).txt", "-o", "\(name).wav", "--max-tokens", "6", "--seed", "1")
            #expect(run.status == 0, "\(run.errors)")
        }
        #expect(mynah.data("a.wav") == mynah.data("b.wav"))
    }

    @Test func `a megabyte of text is taken, and stops when told`() throws {
        mynah.write(
            Array(String(repeating: "The birch canoe slid on the smooth planks. ", count: 24_000).utf8),
            to: "big.txt")
        let (output, errors) = (Pipe(), Pipe())
        let process = try mynah.start(
            ["speak", "-f", "big.txt", "-o", "big.wav"], output: output, errors: errors)
        Thread.sleep(forTimeInterval: 3)
        #expect(process.isRunning)
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        // What was spoken is kept, under its name alone.
        let left = try FileManager.default.contentsOfDirectory(atPath: mynah.home.path)
        #expect(Set(left).subtracting(["home", "hf"]) == ["big.txt", "big.wav"], "\(left)")
    }

    @Test func `a stream that is interrupted keeps what was heard and says so`() throws {
        mynah.write(
            Array(String(repeating: "The birch canoe slid on the smooth planks. ", count: 500).utf8),
            to: "big.txt")
        let (output, errors) = (Pipe(), Pipe())
        let process = try mynah.start(
            ["speak", "-f", "big.txt", "-o", "big.wav", "--stream"], output: output, errors: errors)
        let words = Collector(errors)
        for _ in 0..<200 where mynah.data("big.wav").count < 4096 && process.isRunning {
            Thread.sleep(forTimeInterval: 0.05)
        }
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(words.text().contains("holds the sound made so far"))
        #expect(mynah.data("big.wav").count >= 4096)
        #expect(Self.claimedBytes(mynah.data("big.wav")) != nil)
    }

    @Test func `a reader that leaves ends the program with an error and not a crash`() throws {
        let (output, errors) = (Pipe(), Pipe())
        mynah.write(Array(String(repeating: "The birch canoe slid. ", count: 500).utf8), to: "big.txt")
        let process = try mynah.start(["speak", "-f", "big.txt", "-o", "-"], output: output, errors: errors)
        try output.fileHandleForReading.close()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 13)
    }

    // MARK: refusals

    /// A command line and the status it ends with.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let status: Int32
        let arguments: [String]
        var testDescription: String { arguments.joined(separator: " ") }

        init(_ status: Int32, _ arguments: String...) { (self.status, self.arguments) = (status, arguments) }
    }

    private static let refusals: [Refusal] = [
        Refusal(11, "speak", "", "-o", "a.wav"),
        Refusal(11, "speak", " \n\t ", "-o", "a.wav"),
        Refusal(3, "speak", "-f", "none.txt", "-o", "a.wav"),
        Refusal(4, "speak", "-f", ".", "-o", "a.wav"),
        Refusal(4, "speak", "-f", "latin.txt", "-o", "a.wav"),
        Refusal(11, "speak", "-f", "empty.txt", "-o", "a.wav"),
        Refusal(11, "speak", "Hi.", "-o", "a.xyz"),
        Refusal(11, "speak", "Hi.", "-o", "a.wav", "--format", "mp9"),
        Refusal(13, "speak", "Hi.", "-o", "none/a.wav"),
        Refusal(11, "speak", "Hi.", "-o", "."),
        Refusal(8, "speak", "Hi.", "-o", "a.wav", "-m", "nonsense"),
        Refusal(3, "speak", "Hi.", "-o", "a.wav", "-m", "./none"),
        Refusal(8, "speak", "Hi.", "-o", "a.wav", "-m", "qwen3-tts-0.6b"),
        Refusal(5, "speak", "Hi.", "-o", "a.wav", "-m", "empty.txt"),
        Refusal(4, "speak", "Hi.", "-o", "a.wav", "-m", "latin.txt"),
        Refusal(9, "speak", "Hi.", "-o", "a.wav", "-v", "nobody"),
        Refusal(10, "speak", "Hi.", "-o", "a.wav", "-l", "klingon"),
        Refusal(6, "speak", "Hi.", "-o", "a.wav", "--device", "TPU9"),
        Refusal(3, "speak", "Hi.", "-o", "a.wav", "--ref-audio", "none.wav"),
        Refusal(4, "speak", "Hi.", "-o", "a.wav", "--ref-audio", "latin.txt"),
        Refusal(6, "speak", "Hi.", "-o", "a.wav", "--describe", "an old sailor"),
        Refusal(6, "speak", "Hi.", "-o", "a.wav", "--steps", "9"),
        Refusal(6, "speak", "Hi.", "-o", "a.wav", "--guidance", "3"),
        Refusal(6, "bench", "--checkpoint", "bundled", "--steps", "5"),
        Refusal(64, "bench", "--checkpoint", "bundled", "--size", "1.7b"),
        Refusal(64, "bench", "--checkpoint", "bundled", "--variant", "base"),
        Refusal(64, "bench", "--checkpoint", "bundled", "--quantize", ","),
        Refusal(64, "bench", "--checkpoint", "bundled", "--listeners", ","),
        Refusal(64, "bench", "--size", "0.5b", "--variant", "custom_voice"),
        Refusal(64, "doctor", "--model", "nope"),
        Refusal(64, "doctor", "--time-limit", "5"),
        Refusal(64, "speak", "Hi.", "-o", "a.wav", "--max-tokens", "1"),
        Refusal(64, "speak", "Hi.", "-o", "a.wav", "--min-tokens", "50", "--max-tokens", "5"),
        Refusal(64, "speak", "Hi.", "-o", "a.wav", "--ref-audio", "latin.txt", "--ref-text", ""),
        Refusal(64, "speak", "Hi.", "-o", "a.wav", "--describe", " "),
        Refusal(64, "clone", "x", "--audio", "latin.txt", "--text", "  "),
        Refusal(64, "speak", "Hi.", "-o", "a.wav", "--temperature", "0"),
        Refusal(64, "speak", "Hi.", "-o", "a.wav", "--top-p", "2"),
        Refusal(64, "speak", "Hi.", "-o", "a.wav", "--threads", "0"),
        Refusal(64, "speak", "Hi.", "-o", "a.wav", "--quantize", "q3"),
        Refusal(64, "speak", "Hi.", "-o", "a.wav", "--seed", "x"),
        Refusal(64, "speak", "Hi.", "-f", "latin.txt", "-o", "a.wav"),
        Refusal(64, "speak", "Hi.", "-v", "a", "--describe", "b", "-o", "a.wav"),
        Refusal(64, "nonsense"),
        Refusal(9, "voices", "show", "nobody"),
        Refusal(11, "voices", "show", "a/b"),
        Refusal(4, "voices", "import", "latin.txt"),
        Refusal(3, "transcribe", "none.wav", "-m", "bundled"),
        Refusal(8, "transcribe", "latin.txt"),
        Refusal(3, "clone", "x", "--audio", "none.wav"),
        Refusal(11, "clone", "a b", "--audio", "none.wav"),
        Refusal(8, "models", "path", "nonsense"),
        Refusal(8, "models", "pull", "a b"),
        Refusal(12, "models", "pull", "qwen3-tts-0.6b"),
        Refusal(6, "models", "remove", "bundled"),
        Refusal(3, "parity", "bundled", "none.safetensors"),
    ]

    @Test(arguments: refusals)
    func `what cannot be done ends with its own status, a cause, a remedy and no file`(refusal: Refusal)
        throws
    {
        mynah.write([0x48, 0xE9, 0x6C, 0x6C, 0x6F], to: "latin.txt")
        mynah.write([], to: "empty.txt")
        let (output, errors) = (Pipe(), Pipe())
        let process = try mynah.start(refusal.arguments, output: output, errors: errors)
        let words = Collector(errors)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == refusal.status, "\(words.text())")
        #expect(words.text().lowercased().contains("error:"))
        #expect(!mynah.exists("a.wav") && !mynah.exists("a.xyz"))
    }

    /// A command line, what it ends with, and what must and must not be said.
    private static let sentences: [(arguments: [String], status: Int32, says: String, not: String)] = [
        (["clone", "x", "--audio", "folder"], 4, "is not a recording", "-o -"),
        (["clone", "x", "--audio", "latin.txt", "--text", " "], 64, "--text", "mynah speak"),
        (
            ["clone", "x", "--audio", "latin.txt", "--text-file", "empty.txt"], 11, "transcript",
            "Give some words"
        ),
        (["speak", "Hi.", "-o", "a"], 11, "has no extension", "''"),
        (
            ["speak", "Hi.", "-o", "a.wav", "-m", "CUSTOM/model.safetensors"], 6, "Give the folder",
            "needs a model"
        ),
        (["speak", "Hi.", "-o", "a.wav", "-m", "folder"], 3, "no 'model.safetensors'", "index.json"),
        (["speak", "Hi.", "-o", "a.wav", "-m", "headless"], 3, "no 'vocab.json'", "Check the path;"),
        (["speak", "Hi.", "-o", "a.wav", "-m", "speechless"], 3, "Fetch the model again", "Check the path;"),
        (["speak", "Hi.", "-o", "a.wav", "-m", "broken"], 4, "it is not JSON", "dataCorrupted"),
        (
            ["bench", "--checkpoint", "bundled", "--markdown", "/nonexistent/x.md"], 3, "No such file",
            "NSCocoa"
        ),
        (["models", "pull", "qwen3-tts-0.6b"], 12, "HF_HUB_OFFLINE", "offline("),
    ]

    @Test(arguments: sentences.indices) func `what went wrong is told in words that fit`(index: Int) throws {
        let (arguments, status, says, not) = Self.sentences[index]
        mynah.write([0x48, 0xE9, 0x6C, 0x6C, 0x6F], to: "latin.txt")
        mynah.write([], to: "empty.txt")
        let manager = FileManager.default
        try manager.createDirectory(atPath: mynah.path("folder"), withIntermediateDirectories: true)
        for (name, left) in [("headless", "vocab.json"), ("speechless", "speech_tokenizer"), ("broken", "")] {
            try manager.copyItem(atPath: Mynah.customVoice, toPath: mynah.path(name))
            if !left.isEmpty { try manager.removeItem(atPath: mynah.path("\(name)/\(left)")) }
        }
        mynah.write(Array("{".utf8), to: "broken/config.json")
        let run = try mynah.run(arguments: arguments.map { $0.replacing("CUSTOM", with: Mynah.customVoice) })
        #expect(run.status == status && run.errors.contains(says), "\(run.errors)")
        #expect(!run.errors.contains(not), "\(run.errors)")
    }

    @Test func `a piece of text that is too long is not laid to a recording`() throws {
        let text = Array(String(repeating: "birch canoe ", count: 8000).utf8)
        mynah.write(text, to: "big.txt")
        let run = try mynah.run(
            "speak", "-f", "big.txt", "-m", Mynah.customVoice, "-o", "a.wav", "--segment", "1000000")
        #expect(run.status == 11 && run.errors.contains("--segment 200"), "\(run.errors)")
    }

    @Test func `a refusal with --json is an object with its code`() throws {
        let run = try mynah.run("speak", "Hi.", "-o", "a.wav", "-v", "nobody", "--json")
        let error = run.object["error"] as? [String: Any]
        #expect(error?["code"] as? String == "unknown_voice")
        #expect((error?["remedy"] as? String)?.contains("Kept voices") == true)
    }
}
