import Diagnosis
import Report
import Telemetry
import Testing

@Suite("Telemetry put together")
struct TelemetryHistoryTests {
    private let eth0 = Series(.received, Array("eth0".utf8))

    /// A block of ticks at these seconds, with a gauge and a counter.
    private func block(_ seconds: [UInt64], boot: UInt8 = 1, load: [Int64], received: [Int64]) throws -> TelemetryBlock {
        var open = OpenTelemetryBlock(boot: [UInt8](repeating: boot, count: 16), interval: 10_000)
        for (index, second) in seconds.enumerated() {
            open.tick(at: second * 1_000)
            open.set(Series(.load1), load[index])
            open.set(eth0, received[index])
        }
        open.note(TelemetryEvent(.login, time: (seconds.last ?? 0) * 1_000))
        return try TelemetryBlock(decoding: open.encoded)
    }

    private func values(_ history: TelemetryHistory, _ series: Series) -> [TelemetryHistory.Point] {
        history.lines.first { $0.series == series }?.points ?? []
    }

    @Test("gauges are as they were, counters are steps a second, over the border of two blocks too")
    func joined() throws {
        let blocks = [
            try block([10, 20], load: [150, 50], received: [100, 300]), try block([30, 40], load: [0, 1], received: [300, 310]),
        ]
        let history = TelemetryHistory(blocks)
        #expect(history.lines.map(\.description.name) == ["load.1", "net.received"])
        #expect(values(history, Series(.load1)).map(\.value) == [1.5, 0.5, 0, 0.01])
        #expect(values(history, eth0).map(\.time) == [20_000, 30_000, 40_000])
        #expect(values(history, eth0).map(\.value) == [20 * 256, 0, 256])
        #expect(history.events.map(\.time) == [20_000, 40_000])
        let part = TelemetryHistory(blocks, from: 25_000, to: 35_000) { $0 == eth0 }
        #expect(part.lines.count == 1)
        #expect(values(part, eth0).map(\.time) == [30_000], "the step into the window counts")
    }

    @Test("where a counter began anew, the clock was set or time is missing, there is no step")
    func broken() throws {
        let wrapped = TelemetryHistory([try block([10, 20, 30], load: [0, 0, 0], received: [.max, 5, 6])])
        #expect(values(wrapped, eth0).map(\.time) == [30_000])
        let rebooted = TelemetryHistory([
            try block([10], load: [0], received: [5]), try block([20], boot: 2, load: [0], received: [6]),
        ])
        #expect(values(rebooted, eth0).isEmpty)
        let late = TelemetryHistory([try block([10, 100, 110], load: [0, 0, 0], received: [1, 2, 3])])
        #expect(values(late, eth0).map(\.time) == [110_000])
        let back = TelemetryHistory([try block([500, 10, 20], load: [0, 0, 0], received: [1, 2, 3])])
        #expect(values(back, eth0).map(\.time) == [20_000])
    }

    @Test("extremes of a hostile device neither trap nor leave the picture")
    func hostile() throws {
        let history = TelemetryHistory([try block([10, 20, 30], load: [.max, .min, 0], received: [.min, .max, 0])])
        let line = try #require(history.lines.first)
        #expect(line.spans(4, from: .min, to: .max).count == 4)
        #expect(line.spans(3, from: 10_000, to: 30_000).compactMap { $0 }.count == 3)
        let svg = history.svg(title: "<a>&\"", from: 10_000, to: 30_000, name: { _ in "<x>" }, format: { "\($0)\($1.rawValue)" })
        #expect(svg.contains("&lt;a&gt;&amp;&quot;"))
        #expect(!svg.contains("<x>") && !svg.contains("nan") && !svg.contains("inf"))
        let csv = history.csv { _ in "a\"b" }
        #expect(csv.contains("net.received,\"a\"\"b\",B/s,"))
    }

    @Test("a sparkline has a mark for each span, and blanks where nothing is known")
    func marks() {
        #expect(sparkline([0, nil, 7, 3.6]) == "▁ █▅")
        #expect(sparkline([2, 2]) == "▁▁")
        #expect(sparkline([nil]) == "")
    }
}
