import Checkpoints
import SpeechCore
import TensorGraph

/// Compares with a run of the class that `transformers` publishes, whose golden file has the ids of a prompt with a
/// recording in it and of what was written after.
struct ASRTokenParityRun {
    private let model: ASRModel
    private let device: Device
    private let bounds: ASRParityBounds
    private let golden: GoldenFile
    private let ids, all: [Int32]
    private var report = ParityReport()

    /// Whether a golden file is of this kind.
    static func reads(_ golden: CheckpointFile) -> Bool {
        golden["input_ids"] != nil && golden["generated"] != nil
    }

    init(_ model: ASRModel, on device: Device, golden file: CheckpointFile, precision: Precision) throws {
        (self.model, self.device) = (model, device)
        bounds = ASRParityBounds(precision, on: device)
        golden = GoldenFile(file)
        (ids, all) = (golden.integers("input_ids"), golden.integers("generated"))
        let frames = ids.count { $0 == model.prompts.placeholder }
        let samples = golden.values("wav").count
        let (width, vocabulary) = (model.language.width, model.language.vocabulary)
        guard all.starts(with: ids), all.count > ids.count, frames > 0,
            all.allSatisfy({ (0..<Int32(vocabulary)).contains($0) }),
            frames == (samples + model.config.hop - 1) / model.config.hop,
            golden.shape("vae_noise") == [frames, model.config.acoustic.latentWidth],
            golden.shape("vae_std_randn") == [1], golden.shape("features") == [frames, width],
            golden.shape("logits") == [all.count - ids.count, vocabulary]
        else { throw golden.foreign("generated") }
    }

    mutating func run() throws -> ParityReport {
        let samples = golden.values("wav"), hop = model.config.hop
        let whole = (samples.count + hop - 1) / hop * hop
        let heard = ASRListener(model, samples, on: device, segment: whole).finish()
        let drawn = heard.sampled(
            noise: model.config.acoustic.noise ?? 0, scale: golden.values("vae_std_randn")[0],
            values: golden.values("vae_noise"))
        report.compare(
            "features", model.connectors(drawn, on: device).sum, with: golden, bound: bounds.heard)
        try write()
        return report
    }

    /// The golden prompt and, one by one, the golden tokens after it.
    private mutating func write() throws {
        let (language, vocabulary) = (model.language, model.language.vocabulary)
        let decoder = try ASRDecoder(language, on: device, capacity: all.count + 1, half: false)
        var rows = decoder.rows(ids)
        let features = golden.values("features")
        for (index, place) in ids.indices.filter({ ids[$0] == model.prompts.placeholder }).enumerated() {
            rows.replaceSubrange(
                place * language.width..<(place + 1) * language.width,
                with: features[index * language.width..<(index + 1) * language.width])
        }
        decoder.feed(rows, at: 0)
        var (scores, chosen): ([Float], [Int32]) = ([], [])
        for place in ids.count..<all.count {
            let row = decoder.scores
            scores += row
            chosen.append(Int32((0..<vocabulary).reduce(0) { row[$1] > row[$0] ? $1 : $0 }))
            if place < all.count - 1 { decoder.feed([all[place]], at: place) }
        }
        report.compare("logits", scores, with: golden, bound: bounds.values)
        guard bounds.choicesAreExact else { return }
        report.compare("generated", ids + chosen, with: golden)
    }
}
