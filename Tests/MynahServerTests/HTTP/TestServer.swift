import Foundation
import Logging
import Mynah
import MynahServer
import ServiceLifecycle

/// A server on a port of its own, over a fake engine, with a home of its own.
struct TestServer: Sendable {
    let port: Int
    let engine: ScriptedEngine
    let home: URL

    /// Runs `body` against a server, and ends it.
    static func run(
        _ change: (inout Settings) -> Void = { _ in }, _ body: (TestServer) async throws -> Void
    ) async throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent(
            "mynah-test-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: home) }
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
        var settings = Settings()
        settings.server.port = 0
        settings.voices.directory = home.appendingPathComponent("voices").path
        change(&settings)
        let engine = ScriptedEngine()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let parts = try ServerParts(
            settings: settings, engine: engine, metrics: ServerMetrics(), logger: logger,
            home: MynahHome(environment: ["MYNAH_HOME": home.path]))
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        let group = ServiceGroup(
            configuration: .init(
                services: [SpeechServer(parts) { bound.yield($0) }], logger: logger))
        let running = Task { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else { return }
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(TestServer(port: port, engine: engine, home: home)))
        } catch {
            result = .failure(error)
        }
        engine.release()
        running.cancel()
        _ = try? await running.value
        try result.get()
    }

    /// One request on a connection of its own, as it is given.
    func raw(_ request: String, _ rest: [UInt8] = []) async throws -> WireAnswer {
        let wire = try Wire(port: port)
        await wire.send(Array(request.utf8) + rest)
        return try await wire.answer(toHead: request.hasPrefix("HEAD "))
    }

    /// A request with a body.
    func send(
        _ method: String, _ path: String, type: String? = nil, headers: [String] = [], body: [UInt8] = [],
        isChunked: Bool = false
    ) async throws -> WireAnswer {
        try await raw(Self.head(method, path, type, headers, body, isChunked), Self.framed(body, isChunked))
    }

    func get(_ path: String, headers: [String] = []) async throws -> WireAnswer {
        try await send("GET", path, headers: headers)
    }

    /// `POST /v1/audio/speech`.
    func speak(_ json: String, headers: [String] = [], isChunked: Bool = false) async throws -> WireAnswer {
        try await send(
            "POST", "/v1/audio/speech", type: "application/json", headers: headers, body: Array(json.utf8),
            isChunked: isChunked)
    }

    /// A form of texts and files.
    func form(
        _ path: String, _ texts: [(String, String)],
        files: [(name: String, file: String, bytes: [UInt8])] = []
    ) async throws -> WireAnswer {
        let (type, body) = Self.form(texts, files: files)
        return try await send("POST", path, type: type, body: body)
    }

    static func form(
        _ texts: [(String, String)], files: [(name: String, file: String, bytes: [UInt8])] = []
    ) -> (type: String, body: [UInt8]) {
        var body: [UInt8] = []
        for (name, value) in texts {
            body += Array(
                "--XyZ\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8)
        }
        for (name, file, bytes) in files {
            let disposition = "Content-Disposition: form-data; name=\"\(name)\"; filename=\"\(file)\""
            body +=
                Array("--XyZ\r\n\(disposition)\r\nContent-Type: audio/wav\r\n\r\n".utf8) + bytes
                + Array("\r\n".utf8)
        }
        return ("multipart/form-data; boundary=XyZ", body + Array("--XyZ--\r\n".utf8))
    }

    static func head(
        _ method: String, _ path: String, _ type: String?, _ headers: [String], _ body: [UInt8],
        _ isChunked: Bool
    ) -> String {
        var lines = ["\(method) \(path) HTTP/1.1"]
        if !headers.contains(where: { $0.lowercased().hasPrefix("host:") }) {
            lines.append("Host: localhost")
        }
        if let type { lines.append("Content-Type: \(type)") }
        lines += headers
        if isChunked {
            lines.append("Transfer-Encoding: chunked")
        } else if method != "GET" {
            lines.append("Content-Length: \(body.count)")
        }
        return lines.joined(separator: "\r\n") + "\r\n\r\n"
    }

    static func framed(_ body: [UInt8], _ isChunked: Bool) -> [UInt8] {
        guard isChunked else { return body }
        var framed: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: 1_000) {
            let piece = body[start..<min(start + 1_000, body.count)]
            framed += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8)
        }
        return framed + Array("0\r\n\r\n".utf8)
    }
}

/// A recording as a wav file: a tone that swells and fades.
func recordedTone(seconds: Double, rate: Int = 24_000) throws -> [UInt8] {
    let samples = (0..<Int(seconds * Double(rate))).map { index -> Float in
        let time = Double(index) / Double(rate)
        return Float(0.4 * sin(2 * .pi * 180 * time) * abs(sin(2 * .pi * 2 * time)))
    }
    let encoder = try SoundEncoder(.wav, sampleRate: rate, isStreamed: false)
    return try encoder.encode(samples) + encoder.finish()
}
