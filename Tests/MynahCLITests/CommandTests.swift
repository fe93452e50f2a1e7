import AudioDSP
import Foundation
import SpeechCore
import Testing

@Suite(.serialized) struct CommandTests {
    private let mynah = Mynah()

    private static let fixtures = Mynah.qwen

    /// Three seconds of a tone that swells and fades like syllables.
    private func record(_ name: String, seconds: Double = 3.2) throws {
        let samples = (0..<Int(seconds * 24_000)).map { index -> Float in
            let time = Double(index) / 24_000
            return Float(0.4 * sin(2 * .pi * 180 * time) * abs(sin(2 * .pi * 2 * time)))
        }
        let writer = try AudioFileWriter(path: mynah.path(name), format: .wav, sampleRate: 24_000)
        try writer.write(samples)
        try writer.finish()
    }

    @Test func `a voice is cloned, listed, shown, spoken with, carried and removed`() throws {
        try record("ann.wav")
        let base = Self.fixtures + "/tiny-base"
        let clone = try mynah.run(
            "clone", "ann", "--audio", "ann.wav", "--text", "Hello there.", "--consent", "Ann, 3 May", "-m",
            base, "--json")
        #expect(clone.status == 0, "\(clone.errors)")
        #expect(clone.object["name"] as? String == "ann")
        #expect((clone.object["frames"] as? Int ?? 0) > 0)

        #expect(try mynah.run("clone", "ann", "--audio", "ann.wav", "-m", base).status == 11)
        #expect(try mynah.run("voices").text.contains("ann"))
        let shown = try mynah.run("voices", "show", "ann", "--json").object
        #expect(shown["transcript"] as? String == "Hello there.")
        #expect(shown["consent"] as? String == "Ann, 3 May")

        let spoken = try mynah.run(
            "speak", "Hi.", "-v", "ann", "-m", base, "-o", "a.wav", "--max-tokens", "6")
        #expect(spoken.status == 0, "\(spoken.errors)")
        #expect(mynah.exists("a.wav"))

        #expect(try mynah.run("voices", "export", "ann", "carried.voice").status == 0)
        #expect(try mynah.run("voices", "import", "carried.voice").status == 11)
        let imported = try mynah.run("voices", "import", "carried.voice", "--name", "anna")
        #expect(imported.status == 0)
        #expect(imported.text == "anna\n")
        #expect(try mynah.run("voices", "remove", "ann").status == 0)
        #expect(try mynah.run("voices", "remove", "ann").status == 9)
        let listed = try mynah.run("voices", "list", "--json")
        let names = ((try? JSONSerialization.jsonObject(with: listed.output)) as? [[String: Any]])?.map {
            $0["name"] as? String
        }
        #expect(names == ["anna"])
    }

    @Test func `a voice of another model is refused with both named, and nothing crashes`() throws {
        try record("ann.wav")
        let base = Self.fixtures + "/tiny-base"
        #expect(try mynah.run("clone", "ann", "--audio", "ann.wav", "-m", base).status == 0)
        let run = try mynah.run(
            "speak", "Hi.", "-v", "ann", "-m", "bundled", "-o", "a.wav", "--max-tokens", "6")
        #expect([0, 6, 11].contains(run.status), "\(run.errors)")
        #expect(mynah.exists("a.wav") == (run.status == 0))
    }

    @Test func `a model without an encoder of speakers does not clone`() throws {
        try record("ann.wav")
        let run = try mynah.run("clone", "ann", "--audio", "ann.wav", "-m", "bundled")
        #expect(run.status == 6, "\(run.errors)")
        let none = try mynah.run("clone", "ann", "--audio", "ann.wav")
        #expect(none.status == 8 && none.errors.contains("mynah models pull"), "\(none.errors)")
        #expect(try mynah.run("voices", "list", "--json").text == "[]\n")
    }

    @Test func `clone takes the first installed model that can clone`() throws {
        try record("ann.wav")
        for (name, model) in [("a", Mynah.customVoice), ("b", Mynah.base), ("c", Mynah.base)] {
            try mynah.install(model, as: name)
        }
        let run = try mynah.run("clone", "ann", "--audio", "ann.wav", "--json")
        #expect(run.status == 0 && run.object["model"] as? String == "b", "\(run.errors)")
    }

    @Test func `a kept voice is spoken with by the model that made it, else by one that can`() throws {
        try record("ann.wav")
        for (name, model) in [("a", Mynah.customVoice), ("b", Mynah.base), ("c", Mynah.base)] {
            try mynah.install(model, as: name)
        }
        let clone = try mynah.run("clone", "ann", "--audio", "ann.wav", "--text", "Hello there.", "-m", "c")
        #expect(clone.status == 0 && clone.errors.contains("-v ann --play"), "\(clone.errors)")
        func speak(_ more: String...) throws -> (Int32, String?, String) {
            let run = try mynah.run(
                arguments: ["speak", "Hi.", "-o", "a.wav", "--max-tokens", "6", "--json"] + more)
            return (run.status, run.object["model"] as? String, run.errors)
        }
        #expect(try speak("-v", "ann").1 == "c")
        #expect(try speak("-v", "ann", "-m", "a").0 == 6)
        #expect(try speak("--ref-audio", "ann.wav").1 == "b")
        // A preset of the first model is its own, whatever else there is; no voice is the first model's.
        #expect(try speak("-v", "vivian").1 == "a")
        #expect(try speak().1 == "a")
        #expect(try mynah.run("models", "remove", "c").status == 0)
        #expect(try speak("-v", "ann").1 == "b")
        #expect(try mynah.run("models", "remove", "b").status == 0)
        let none = try speak("-v", "ann")
        #expect(none.0 == 6 && none.2.contains("qwen3-tts-0.6b-base"), "\(none.2)")
        #expect(try speak("--ref-audio", "ann.wav").0 == 8)
    }

    @Test func `the hint after cloning names a model that is not found by the voice`() throws {
        try record("ann.wav")
        let clone = try mynah.run("clone", "ann", "--audio", "ann.wav", "-m", Mynah.base)
        #expect(clone.errors.contains("-v ann -m \(Mynah.base) --play"), "\(clone.errors)")
        // As a shell would take what the hint says.
        let run = try mynah.run(
            "speak", "Hello.", "-v", "ann", "-m", Mynah.base, "-o", "a.wav", "--max-tokens", "6")
        #expect(run.status == 0, "\(run.errors)")
    }

    @Test func `a model is converted and inspected by its name, and measured`() throws {
        try mynah.install(Mynah.customVoice, as: "a.6b")
        let convert = try mynah.run("convert", "a.6b", "--quantize", "q8_0", "--quiet")
        #expect(convert.status == 0 && convert.output.isEmpty && convert.errors.isEmpty, "\(convert.errors)")
        #expect(mynah.exists("a.6b-q8_0.gguf"))
        let inspect = try mynah.run("inspect", "a.6b", "--json", "--tensors", "q_proj")
        #expect(
            inspect.status == 0 && !(inspect.object["tensors"] as? [Any] ?? []).isEmpty, "\(inspect.errors)")
        let bench = try mynah.run(
            "bench", "--checkpoint", "a.6b", "--frames", "2", "--repeats", "1", "--threads", "1", "--json")
        #expect(bench.status == 0 && (bench.object["runs"] as? [Any])?.count == 1, "\(bench.errors)")
        for command in [["convert", "nonsense", "--quantize", "q8_0"], ["inspect", "nonsense"]] {
            let run = try mynah.run(arguments: command)
            #expect(run.status == 8 && run.errors.contains("a.6b"), "\(run.errors)")
        }
    }

    @Test
    func `bench shows what it measured where the authors' package fails, and does not begin without it`()
        throws
    {
        let none = try mynah.run(
            "bench", "--checkpoint", "bundled", "--compare-upstream", "--python", "/bin/false")
        #expect(none.status == 3 && !none.errors.contains("measuring the machine"), "\(none.errors)")
        let listener = URL(fileURLWithPath: Mynah.customVoice).appendingPathComponent(
            "../../vibevoice/asr-tiny"
        ).standardizedFileURL.path
        let listens = try mynah.run("bench", "--checkpoint", listener, "--compare-upstream")
        #expect(listens.status == 6 && listens.errors.contains("--compare-upstream"), "\(listens.errors)")
        // It has every package, and fails at the work.
        mynah.write(Array("#!/bin/sh\ntest \"$1\" = -c\n".utf8), to: "python")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: mynah.path("python"))
        mynah.write(Array("<!-- measured: start -->\n<!-- measured: end -->\n".utf8), to: "a.md")
        let run = try mynah.run(
            "bench", "--checkpoint", "bundled", "--frames", "2", "--repeats", "1", "--threads", "1",
            "--compare-upstream", "--python", mynah.path("python"), "--markdown", "a.md")
        #expect(run.status == 3 && run.text.contains("memory bandwidth"), "\(run.errors)")
        #expect(String(decoding: mynah.data("a.md"), as: UTF8.self).contains("memory bandwidth"))
    }

    @Test func `an exported voice replaces a file only when told`() throws {
        try record("ann.wav")
        #expect(try mynah.run("clone", "ann", "--audio", "ann.wav", "-m", Mynah.base).status == 0)
        mynah.write(Array("mine".utf8), to: "a.voice")
        #expect(try mynah.run("voices", "export", "ann", "a.voice").status == 11)
        #expect(mynah.data("a.voice") == Data("mine".utf8))
        #expect(try mynah.run("voices", "export", "ann", "a.voice", "--force").status == 0)
        #expect(mynah.data("a.voice").count > 1000)
        let nowhere = try mynah.run("voices", "export", "ann", "/nonexistent/x")
        #expect(nowhere.status == 13 && nowhere.errors.contains("No such file"), "\(nowhere.errors)")
    }

    @Test func `a recording that is silent or too short is refused`() throws {
        try record("short.wav", seconds: 0.05)
        #expect(try mynah.run("clone", "ann", "--audio", "short.wav").status == 11)
        let writer = try AudioFileWriter(path: mynah.path("silent.wav"), format: .wav, sampleRate: 24_000)
        try writer.write([Float](repeating: 0, count: 48_000))
        try writer.finish()
        #expect(try mynah.run("clone", "ann", "--audio", "silent.wav").status == 11)
    }

    @Test func `models lists what is here and what can be pulled`() throws {
        let list = try mynah.run("models")
        #expect(list.status == 0)
        #expect(list.text.contains("bundled") && list.text.contains("qwen3-tts-0.6b-base"))
        let show = try mynah.run("models", "show", "bundled", "--json")
        let card = show.object["card"] as? [String: Any]
        #expect(card?["family"] as? String == "qwen3_tts")
        #expect(try mynah.run("models", "path", "bundled").text.hasSuffix("bundled-voice\n"))
    }

    @Test func `parity passes on the reference's own values and prints a line a stage`() throws {
        let golden = Self.fixtures + "/tiny-custom_voice.golden.safetensors"
        let run = try mynah.run("parity", Self.fixtures + "/tiny-custom_voice", golden)
        #expect(run.status == 0, "\(run.errors)")
        let lines = run.text.split(separator: "\n")
        #expect(lines.count > 20)
        #expect(lines.dropFirst().dropLast().allSatisfy { $0.hasSuffix("ok") })
    }

    @Test func `parity against another checkpoint's values fails with its own status`() throws {
        let golden = Self.fixtures + "/tiny-custom_voice.golden.safetensors"
        let run = try mynah.run("parity", Self.fixtures + "/tiny-voice_design", golden, "--json")
        #expect(run.status != 0)
        #expect(run.status < 64, "\(run.errors)")
    }

    @Test func `doctor tells what there is, and its smoke test passes`() throws {
        let run = try mynah.run("doctor", "--run-smoke", "--json")
        #expect(run.status == 0, "\(run.errors)")
        #expect((run.object["smoke"] as? [String: Any])?["passed"] as? Bool == true)
        #expect((run.object["audio_devices"] as? [String])?.contains("null") == false)
        for key in ["ggml", "libav", "threads", "available_memory", "devices", "models", "home"] {
            #expect(run.object[key] != nil, "\(key)")
        }
        let text = try mynah.run("doctor")
        #expect(text.status == 0 && text.text.contains("ggml") && text.text.contains("bundled"))
    }

    @Test func `a smoke test that takes too long fails and says what to do`() throws {
        let run = try mynah.run("doctor", "--run-smoke", "--time-limit", "0.000001")
        #expect(run.status == 2)
        #expect(run.text.contains("FAILED") && run.errors.contains("--quantize"))
        #expect(run.errors.contains("longer than 1e-06 s.\n"), "\(run.errors)")
        let advised = try mynah.run("doctor", "--run-smoke", "-m", Mynah.customVoice, "--quantize", "q8_0")
        #expect(advised.status == 0, "\(advised.errors)")
        let unknown = try mynah.run("doctor", "--run-smoke", "-m", "nonsense")
        #expect(unknown.status == 2 && !unknown.errors.contains(".."), "\(unknown.errors)")
    }

    @Test func `a converted model is a model, found by path and by name`() throws {
        let file = "home/models/small.gguf"
        try FileManager.default.createDirectory(
            at: mynah.home.appendingPathComponent("home/models"), withIntermediateDirectories: true)
        let convert = try mynah.run(
            "convert", Self.fixtures + "/tiny-custom_voice", "--quantize", "q8_0", "-o", file)
        #expect(convert.status == 0, "\(convert.errors)")
        for name in [file, "small"] {
            let run = try mynah.run("speak", "Hi.", "-m", name, "-o", "a.wav", "--max-tokens", "6")
            #expect(run.status == 0 && !run.errors.contains("note:"), "\(run.errors)")
        }
        #expect(try mynah.run("models", "remove", "small").status == 0)
        #expect(!mynah.exists(file))
    }

    @Test func `help of every command shows an example, and the root the exit statuses`() throws {
        let root = try mynah.run("--help")
        #expect(root.status == 0)
        #expect(root.text.contains("EXIT STATUS") && root.text.contains("130"))
        for command in [
            "speak", "serve", "transcribe", "clone", "voices", "models", "doctor", "parity", "bench",
            "convert",
            "inspect",
        ] {
            let help = try mynah.run(command, "--help")
            #expect(help.status == 0 && help.text.contains("mynah \(command) "), "\(command)")
        }
        #expect(try mynah.run("--version").text.contains("."))
        #expect(try mynah.run("--generate-completion-script", "bash").text.contains("mynah"))
    }
}
