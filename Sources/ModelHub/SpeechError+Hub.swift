package import SpeechCore

extension SpeechError {
    /// The sentences for each failure of the hub, side by side.
    package static func hub(_ error: HubError) -> SpeechError {
        switch error {
        case .invalidName, .invalidEndpoint, .notFound, .gated, .unauthorised, .offline: refusal(error)
        case .diskFull, .file, .cancelled: local(error)
        default: transfer(error)
        }
    }

    /// The request could not be granted.
    private static func refusal(_ error: HubError) -> SpeechError {
        switch error {
        case .invalidName(let name):
            let names = HubModel.catalogue.map(\.name).joined(separator: ", ")
            return SpeechError(
                .unknownModel, "There is no model named '\(name)'.",
                remedy: "Choose one of: \(names); or give a hub repository as organisation/name.")
        case .invalidEndpoint(let address):
            return SpeechError(
                .invalidInput, "HF_ENDPOINT is '\(address)', which is not an http or https address.",
                remedy: "Correct it or unset it.")
        case .notFound(let repository, let file):
            let what = file.map { "The file '\($0)' of '\(repository)'" } ?? "The repository '\(repository)'"
            return SpeechError(
                .unknownModel, "\(what) is not on the hub.",
                remedy: "Check the spelling. If it is private, set HF_TOKEN to a token that may read it.")
        case .gated(let repository):
            return SpeechError(
                .network, "'\(repository)' is only given to those who accept its licence.",
                remedy: "Accept it on the model's page, then set HF_TOKEN to a token of that account.")
        case .unauthorised(let repository, let status, let sentToken):
            return SpeechError(
                .network, "The hub refused '\(repository)' (\(status)).",
                remedy: sentToken
                    ? "The token of HF_TOKEN or of the token file may have expired, or may not read this model."
                    : "Accept the licence on the model's page if it asks, and set HF_TOKEN.")
        default:
            return SpeechError(
                .network, "The model is not on this machine, and HF_HUB_OFFLINE forbids fetching it.",
                remedy: "Unset HF_HUB_OFFLINE, or pull the model where there is a network.")
        }
    }

    /// This machine, or the person at it, stopped the transfer.
    private static func local(_ error: HubError) -> SpeechError {
        switch error {
        case .diskFull(let needed, let available, let folder):
            return SpeechError(
                .inputOutput,
                "\(megabytes(needed)) are still to be written to \(folder), and \(megabytes(available)) are free.",
                remedy: "Free some space, or set HF_HOME to a folder on a larger disk.")
        case .file(let path, let detail):
            return SpeechError(
                .inputOutput, "The model cache could not be read or written at \(path): \(detail).",
                remedy: "Check who owns the folder, or set HF_HOME to another.")
        default:
            return SpeechError(
                .cancelled, "The download was stopped.", remedy: "Pull again: it goes on where it stopped.")
        }
    }

    /// The network or the server failed.
    private static func transfer(_ error: HubError) -> SpeechError {
        switch error {
        case .network(let address, let detail):
            return SpeechError(
                .network, "\(address) could not be reached: \(detail).",
                remedy:
                    "Check the network, HF_ENDPOINT and the proxy. Pulling again goes on where it stopped.")
        case .server(let status, let address, _):
            return SpeechError(
                .network, "\(address) answered \(status).",
                remedy: status == 429
                    ? "Wait a while; a token in HF_TOKEN raises the limit." : "Try again later.")
        case .hashMismatch(let file, let expected, let actual):
            return SpeechError(
                .corruptData, "'\(file)' arrived with hash \(actual) instead of \(expected); it was deleted.",
                remedy:
                    "Pull again. If it repeats, the mirror of HF_ENDPOINT serves other bytes: do not use it.")
        default:
            return SpeechError(
                .network, "The hub's answer was refused.",
                remedy: "Check HF_ENDPOINT: does it point at a hub you trust?", underlying: error)
        }
    }

    /// Decimal megabytes, as disks are sold.
    private static func megabytes(_ bytes: Int64) -> String { "\(bytes / 1_000_000) MB" }
}
