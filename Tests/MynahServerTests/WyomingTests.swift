import Foundation
import Logging
import Mynah
import MynahServer
import NIOCore
import NIOPosix
import SpeechCore
import SpeechTesting
import Synchronization
import Testing

@Suite struct WyomingTests {
    struct Surprise: Error { var what: String }

    /// An event as a client reads it.
    struct Event: Equatable {
        var type: String
        var data: [String: String]
        var payload: Int
    }

    /// A client over a real socket.
    final class Client {
        private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        private var buffer = ByteBuffer()

        init(
            _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
            _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        ) {
            self.inbound = inbound.makeAsyncIterator()
            self.outbound = outbound
        }

        func send(_ text: String, _ payload: [UInt8] = []) async throws {
            try await outbound.write(ByteBuffer(bytes: Array(text.utf8) + payload))
        }

        /// The event as the reference client writes it, its data in a block of their own.
        func send(_ type: String, _ data: String, _ payload: [UInt8] = []) async throws {
            try await send(
                "{\"type\":\"\(type)\",\"version\":\"1.10.2\",\"data_length\":\(data.utf8.count),"
                    + "\"payload_length\":\(payload.count)}\n\(data)", payload)
        }

        /// The next event; nil when the server has closed.
        func next() async throws -> Event? {
            while true {
                if let event = try whole() { return event }
                guard let more = try await inbound.next() else { return nil }
                buffer.writeImmutableBuffer(more)
            }
        }

        /// Events up to one of a type.
        func until(_ type: String) async throws -> [Event] {
            var events: [Event] = []
            while let event = try await next() {
                events.append(event)
                if event.type == type { return events }
            }
            return events
        }

        private func whole() throws -> Event? {
            let bytes = Array(buffer.readableBytesView)
            guard let end = bytes.firstIndex(of: 10) else { return nil }
            let line = try JSONSerialization.jsonObject(with: Data(bytes[..<end])) as? [String: Any] ?? [:]
            let (data, payload) = (line["data_length"] as? Int ?? 0, line["payload_length"] as? Int ?? 0)
            guard bytes.count > end + data + payload else { return nil }
            let block = Data(bytes[(end + 1)...].prefix(data))
            let said = try JSONSerialization.jsonObject(with: block) as? [String: Any] ?? [:]
            buffer.moveReaderIndex(forwardBy: end + 1 + data + payload)
            return Event(
                type: line["type"] as? String ?? "", data: said.mapValues { "\($0)" }, payload: payload)
        }
    }

    /// Starts a server over a scripted engine and speaks with it.
    private func withServer(
        _ change: (inout Settings) -> Void = { _ in }, _ body: (Int, ScriptedEngine) async throws -> Void
    ) async throws {
        let folder = try ScratchFolder()
        var settings = Settings()
        settings.wyoming.port = 0
        settings.voices.directory = folder.path + "/voices"
        change(&settings)
        let engine = ScriptedEngine()
        let parts = try ServerParts(
            settings: settings, engine: engine, metrics: ServerMetrics(),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            home: MynahHome(environment: ["MYNAH_HOME": folder.path]))
        let (ports, told) = AsyncStream.makeStream(of: Int.self)
        let server = try #require(WyomingServer(parts) { told.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var waiting = ports.makeAsyncIterator()
            let port = try #require(await waiting.next())
            try await body(port, engine)
            group.cancelAll()
        }
    }

    private func withClient(_ port: Int, _ body: (Client) async throws -> Void) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { try await body(Client($0, $1)) }
    }

    /// One connection to one server.
    private func converse(
        _ settings: (inout Settings) -> Void = { _ in },
        _ body: (Client, ScriptedEngine) async throws -> Void
    ) async throws {
        try await withServer(settings) { port, engine in
            try await withClient(port) { try await body($0, engine) }
        }
    }

    @Test func `a ping is answered with its text, the data in a block or in the line`() async throws {
        try await converse { client, _ in
            try await client.send("ping", #"{"text":"a"}"#)
            #expect(try await client.next() == Event(type: "pong", data: ["text": "a"], payload: 0))
            try await client.send(#"{"type":"ping","data":{"text":"b"}}"# + "\n")
            #expect(try await client.next()?.data["text"] == "b")
        }
    }

    @Test func `what there is to ask for is described`() async throws {
        try await converse { client, _ in
            try await client.send(#"{"type":"describe"}"# + "\n")
            let info = try #require(try await client.next())
            #expect(info.type == "info")
            for name in ["vivian", "supports_synthesize_streaming"] {
                #expect(info.data["tts"]?.contains(name) == true)
            }
            #expect(info.data["asr"]?.contains("listener") == true)
        }
    }

    @Test func `a text becomes sound, a chunk as each is made`() async throws {
        try await converse { client, engine in
            try await client.send("synthesize", #"{"text":"Hello","voice":{"name":"RYAN"}}"#)
            let events = try await client.until("audio-stop")
            #expect(
                events.map(\.type) == ["audio-start"] + Array(repeating: "audio-chunk", count: 10) + [
                    "audio-stop"
                ])
            #expect(
                events.allSatisfy {
                    $0.data["rate"] == "24000" && $0.data["width"] == "2" && $0.data["channels"] == "1"
                })
            #expect(events.map(\.payload).reduce(0, +) == 10 * 2 * ScriptedEngine.chunk.count)
            #expect(events.last?.data["timestamp"] == "1000")
            let order = try #require(engine.orders.withLock { $0.first })
            #expect(order.utterance.text == "Hello" && order.utterance.language == .auto)
            guard case .preset("ryan") = order.utterance.voice else { throw Surprise(what: "another voice") }
        }
    }

    @Test func `a text in pieces is spoken sentence by sentence, the first before the last has come`()
        async throws
    {
        try await converse { client, engine in
            try await client.send("synthesize-start", #"{"voice":{"language":"de"}}"#)
            for piece in ["Ers", "ter. Zwei", "ter"] {
                try await client.send("synthesize-chunk", "{\"text\":\"\(piece)\"}")
            }
            // The first sentence sounds while the second is not over.
            #expect(try await client.until("audio-chunk").map(\.type) == ["audio-start", "audio-chunk"])
            try await client.send("synthesize-chunk", #"{"text":" Satz."}"#)
            try await client.send("synthesize", #"{"text":"Erster. Zweiter Satz."}"#)
            try await client.send("synthesize-stop", "{}")
            let rest = try await client.until("synthesize-stopped")
            #expect(rest.suffix(2).map(\.type) == ["audio-stop", "synthesize-stopped"])
            #expect(!rest.contains { $0.type == "audio-start" })
            let orders = engine.orders.withLock { $0 }
            #expect(orders.map(\.utterance.text) == ["Erster.", "Zweiter Satz."])
            #expect(
                orders.allSatisfy {
                    $0.utterance.language == "german" && $0.options.seed == orders[0].options.seed
                })
        }
    }

    @Test func `a recording is written down, its channels mixed`() async throws {
        try await converse { client, engine in
            try await client.send("transcribe", #"{"language":"en","transcript_names":["Mynah"]}"#)
            let format = #""rate":16000,"width":2,"channels":2"#
            try await client.send("audio-start", "{\(format)}")
            for _ in 0..<3 {
                try await client.send(
                    "audio-chunk", "{\(format),\"timestamp\":null}", [0, 0x40, 0, 0, 0, 0x40, 0, 0])
            }
            try await client.send("audio-stop", "{}")
            let transcript = try #require(try await client.next())
            #expect(
                transcript.type == "transcript" && transcript.data["text"] == "Good morning.\nAnd <to> you.")
            let order = try #require(engine.heard.withLock { $0.first })
            #expect(
                order.audio == AudioBuffer(samples: [Float](repeating: 0.25, count: 6), sampleRate: 16_000))
            #expect(order.options.context == "Mynah")
        }
    }

    @Test(arguments: [
        ("synthesize", "{}"), ("synthesize", #"{"text":7}"#),
        ("synthesize", #"{"text":"a","text_format":"ssml"}"#), ("synthesize", #"{"text":"refused"}"#),
        ("synthesize", #"{"text":"busy"}"#),
        ("synthesize", #"{"text":"a","voice":{"name":"../../etc/passwd"}}"#),
        ("synthesize", #"{"text":"aaaaaaaaaaa"}"#), ("synthesize-chunk", #"{"text":"a"}"#),
        ("synthesize-stop", "{}"), ("audio-stop", "{}"),
        ("audio-start", #"{"rate":0,"width":2,"channels":1}"#),
        ("audio-start", #"{"rate":16000,"width":4,"channels":1}"#), ("audio-chunk", "{}"),
        ("synthesize", "no JSON"),
    ])
    func `what cannot be done is answered, and the conversation goes on`(type: String, data: String)
        async throws
    {
        try await converse({ $0.limits.textCharacters = 10 }) { client, _ in
            try await client.send(type, data)
            let answer = try #require(try await client.next())
            #expect(answer.type == "error")
            #expect(answer.data["text"]?.isEmpty == false && answer.data["code"]?.isEmpty == false)
            try await client.send("synthesize", #"{"text":"good"}"#)
            #expect(try await client.until("audio-stop").last?.type == "audio-stop")
        }
    }

    @Test func `the rest of a recording that is too long is passed over`() async throws {
        try await converse({ $0.limits.recordingSeconds = 1 }) { client, _ in
            let format = #"{"rate":16000,"width":2,"channels":1}"#
            try await client.send("transcribe", "{}")
            for _ in 0..<3 {
                try await client.send("audio-chunk", format, [UInt8](repeating: 0, count: 32_000))
            }
            try await client.send("audio-stop", "{}")
            try await client.send("ping", "{}")
            #expect(try await client.until("pong").map(\.type).sorted() == ["error", "pong"])
        }
    }

    @Test(arguments: [
        "no JSON\n", "[1]\n", "{}\n", #"{"type":7}"# + "\n", #"{"type":"ping","data_length":-1}"# + "\n",
        #"{"type":"ping","data_length":1048577}"# + "\n",
        #"{"type":"audio-chunk","payload_length":9223372036854775807}"# + "\n",
        #"{"type":"audio-chunk","payload_length":1e300}"# + "\n", String(repeating: "a", count: 70_000),
        String(repeating: "[", count: 60_000) + "\n",
    ])
    func `what is no event ends the conversation with a word about why`(bytes: String) async throws {
        try await converse { client, _ in
            try await client.send(bytes)
            #expect(try await client.next()?.type == "error")
            #expect(try await client.next() == nil)
        }
    }

    @Test func `an event that nobody knows is passed over`() async throws {
        try await converse { client, _ in
            try await client.send("detection", #"{"name":7}"#, [1, 2, 3])
            try await client.send("ping", "{}")
            #expect(try await client.next()?.type == "pong")
        }
    }

    @Test(arguments: [ScriptedEngine.breaking, ScriptedEngine.unfinished])
    func `speech that breaks off is never told as whole`(text: String) async throws {
        try await converse { client, _ in
            try await client.send("synthesize", "{\"text\":\"\(text)\"}")
            #expect(
                try await client.until("audio-stop").map(\.type)
                    == ["audio-start", "audio-chunk", "error", "audio-stop"])
        }
    }

    @Test func `what the model refuses has no beginning`() async throws {
        try await converse { client, _ in
            try await client.send("synthesize", "{\"text\":\"\(ScriptedEngine.failing)\"}")
            try await client.send("synthesize", #"{"text":"good"}"#)
            #expect(try await client.until("audio-start").map(\.type) == ["error", "audio-start"])
        }
    }

    @Test(arguments: ["", #"{"type":"pi"#, #"{"type":"synthesize-start"}"# + "\n"])
    func `a client that says nothing more is let go`(bytes: String) async throws {
        try await converse({ ($0.limits.idleSeconds, $0.limits.receiveSeconds) = (1, 1) }) { client, _ in
            if !bytes.isEmpty { try await client.send(bytes) }
            #expect(try await client.until("audio-start").isEmpty)
        }
    }

    @Test func `a client that waits for its answer is not let go`() async throws {
        try await withServer({ $0.limits.idleSeconds = 1 }) { port, engine in
            var hasBegun = false
            // On a busy machine a client may be too slow to ask at all; one that asked is what this is about.
            for _ in 0..<20 where !hasBegun {
                try await withClient(port) { client in
                    try? await client.send("synthesize", "{\"text\":\"\(ScriptedEngine.gated)\"}")
                    hasBegun = try await client.until("audio-chunk").last?.type == "audio-chunk"
                    guard hasBegun else { return }
                    try await Task.sleep(for: .milliseconds(1_600))
                    engine.release()
                    #expect(try await client.until("audio-stop").last?.type == "audio-stop")
                }
            }
            #expect(hasBegun)
        }
    }

    @Test func `recordings of all clients together have a bound`() async throws {
        try await withServer({ $0.limits.temporaryBytes = 100_000 }) { port, _ in
            let format = #"{"rate":16000,"width":2,"channels":1}"#
            try await withClient(port) { first in
                try await first.send("audio-start", format)
                try await first.send("audio-chunk", format, [UInt8](repeating: 0, count: 40_000))
                try await first.send("ping", "{}")
                #expect(try await first.next()?.type == "pong")
                try await withClient(port) { second in
                    try await second.send("audio-start", format)
                    try await second.send("audio-chunk", format, [UInt8](repeating: 0, count: 20_000))
                    #expect(try await second.next()?.data["code"] == "busy")
                }
            }
        }
    }

    @Test func `a client that asks too far ahead is told how far it may`() async throws {
        try await converse { client, _ in
            for _ in 0..<20 {
                try await client.send("synthesize", "{\"text\":\"\(ScriptedEngine.gated)\"}")
            }
            let error = try #require(try await client.until("error").last)
            #expect(error.data["code"] == "busy" && error.data["text"]?.contains("16 requests") == true)
        }
    }

    @Test func `a client that leaves ends the work for it`() async throws {
        try await withServer { port, engine in
            try await withClient(port) { client in
                try await client.send("synthesize", "{\"text\":\"\(ScriptedEngine.endless)\"}")
                _ = try await client.until("audio-chunk")
            }
            var left = engine.left.makeAsyncIterator()
            #expect(await left.next() == ScriptedEngine.endless)
        }
    }

    @Test func `a client that comes when there is no place is told so`() async throws {
        try await withServer({ $0.limits.connections = 1 }) { port, _ in
            try await withClient(port) { first in
                try await first.send("ping", "{}")
                #expect(try await first.next()?.type == "pong")
                try await withClient(port) { second in
                    let (refusal, rest) = (try await second.next(), try await second.next())
                    #expect(refusal?.data["code"] == "busy" && rest == nil)
                }
            }
            // The place is free again once the first has gone, which its server sees a moment later.
            var answer = "error"
            while answer == "error" {
                try await withClient(port) { third in
                    try await third.send("ping", "{}")
                    answer = try await third.next()?.type ?? "error"
                }
            }
            #expect(answer == "pong")
        }
    }
}
