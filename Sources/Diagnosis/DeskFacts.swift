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

    /// That the device cannot be reached; nil where its answers are being judged.
    public var contact: Contact?
    /// The other devices of its site, where it cannot be reached.
    public var siblings: [Sibling] = []

    /// The parameters of the remedy that is about to run: name and value.
    var parameters: [NamedValue] = []

    /// A device that cannot be reached. Times are seconds UTC by the desk's clock.
    public struct Contact: Equatable, Sendable {
        /// When its agent was heard last; nil for never.
        public var lastSeen: Int64?
        /// When it could not be reached for the first time since then.
        public var failingSince: Int64?
        /// Code of the failure, such as `timedOut`.
        public var failure: String

        /// Makes a contact of its fields.
        public init(lastSeen: Int64?, failingSince: Int64?, failure: String) {
            (self.lastSeen, self.failingSince, self.failure) = (lastSeen, failingSince, failure)
        }
    }

    /// Another device of the site. Times are seconds UTC by the desk's clock.
    public struct Sibling: Equatable, Sendable {
        /// Its name and model.
        public var name, model: String
        /// When its agent was heard last, and when it was tried last; nil for never.
        public var lastSeen, lastTried: Int64?
        /// Whether it was reached when it was tried last; nil where that is not known.
        public var isReached: Bool?

        /// Makes a sibling of its fields.
        public init(name: String, model: String, lastSeen: Int64?, lastTried: Int64?, isReached: Bool?) {
            (self.name, self.model, self.lastSeen) = (name, model, lastSeen)
            (self.lastTried, self.isReached) = (lastTried, isReached)
        }
    }

    /// Knows nothing.
    public init() {}

    /// A table of the desk.
    struct Table: Sendable {
        var name: String
        var columns: [(name: String, type: FactType)]
        var rows: @Sendable (DeskFacts) -> [[FactValue]]
    }

    private static func number(_ value: Int64?) -> FactValue { value.map { .int($0) } ?? .null }

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
            Table(
                name: "parameters", columns: [("name", .text), ("value", .text)],
                rows: { $0.parameters.map { [.text($0.name), .text($0.value.text)] } }),
            Table(
                name: "contact", columns: [("last_seen", .int), ("failing_since", .int), ("failure", .text)],
                rows: { facts in
                    facts.contact.map { [[number($0.lastSeen), number($0.failingSince), .text($0.failure)]] } ?? []
                }),
            Table(
                name: "siblings",
                columns: [("name", .text), ("model", .text), ("last_seen", .int), ("last_tried", .int), ("reached", .int)],
                rows: { facts in
                    facts.siblings.map {
                        [
                            .text($0.name), .text($0.model), number($0.lastSeen), number($0.lastTried),
                            number($0.isReached.map { $0 ? 1 : 0 }),
                        ]
                    }
                }),
        ]
        + Lesson.kinds.map { kind in
            Table(
                name: "expected_" + kind.name, columns: kind.columns.map { ($0, .text) },
                rows: { facts in
                    (facts.expectations[kind.name] ?? []).filter { $0.count == kind.columns.count }.map { $0.map { .text($0) } }
                })
        }
}
