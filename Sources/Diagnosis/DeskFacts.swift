internal import Probes

/// What the desk itself knows of a device when its answers come: tables that rules may read beside those of probes.
public struct DeskFacts: Equatable, Sendable {
    /// What one metric did in the time that the desk has telemetry of.
    public struct Trend: Equatable, Sendable {
        /// The metric, as docs/TELEMETRY.md names it.
        public var metric: String
        /// The mount, interface or whatever else it is of; empty for the whole device.
        public var key: String
        /// When each value was measured, hours before the last one, ascending: the last is 0.
        public var hours: [Double]
        /// The values, in the metric's unit.
        public var values: [Double]

        /// Makes a trend of a series; `hours` and `values` are of one length.
        public init(metric: String, key: String, hours: [Double], values: [Double]) {
            self.metric = metric
            self.key = key
            self.hours = hours
            self.values = values
        }

        /// Change of the value in an hour, by least squares; 0 where there is no time between the values.
        var slope: Double {
            let count = Double(values.count)
            let (meanTime, meanValue) = (hours.reduce(0, +) / count, values.reduce(0, +) / count)
            var (product, square) = (0.0, 0.0)
            for (hour, value) in zip(hours, values) {
                product += (hour - meanTime) * (value - meanValue)
                square += (hour - meanTime) * (hour - meanTime)
            }
            return square > 0 ? product / square : 0
        }

        fileprivate var row: [FactValue]? {
            guard let first = values.first, let last = values.last, let start = hours.first, let end = hours.last else { return nil }
            let ordered = values.sorted()
            let high = ordered[min(ordered.count - 1, Int((Double(ordered.count) * 0.95).rounded(.down)))]
            let numbers = [end - start, first, last, ordered[0], ordered[ordered.count - 1]]
            let means = [values.reduce(0, +) / Double(values.count), high, slope]
            return [.text(metric), .text(key), .int(Int64(values.count))] + (numbers + means).map { $0.isFinite ? .real($0) : .null }
        }
    }

    /// The desk's clock, seconds UTC; nil where no answers are being judged now.
    public var time: Int64?
    /// The device's clock at the same moment, seconds UTC.
    public var deviceTime: Int64?
    /// The device's model.
    public var model = ""
    /// The device's site.
    public var site = ""
    /// Telemetry of the last hours.
    public var trends: [Trend] = []
    /// What devices of its model have when they are well, by kind of ``Lesson/kinds``; each item has the kind's columns.
    public var expectations: [String: [[String]]] = [:]

    /// Knows nothing.
    public init() {}

    /// A table of the desk.
    struct Table: Sendable {
        var name: String
        var columns: [(name: String, type: FactType)]
        var rows: @Sendable (DeskFacts) -> [[FactValue]]
    }

    /// The tables, for every diagnosis.
    static let tables =
        [
            Table(
                name: "context", columns: [("time", .int), ("device_time", .int), ("model", .text), ("site", .text)],
                rows: { facts in
                    guard let time = facts.time else { return [] }
                    return [[.int(time), facts.deviceTime.map { .int($0) } ?? .null, .text(facts.model), .text(facts.site)]]
                }),
            Table(
                name: "trends",
                columns: [
                    ("metric", .text), ("key", .text), ("samples", .int), ("hours", .real), ("first", .real), ("last", .real),
                    ("low", .real),
                    ("high", .real), ("mean", .real), ("p95", .real), ("slope_per_hour", .real),
                ], rows: { $0.trends.compactMap(\.row) }),
        ]
        + Lesson.kinds.map { kind in
            Table(
                name: "expected_" + kind.name, columns: kind.columns.map { ($0, .text) },
                rows: { facts in
                    (facts.expectations[kind.name] ?? []).filter { $0.count == kind.columns.count }.map { $0.map { .text($0) } }
                })
        }
}
