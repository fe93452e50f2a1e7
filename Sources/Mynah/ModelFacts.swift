import Checkpoints
public import SpeechCore
import TensorGraph

/// What a model's files say of it, without loading it.
public struct ModelFacts: Sendable, Equatable {
    /// What a model can do.
    public enum Card: Sendable, Equatable {
        /// It speaks.
        case speaks(ModelCard)
        /// It writes down what it hears.
        case listens(TranscriberCard)
    }

    /// What it can do.
    public let card: Card
    /// Bytes it would take in memory, working memory included.
    public let footprint: Int

    package init(card: Card, footprint: Int) { (self.card, self.footprint) = (card, footprint) }
}

extension ModelLibrary {
    /// What a model can do and would take, read from its configuration and the heads of its files.
    ///
    /// - Parameters:
    ///   - name: as for `synthesizer`.
    ///   - options: how it would be loaded.
    /// - Throws: `SpeechError`.
    public func facts(of name: String? = nil, options: LoadOptions? = nil) throws -> ModelFacts {
        let options = options ?? LoadOptions(device: device)
        do {
            let files = try ModelFiles(path: locate(name).path)
            if let family = TranscriberFamily.of(files) {
                return ModelFacts(
                    card: .listens(try family.card(files)),
                    footprint: try family.footprint(files, options.settings(for: files, sessions: 1)))
            }
            let family = try Family.of(files)
            return ModelFacts(
                card: .speaks(try family.card(files)),
                footprint: try family.footprint(files, options.settings(for: files)))
        } catch {
            throw SpeechError(describing: error)
        }
    }
}
