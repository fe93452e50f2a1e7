import Checkpoints
import SpeechCore
import TensorGraph

/// What to do when a model does not fit: the finest rounding of it that would, else another model that would.
package struct SmallerOption {
    /// Bytes a model takes with a rounding; nil where it cannot be told, or is not possible.
    let footprint: (ModelPlace, Quantization?) -> Int?
    let available: Int

    package init(footprint: @escaping (ModelPlace, Quantization?) -> Int?, available: Int) {
        (self.footprint, self.available) = (footprint, available)
    }

    /// An instruction, or nil where nothing on this machine would fit.
    package func advice(for place: ModelPlace, asked: Quantization?, among installed: [ModelPlace]) -> String?
    {
        let need = footprint(place, asked) ?? .max
        let roundings: [Quantization] = [.f16, .q8Zero, .q6K, .q5K, .q4K]
        for rounding in roundings {
            guard let bytes = footprint(place, rounding), bytes < need, bytes <= available else { continue }
            return "Use --quantize \(rounding.rawValue): it takes \(bytes.asMegabytes)."
        }
        let others = installed.filter { $0.path != place.path && $0.origin != .bundled }
        for other in others {
            guard let bytes = footprint(other, asked), bytes <= available else { continue }
            return "Use -m \(other.name): it takes \(bytes.asMegabytes)."
        }
        return nil
    }
}

extension ModelLibrary {
    /// The error of a model that does not fit, with what would.
    func doesNotFit(_ place: ModelPlace, _ options: LoadOptions, need: Int, available: Int) -> SpeechError {
        let smaller = SmallerOption(
            footprint: { place, rounding in
                guard let files = try? place.files(), let stored = try? files.precision,
                    let footprint = try? TranscriberFamily.of(files)?.footprint ?? Family.of(files).footprint
                else { return nil }
                let settings = LoadSettings(
                    precision: rounding?.precision ?? stored, device: .cpu, sessions: options.sessions)
                return try? footprint(files, settings)
            }, available: available)
        return .doesNotFit(
            need: need, available: available,
            alternative: smaller.advice(for: place, asked: options.quantization, among: installed()))
    }
}
