package import CoreMetrics
import Synchronization

/// Keeps the numbers that the program counts through swift-metrics, and writes them as Prometheus reads them.
package final class MetricsRegistry: MetricsFactory {
    /// A metric by its name and its labels, in order.
    fileprivate struct Identity: Hashable {
        let name: String
        let labels: String
    }

    private struct State {
        var counters: [Identity: CountedMetric] = [:]
        var gauges: [Identity: GaugedMetric] = [:]
        var histograms: [Identity: HistogramMetric] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    // MARK: the factory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        counter(label, dimensions)
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        counter(label, dimensions)
    }

    private func counter(_ label: String, _ dimensions: [(String, String)]) -> CountedMetric {
        state.withLock { $0.counters.value(of: Identity(label, dimensions), else: CountedMetric()) }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }

    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        aggregate ? histogram(label, dimensions) : gauge(label, dimensions)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label, dimensions)
    }

    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    private func gauge(_ label: String, _ dimensions: [(String, String)]) -> GaugedMetric {
        state.withLock { $0.gauges.value(of: Identity(label, dimensions), else: GaugedMetric()) }
    }

    private func histogram(_ label: String, _ dimensions: [(String, String)]) -> HistogramMetric {
        state.withLock { $0.histograms.value(of: Identity(label, dimensions), else: HistogramMetric()) }
    }

    // MARK: the text

    /// Everything, in Prometheus' text format, version 0.0.4.
    package func text() -> String {
        let state = state.withLock { $0 }
        var lines: [String] = []
        func describe(_ kind: String, _ identities: [Identity], _ line: (Identity) -> [String]) {
            var last = ""
            for identity in identities.sorted(by: { ($0.name, $0.labels) < ($1.name, $1.labels) }) {
                if identity.name != last {
                    if let help = Help.texts[identity.name] {
                        lines.append("# HELP \(identity.name) \(help)")
                    }
                    lines.append("# TYPE \(identity.name) \(kind)")
                    last = identity.name
                }
                lines += line(identity)
            }
        }
        describe("counter", Array(state.counters.keys)) { identity in
            ["\(identity.written()) \(state.counters[identity]?.value.shown ?? "0")"]
        }
        describe("gauge", Array(state.gauges.keys)) { identity in
            ["\(identity.written()) \(state.gauges[identity]?.value.shown ?? "0")"]
        }
        describe("histogram", Array(state.histograms.keys)) { identity in
            state.histograms[identity]?.lines(identity) ?? []
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension MetricsRegistry.Identity {
    init(_ name: String, _ dimensions: [(String, String)]) {
        self.name = name
        labels = dimensions.sorted { $0.0 < $1.0 }.map { "\($0.0)=\"\($0.1.asLabel)\"" }.joined(
            separator: ",")
    }

    /// With a suffix and a further label, as a line begins.
    func written(_ suffix: String = "", _ further: String = "") -> String {
        let all = [labels, further].filter { !$0.isEmpty }.joined(separator: ",")
        return name + suffix + (all.isEmpty ? "" : "{\(all)}")
    }
}

extension String {
    fileprivate var asLabel: String {
        replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}

extension Double {
    fileprivate var shown: String { self == rounded() && abs(self) < 1e15 ? "\(Int(self))" : "\(self)" }
}

/// Only grows.
private final class CountedMetric: CounterHandler, FloatingPointCounterHandler {
    private let total = Mutex(0.0)
    var value: Double { total.withLock { $0 } }
    func increment(by amount: Int64) { total.withLock { $0 += Double(amount) } }
    func increment(by amount: Double) { total.withLock { $0 += amount } }
    func reset() { total.withLock { $0 = 0 } }
}

/// Goes up and down.
private final class GaugedMetric: MeterHandler, RecorderHandler {
    private let current = Mutex(0.0)
    var value: Double { current.withLock { $0 } }
    func set(_ value: Int64) { current.withLock { $0 = Double(value) } }
    func set(_ value: Double) { current.withLock { $0 = value } }
    func increment(by amount: Double) { current.withLock { $0 += amount } }
    func decrement(by amount: Double) { current.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }
}

/// How values are spread; seconds, unless the name says otherwise.
private final class HistogramMetric: RecorderHandler, TimerHandler {
    static let bounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

    private struct State {
        var counts = [Int](repeating: 0, count: bounds.count)
        var count = 0
        var sum = 0.0
    }

    private let state = Mutex(State())

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        state.withLock { state in
            state.count += 1
            state.sum += value
            if let place = Self.bounds.firstIndex(where: { value <= $0 }) { state.counts[place] += 1 }
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func lines(_ identity: MetricsRegistry.Identity) -> [String] {
        let state = state.withLock { $0 }
        var (lines, reached) = ([String](), 0)
        for (bound, count) in zip(Self.bounds, state.counts) {
            reached += count
            lines.append("\(identity.written("_bucket", "le=\"\(bound.shown)\"")) \(reached)")
        }
        lines.append("\(identity.written("_bucket", "le=\"+Inf\"")) \(state.count)")
        lines.append("\(identity.written("_sum")) \(state.sum)")
        lines.append("\(identity.written("_count")) \(state.count)")
        return lines
    }
}

extension Dictionary {
    /// What stands under a key; what is made of it is kept, where nothing does.
    fileprivate mutating func value(of key: Key, else make: @autoclosure () -> Value) -> Value {
        if let known = self[key] { return known }
        let made = make()
        self[key] = made
        return made
    }
}
