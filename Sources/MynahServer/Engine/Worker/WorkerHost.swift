import Foundation
import Mynah
import SpeechCore

/// Does what the server orders: inspects and loads one model, and carries out requests to it, many at once.
actor WorkerHost {
    private enum Loaded {
        case speaks(SpeechModel)
        case listens(TranscriptionModel)
    }

    /// The most frames of a chunk: ten seconds or so, whatever was asked, so that a chunk fits a frame.
    private static let mostFrames = 64

    private let link: WorkerLink
    private let library = ModelLibrary()
    private var loaded: Loaded?
    /// Recordings that went ahead of the order they belong to.
    private var recordings: [UInt32: [[Float]]] = [:]
    /// What is being done, and how it is stopped.
    private var running: [UInt32: @Sendable () -> Void] = [:]

    init(_ link: WorkerLink) { self.link = link }

    func take(_ order: WorkerOrder, _ request: UInt32) async {
        switch order {
        case .inspect(let model): inspect(model)
        case .load(let model): await load(model)
        case .samples(let more, let place): add(more, to: place, request)
        case .speak(let turns, let options): speak(turns, options, request)
        case .transcribe(let rate, let options): transcribe(rate, options, request)
        case .clone(let rate, let transcript, let name): clone(rate, transcript, name, request)
        case .cancel:
            recordings[request] = nil
            running.removeValue(forKey: request)?()
        case .shutDown: WorkerProgram.leave()
        }
    }

    // MARK: the model

    private func inspect(_ model: WorkerModel) {
        do {
            link.send(.inspected(try library.facts(of: model.path, options: model.options)))
        } catch {
            link.send(.refused(SpeechError(describing: error)))
        }
    }

    private func load(_ model: WorkerModel) async {
        var options = model.options
        options.progress = { [link] share in link.send(.loading(share)) }
        do {
            switch try library.facts(of: model.path, options: options).card {
            case .speaks: loaded = .speaks(try await library.synthesizer(model.path, options: options))
            case .listens: loaded = .listens(try await library.transcriber(model.path, options: options))
            }
        } catch {
            link.send(.refused(SpeechError(describing: error)))
            return
        }
        link.send(.loaded)
        Task { await beat() }
    }

    /// Says each second that the model's thread turns: asking takes a turn of it.
    private func beat() async {
        while true {
            switch loaded {
            case .speaks(let model): _ = await model.isWorking
            case .listens(let model): _ = await model.isWorking
            case nil: return
            }
            link.send(.beat(resident: WorkerProgram.resident))
            try? await Task.sleep(for: .seconds(1))
        }
    }

    // MARK: requests

    private func speak(_ turns: SpokenTurns, _ options: SynthesisOptions, _ request: UInt32) {
        let recordings = recordings.removeValue(forKey: request) ?? []
        guard case .speaks(let model) = loaded, let utterances = turns.utterances(recordings: recordings)
        else { return refuse(request) }
        var options = options
        options.framesPerChunk = min(options.framesPerChunk, Self.mostFrames)
        let stream = model.stream(utterances, options: options)
        run(request, stop: { stream.cancel() }) { [link] in
            for try await chunk in stream { link.send(.chunk(chunk), request: request) }
        }
    }

    private func transcribe(_ rate: Int, _ options: TranscriptionOptions, _ request: UInt32) {
        guard case .listens(let model) = loaded, let audio = audio(rate, request) else {
            return refuse(request)
        }
        let stream = model.stream(audio, options: options)
        run(request, stop: { stream.cancel() }) { [link] in
            for try await event in stream { link.send(.event(event), request: request) }
        }
    }

    private func clone(_ rate: Int, _ transcript: String?, _ name: String, _ request: UInt32) {
        guard case .speaks(let model) = loaded, let audio = audio(rate, request) else {
            return refuse(request)
        }
        run(request, stop: {}) { [link] in
            let profile = try await model.clone(Recording(audio, transcript: transcript), name: name)
            link.send(.profile(profile), request: request)
        }
    }

    private func audio(_ rate: Int, _ request: UInt32) -> AudioBuffer? {
        let recordings = recordings.removeValue(forKey: request) ?? []
        guard rate > 0, recordings.count <= 1 else { return nil }
        return AudioBuffer(samples: recordings.first ?? [], sampleRate: rate)
    }

    /// Recordings come one after the other; an order that is about one left out is refused.
    private func add(_ samples: [Float], to place: Int, _ request: UInt32) {
        var known = recordings[request] ?? []
        recordings[request] = nil
        if place == known.count { known.append([]) }
        if place == known.count - 1 { known[place] += samples }
        recordings[request] = known
    }

    private func run(
        _ request: UInt32, stop: @escaping @Sendable () -> Void,
        _ work: @escaping @Sendable () async throws -> Void
    ) {
        running[request] = stop
        Task {
            do { try await work() } catch { fail(request, SpeechError(describing: error)) }
            running[request] = nil
        }
    }

    /// Nobody is told of the end of a request that was stopped.
    private func fail(_ request: UInt32, _ error: SpeechError) {
        if running[request] != nil { link.send(.failed(error), request: request) }
    }

    /// The server knows what its model does; an order that does not suit it is a fault of ours.
    private func refuse(_ request: UInt32) {
        recordings[request] = nil
        link.send(
            .failed(
                SpeechError(
                    .unexpected, "The model's process was asked for what its model does not do.",
                    remedy: "Please report it, with what you asked for.")), request: request)
    }
}
