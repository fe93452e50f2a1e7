import SpeechCore

// What a table says of one way of holding the weights.

extension BenchReport {
    func title(of run: Run) -> String {
        let steps = run.steps.map { ", \($0) steps" } ?? ""
        return "\(run.family) \(run.size) \(run.variant), \(run.precision)\(steps), \(frames) frames, "
            + "best and median of \(repeats)"
    }

    func title(of run: ListeningRun) -> String {
        "\(run.family) \(run.size), \(run.precision), \(Self.number(run.heardSeconds, 0)) s heard, "
            + "\(run.tokens) tokens written, best and median of \(repeats)"
    }

    private static let head = ["", "best", "median", "limit", "of the limit"]

    private static func row(
        _ name: String, _ value: Measure, _ limit: Double?, _ digits: Int, more: Bool = false
    ) -> [String] {
        let share = limit.map { value.best > 0 ? (more ? value.best / $0 : $0 / value.best) : 0 }
        return [
            name, number(value.best, digits), number(value.median, digits),
            limit.map { number($0, digits) } ?? "", share.map { "\(number($0 * 100, 0)) %" } ?? "",
        ]
    }

    /// Seconds as milliseconds.
    private static func milliseconds(_ name: String, _ value: Measure, _ limit: Double?, _ digits: Int)
        -> [String]
    {
        row(name, Measure(scaling: value, by: 1000), limit.map { $0 * 1000 }, digits)
    }

    private static func memory(_ memory: PeakMemory) -> [[String]] {
        [
            ["peak memory, MiB", "\(memory.peak >> 20)", "", "", ""],
            ["  of it mapped files, now", "\(memory.mapped >> 20)", "", "", ""],
            ["  its own, now", "\(memory.own >> 20)", "", "", ""],
        ]
    }

    func rows(of run: Run) -> [[String]] {
        [
            Self.head,
            ["load, s", Self.number(run.loadSeconds, 2), "", "", ""],
            ["first sound from start, s", Self.number(run.coldFirstSound, 2), "", "", ""],
            Self.milliseconds("first sound, loaded, ms", run.firstSound, nil, 0),
            Self.row(
                "prompt, rows/s (\(run.promptRows) rows)", run.prefill, run.limits?.prefillRows, 0, more: true
            ),
        ] + (run.steps == nil ? codeStages(run) : diffusionStages(run)) + [
            Self.row("all, s per s of sound", run.total, run.limits?.totalFactor, 3),
            ["sound: level, share clipped", Self.number(run.level, 3), Self.number(run.clipped, 3), "", ""],
        ] + Self.memory(run.memory)
    }

    private func codeStages(_ run: Run) -> [[String]] {
        [
            Self.milliseconds("talker, ms a frame", run.talker, run.limits?.talkerSeconds, 2),
            Self.milliseconds("code predictor, ms a frame", run.predictor, run.limits?.predictorSeconds, 2),
            Self.row("codec, s per s of sound", run.codec, run.limits?.codecFactor, 3),
            Self.row("codec frame by frame", run.codecSingle, run.limits?.codecFactor, 3),
        ]
    }

    private func diffusionStages(_ run: Run) -> [[String]] {
        let (limits, frame) = (run.limits, run.frameSeconds)
        func decoder(_ name: String, _ measure: Measure, _ limit: Double?) -> [String] {
            Self.milliseconds(name, Measure(scaling: measure, by: frame), limit.map { $0 * frame }, 2)
        }
        var rows = [
            Self.milliseconds("language model, ms a frame", run.talker, limits?.talkerSeconds, 2),
            Self.milliseconds("diffusion, ms a frame", run.predictor, limits?.predictorSeconds, 2),
        ]
        // What hears its own sound decodes a frame at a time always.
        if run.listener.best == 0 {
            rows.append(decoder("decoder, ms a frame", run.codec, limits?.codecFactor))
        }
        rows.append(decoder("decoder frame by frame, ms", run.codecSingle, limits?.singleFactor))
        if run.listener.best > 0 {
            rows.append(
                Self.milliseconds("semantic encoder, ms a frame", run.listener, limits?.listenerSeconds, 2))
        }
        return rows
    }

    func rows(of run: ListeningRun) -> [[String]] {
        [
            Self.head,
            ["load, s", Self.number(run.loadSeconds, 2), "", "", ""],
            Self.row(
                "both encoders, s of sound a s", run.encodeSpeed, run.limits?.encodeSpeed, 2, more: true),
            Self.row(
                "prompt, rows/s (\(run.promptRows) rows)", run.prefill, run.limits?.prefillRows, 1, more: true
            ),
            Self.row("writing, tokens/s", run.writing, run.limits?.tokens, 2, more: true),
        ] + Self.memory(run.memory)
    }
}
