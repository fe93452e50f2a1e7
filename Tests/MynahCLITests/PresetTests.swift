import Foundation
import SpeechCore
import Testing

/// Presets of VibeVoice-Realtime in the voice library.
@Suite(.serialized) struct PresetTests {
    private let mynah = Mynah()
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/vibevoice").path
    private static let model = fixtures + "/realtime-tiny"
    private static let preset = model + "/voices/tiny-Voice_x.pt"

    @Test func `a preset is taken in once and spoken with by name, its file gone`() throws {
        try FileManager.default.copyItem(atPath: Self.preset, toPath: mynah.path("mike.pt"))
        let taken = try mynah.run("voices", "import", "mike.pt")
        #expect(taken.status == 0 && taken.text == "mike\n", "\(taken.errors)")
        try FileManager.default.removeItem(atPath: mynah.path("mike.pt"))
        for (voice, file) in [("mike", "a.wav"), (Self.preset, "b.wav")] {
            let run = try mynah.run(
                "speak", "Hello there.", "-m", Self.model, "-v", voice, "-o", file, "--seed", "1")
            #expect(run.status == 0, "\(run.errors)")
        }
        #expect(mynah.data("a.wav").count > 10_000)
        #expect(mynah.data("a.wav") == mynah.data("b.wav"))
    }

    @Test func `it is listed, shown, carried elsewhere and removed as other voices are`() throws {
        #expect(try mynah.run("voices", "import", Self.preset, "--name", "mike").status == 0)
        #expect(try mynah.run("voices", "import", Self.preset, "--name", "mike").status == 11)
        #expect(try mynah.run("voices", "import", Self.preset, "--name", "mike", "--replace").status == 0)
        let list = try mynah.run("voices")
        #expect(list.text.contains("mike") && list.text.contains("preset"), "\(list.text)")
        let shown = try mynah.run("voices", "show", "mike", "--json").object
        #expect(shown["kind"] as? String == "preset")
        #expect(shown["family"] as? String == "vibevoice_streaming")
        #expect(try mynah.run("voices", "show", "mike").text.contains("tiny-Voice_x.pt"))
        #expect(try mynah.run("voices", "export", "mike", "mike.mynah-voice").status == 0)
        #expect(try mynah.run("voices", "remove", "mike").status == 0)
        #expect(try mynah.run("voices", "show", "mike").status == 9)
        let back = try mynah.run("voices", "import", "mike.mynah-voice", "--name", "again")
        #expect(back.status == 0 && back.text == "again\n", "\(back.errors)")
        let run = try mynah.run("speak", "Hi.", "-m", Self.model, "-v", "again", "-o", "a.wav")
        #expect(run.status == 0, "\(run.errors)")
    }

    @Test func `presets that come with an installed model are listed, and it need not be named`() throws {
        let models = mynah.home.appendingPathComponent("home/models")
        try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: models.appendingPathComponent("tiny").path, withDestinationPath: Self.model)
        let list = try mynah.run("voices").text
        #expect(list.contains("tiny-Voice_x") && list.contains("comes with the model"), "\(list)")
        let json = try mynah.run("voices", "list", "--json").text
        #expect(json.contains("\"kind\":\"model\"") && json.contains("\"model\":\"tiny\""), "\(json)")
    }

    @Test func `of a cache that lies the wrong way only what is known is told`() throws {
        let run = try mynah.run("voices", "import", Self.fixtures + "/presets/swapped.pt", "--name", "bad")
        #expect(run.status == 6)
        #expect(run.errors.contains("is [1, 18, 2, 16], not [1, any, 18, any]"), "\(run.errors)")
    }

    @Test(arguments: [
        ("command", Int32(5)), ("missing", 4), ("groupless", 4), ("short", 6), ("infinite", 5), ("whole", 4),
    ])
    func `a bad preset is refused by what is wrong with it, and not kept`(name: String, status: Int32) throws
    {
        let run = try mynah.run("voices", "import", "\(Self.fixtures)/presets/\(name).pt", "--name", "bad")
        #expect(run.status == status, "\(run.errors)")
        #expect(run.errors.contains("error:"))
        #expect(try mynah.run("voices", "show", "bad").status == 9)
    }

    @Test func `a preset that was cut, or of another size of model, is refused`() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: Self.preset))
        mynah.write(whole.prefix(whole.count / 2), to: "cut.pt")
        #expect(try mynah.run("voices", "import", "cut.pt").status == 5)
        // All its caches agree with each other: only a model can tell that it is another's.
        let wide = Self.fixtures + "/presets/wide.pt"
        let run = try mynah.run("speak", "Hi.", "-m", Self.model, "-v", wide, "-o", "a.wav")
        #expect(run.status == 6, "\(run.errors)")
        #expect(try mynah.run("voices", "import", wide).status == 0)
        let kept = try mynah.run("speak", "Hi.", "-m", Self.model, "-v", "wide", "-o", "a.wav")
        #expect(kept.status == 6 && kept.errors.contains("another model"), "\(kept.errors)")
    }

    @Test func `a preset is no voice for a model that clones, nor a clone one for this`() throws {
        #expect(try mynah.run("voices", "import", Self.preset, "--name", "mike").status == 0)
        let run = try mynah.run("speak", "Hi.", "-m", "bundled", "-v", "mike", "-o", "a.wav")
        #expect(run.status == 6, "\(run.errors)")
    }
}
